// Policies on an update as a whole: the number of bumps, what rides along with one, and adopting once.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { PreviousPool } from "../../policies/contract";
import { before, model, prototype, scaleSet, selection, versionId } from "./examples";
import { Pack, UNKNOWN, type Resource } from "./pack";

let pack: Pack;
beforeAll(async () => void (pack = await Pack.start()));
afterEach(() => pack.configure({}));
afterAll(() => pack.stop());

/** A pool as this run declares it, with what the last run said of it. */
function pool(previous: PreviousPool, inputs = model(), name = "pool1", resource: Partial<Resource> = {}): Resource[] {
    const parent = prototype(previous, name);
    return [parent, scaleSet(inputs, { name, parent, ...resource })];
}

const found = async (policy: string, ...resources: Resource[]) =>
    (await pack.checkStack(...resources)).filter((violation) => violation.policy === policy);

describe("update-bumps-few-pools", () => {
    const unchanged = before({}, "2026.1122.412");
    const bumps = (...previous: PreviousPool[]) =>
        previous.flatMap((last, index) => pool(last, model(), `pool${index}`));

    it("lets all pools be bumped at once unless a maximum is set", async () => {
        expect(await found("update-bumps-few-pools", ...bumps(before(), before(), before()))).toEqual([]);
    });

    it("passes as many as the maximum, however many pools stay as they are", async () => {
        await pack.configure({ "update-bumps-few-pools": { maximum: 1 } });
        expect(await found("update-bumps-few-pools", ...bumps(before(), unchanged, unchanged))).toEqual([]);
    });

    it("refuses more than the maximum and names them", async () => {
        await pack.configure({ "update-bumps-few-pools": { maximum: 1 } });
        const [refused] = await found("update-bumps-few-pools", ...bumps(before(), unchanged, before()));
        expect(refused.level).toBe("mandatory");
        expect(refused.message).toContain("At most 1 may change per update; 2 would: pool0, pool2.");
        // What it advises is something that the documented commands can do.
        expect(refused.message).toContain('"pin" in kamino:pools');
        expect(refused.message).not.toContain("--target");
    });

    it("counts a pool whose image is not known, or whose last image was not recorded", async () => {
        await pack.configure({ "update-bumps-few-pools": { maximum: 1 } });
        const unknown = model({ profile: { storageProfile: { imageReference: { id: UNKNOWN } } } });
        const resources = [...pool(unchanged, unknown, "a"), ...pool({ adopted: true }, model(), "b")];
        expect(await found("update-bumps-few-pools", ...resources)).toHaveLength(1);
    });

    it("does not count a pool that is being adopted", async () => {
        await pack.configure({ "update-bumps-few-pools": { maximum: 1 } });
        const adopting = { ignoreChanges: ["*"] };
        const resources = [...pool({}, model(), "a", adopting), ...pool({}, model(), "b", adopting)];
        expect(await found("update-bumps-few-pools", ...resources)).toEqual([]);
    });
});

describe("bump-changes-image-only", () => {
    const drifted = before({ tags: { poolName: "pool1", owner: "someone" }, profile: { networkProfile: {} } });

    it("passes a bump that changes image, extensions and custom data", async () => {
        const bootstrapped = {
            extensionProfile: { extensions: [{ name: "vmssCSE" }] },
            osProfile: { adminUsername: "azureuser" },
        };
        expect(await found("bump-changes-image-only", ...pool(before({ profile: bootstrapped })))).toEqual([]);
    });

    it("passes the first bump, in which sku leaves the stack's state", async () => {
        expect(await found("bump-changes-image-only", ...pool(before({ sku: { capacity: 3 } })))).toEqual([]);
    });

    it("advises against one with which other parts change, and names them", async () => {
        const [advice] = await found("bump-changes-image-only", ...pool(drifted));
        expect(advice.level).toBe("advisory");
        expect(advice.message).toContain("change as well: tags, virtualMachineProfile.networkProfile.");
    });

    it("is mandatory if so configured, but for parts that may change", async () => {
        await pack.configure({ "bump-changes-image-only": { mayChange: ["tags"] } });
        const [refused] = await found("bump-changes-image-only", ...pool(drifted));
        expect(refused.level).toBe("mandatory");
        expect(refused.message).toContain("change as well: virtualMachineProfile.networkProfile.");
    });

    it("does not take the API version for drift, which azure-native adds to what policies see", async () => {
        const checked = { ...model(), azureApiVersion: "2024-11-01" };
        expect(await found("bump-changes-image-only", ...pool(before(), checked))).toEqual([]);
    });

    it("does not take for drift what a record of an earlier version has, and none has any more", async () => {
        const said = before({ orchestrationMode: "Flexible" });
        const record = said.model!;
        const rest = ["constrainedMaximumCapacity=fcbcf165", record.rest].join(" ");
        const flexible = model({ orchestrationMode: "Flexible" });
        const older = { ...said, model: { ...record, rest } };
        expect(await found("bump-changes-image-only", ...pool(older, flexible))).toEqual([]);
        const drift = await found("bump-changes-image-only", ...pool(older, { ...flexible, tags: {} }));
        expect(drift[0].message).toContain("change as well: tags.");
    });

    it("says nothing of a change without a bump: it stands alone in the diff", async () => {
        const same = { storageProfile: { imageReference: { id: versionId("2026.1122.412") } } };
        const changed = before({ tags: {}, profile: same });
        expect(await found("bump-changes-image-only", ...pool(changed))).toEqual([]);
    });

    it("says so when the last run recorded no model", async () => {
        const [advice] = await found("bump-changes-image-only", ...pool({ adopted: true }));
        expect(advice.message).toContain("has no record of the model declared before");
    });

    it("warns when a preview does not know a part of the model", async () => {
        const unknown = model({ tags: { at: UNKNOWN } });
        expect(await found("bump-changes-image-only", ...pool(before(), unknown))).toMatchObject([
            { level: "advisory" },
        ]);
    });
});

describe("scale-set-adopted-once", () => {
    const asItIs = { ignoreChanges: ["*"] };
    const adopting = (previous: PreviousPool, resource: Partial<Resource> = asItIs) =>
        pool(previous, model(), "pool1", resource);

    it("passes the run that adopts a pool, and the one after it that declares it in full", async () => {
        expect(await found("scale-set-adopted-once", ...adopting({}))).toEqual([]);
        expect(await found("scale-set-adopted-once", ...adopting({ adopted: true }, {}))).toEqual([]);
    });

    it("refuses that a later run still declares the pool as it is", async () => {
        const [refused] = await found("scale-set-adopted-once", ...adopting({ adopted: true }));
        expect(refused.level).toBe("mandatory");
        expect(refused.message).toContain("was adopted before");
    });

    it("passes it as long as the pool has no image yet, and not a run longer", async () => {
        const [parent, set] = adopting({ adopted: true });
        expect(await found("scale-set-adopted-once", parent, set, selection("", parent))).toEqual([]);
        expect(await found("scale-set-adopted-once", parent, set, selection("2026.1122.412", parent))).toHaveLength(1);
    });

    it("passes a pool whose foreign image the configuration accepted, as long as the model has it", async () => {
        const accepted = { image: "microsoft-aks:aks:x:1", insteadOf: "2026.1121.409" };
        const at = (image: string | undefined, stated: Partial<typeof accepted> = accepted) => {
            const parent = prototype(before());
            parent.outputs = { ...parent.outputs, accepted: stated, live: { image, rest: "" } };
            return [parent, scaleSet(model(), { parent, ...asItIs })];
        };
        expect(await found("scale-set-adopted-once", ...at(accepted.image))).toEqual([]);
        expect(await found("scale-set-adopted-once", ...at("another"))).toHaveLength(1);
        // A statement without an image accepts none.
        expect(await found("scale-set-adopted-once", ...at(undefined, { insteadOf: "1.0.0" }))).toHaveLength(1);
    });

    it("refuses that a scale set is created under the cover of adopting", async () => {
        const created = { ...asItIs, outputs: { ...model(), provisioningState: UNKNOWN } };
        const [refused] = await found("scale-set-adopted-once", ...adopting({}, created));
        expect(refused.message).toContain("would be created, not adopted");
    });
});

describe("scale-set-never-created", () => {
    const created = (previous: PreviousPool, resource: Partial<Resource> = {}) =>
        found("scale-set-never-created", ...pool(previous, model(), "pool1", resource));

    it("refuses a model of a scale set that has left the stack's state", async () => {
        const [refused] = await created({ ...before(), adopted: false });
        expect(refused).toMatchObject({ level: "mandatory" });
        expect(refused.message).toContain("pool1 is not in the stack and would be created");
    });

    it("refuses a model in full on a first run, and one whose parent states nothing", async () => {
        expect(await created({})).toMatchObject([{ level: "mandatory" }]);
        const orphan = scaleSet(model(), { parent: undefined });
        expect(await found("scale-set-never-created", orphan)).toMatchObject([{ level: "mandatory" }]);
        expect(await found("scale-set-never-created", { ...orphan, ignoreChanges: ["*"] })).toEqual([]);
    });

    it("passes one that is adopted again, and one that is in the stack", async () => {
        expect(await created({ ...before(), adopted: false }, { ignoreChanges: ["*"] })).toEqual([]);
        expect(await created(before())).toEqual([]);
    });
});
