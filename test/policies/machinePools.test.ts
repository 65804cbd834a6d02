// Policies on pools that Cluster API has.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { NoRollout } from "../../policies/contract";
import { before, definition, imageVersion, capture } from "./examples";
import { Pack, UNKNOWN, type Resource } from "./pack";

let pack: Pack;
beforeAll(async () => void (pack = await Pack.start()));
afterEach(() => pack.configure({}));
afterAll(() => pack.stop());

const KEPT: NoRollout = { maxSurge: 0, maxUnavailable: "0%" };
const GALLERY = { subscriptionID: "s", resourceGroup: "cluster", gallery: "kamino", name: "pool1" };

const prototype = (previous = {}): Resource => ({
    type: "kamino:index:VmssPrototype",
    name: "pool1",
    inputs: { machinePool: "default/pool1" },
    outputs: { previous },
});

function machinePoolImage(version: string, noRollout = KEPT, parent = prototype()): Resource {
    const inputs = { machinePool: "default/pool1", computeGallery: { ...GALLERY, version }, noRollout };
    return { type: "pulumi-nodejs:dynamic/kamino:MachinePoolImage", name: "pool1", inputs, parent };
}

it("a pool whose machines a changed image does not replace passes all policies, as does the component that holds it", async () => {
    expect(await pack.check(machinePoolImage("2026.1122.412"))).toEqual([]);
    expect(await pack.check(prototype())).toEqual([]);
});

describe("machine-pool-no-rollout", () => {
    it.each<[string, NoRollout, boolean]>([
        ["a surge", { maxSurge: 1, maxUnavailable: 0 }, true],
        ["a surge of a few per cent", { maxSurge: "5%", maxUnavailable: "0%" }, true],
        ["machines that may be unavailable", { maxSurge: 0, maxUnavailable: 1 }, true],
        ["the same without the gate", { maxSurge: 0, maxUnavailable: 1, skipsModelReconciliation: false }, true],
        ["the same with the gate", { maxSurge: 0, maxUnavailable: 1, skipsModelReconciliation: true }, false],
        ["a surge with the gate", { maxSurge: 1, maxUnavailable: 0, skipsModelReconciliation: true }, true],
        ["a number that another program sets", { maxSurge: 1, maxUnavailable: 1, replicasManagedBy: "x" }, false],
    ])("%s", async (_, noRollout, refused) => {
        const found = await pack.check(machinePoolImage("2026.1122.412", noRollout));
        expect(found.map(({ policy, level }) => [policy, level])).toEqual(
            refused ? [["machine-pool-no-rollout", "mandatory"]] : [],
        );
    });
});

it("a rollout is refused in a preview that does not know what else is declared", async () => {
    const image = machinePoolImage("2026.1122.412", { maxSurge: 1, maxUnavailable: 0 });
    const found = await pack.check({ ...image, inputs: { ...image.inputs, computeGallery: UNKNOWN } });
    expect(found.map(({ policy, level }) => [policy, level])).toEqual([
        ["machine-pool-no-rollout", "mandatory"],
        ["machine-pool-image-pinned", "advisory"],
    ]);
});

it.each(["latest", "", "2026.1122"])("machine-pool-image-pinned refuses version %j", async (version) => {
    const found = await pack.check(machinePoolImage(version));
    expect(found.map(({ policy }) => policy)).toEqual(["machine-pool-image-pinned"]);
});

describe("policies on the whole stack count a MachinePool as they count a scale set:", () => {
    it("its image version must stay", async () => {
        const parent = prototype();
        const left = await pack.checkStack(parent, definition(), machinePoolImage("2026.1122.412", KEPT, parent));
        expect(left.map(({ policy }) => policy)).toEqual(["image-version-in-use-stays"]);
        const kept = [parent, definition(), capture, imageVersion(), machinePoolImage("2026.1122.412", KEPT, parent)];
        expect(await pack.checkStack(...kept)).toEqual([]);
    });

    it("its bump is a bump", async () => {
        await pack.configure({ "update-bumps-few-pools": { maximum: 1 } });
        const bumps = ["a", "b"].flatMap((name) => {
            const parent = { ...prototype(before()), name };
            return [parent, { ...machinePoolImage("2026.1122.412", KEPT, parent), name }];
        });
        const found = await pack.checkStack(...bumps);
        expect(found.map(({ policy }) => policy)).toContain("update-bumps-few-pools");
    });
});

describe("machines that are single VMs", () => {
    const parent = (name = "pool1", previous = {}): Resource => ({
        ...{ type: "kamino:index:VmssPrototype", name },
        ...{ inputs: { machines: "MachineDeployment default/md1" }, outputs: { previous } },
    });
    const template = (version: string, owner = parent(), name = `md1-${version}`): Resource => ({
        ...{ type: "pulumi-nodejs:dynamic/kamino:MachineTemplate", name: `${owner.name}-${version}` },
        ...{ inputs: { computeGallery: { ...GALLERY, version }, template: name }, parent: owner },
    });
    const reference = (name: string, more: object = { strategy: "OnDelete" }, owner = parent()): Resource => ({
        ...{ type: "pulumi-nodejs:dynamic/kamino:InfrastructureRef", name: owner.name, parent: owner },
        inputs: { machines: "MachineDeployment default/md1", infrastructureRef: { name }, ...more },
    });

    it("pass all policies where another template replaces none of them", async () => {
        expect(await pack.check(reference("md1-1"))).toEqual([]);
        expect(await pack.check(reference("md1-1", { machines: "MachineSet default/ms1" }))).toEqual([]);
        expect(await pack.check(template("2026.1122.412"))).toEqual([]);
        expect(await pack.check(parent())).toEqual([]);
    });

    it.each([[{ strategy: "RollingUpdate" }], [{}], [{ strategy: "RollingUpdate", machines: "MachineSet default/x" }]])(
        "machines-no-rollout refuses %j",
        async (more) => {
            const found = await pack.check(reference("md1-1", more));
            expect(found.map(({ policy, level }) => [policy, level])).toEqual([["machines-no-rollout", "mandatory"]]);
        },
    );

    it.each(["latest", "2026.1122"])("machine-template-pinned refuses version %j", async (version) => {
        const found = await pack.check(template(version));
        expect(found.map(({ policy }) => policy)).toEqual(["machine-template-pinned"]);
    });

    it("need the image of the template that counts, and of no other", async () => {
        const owner = parent();
        const both = [template("2026.1122.412", owner), template("2026.1121.412", owner)];
        const counts = (name: string) => [
            owner,
            definition(),
            ...both,
            reference(name, { strategy: "OnDelete" }, owner),
        ];
        const left = await pack.checkStack(...counts("md1-2026.1122.412"));
        expect(left.map(({ policy }) => policy)).toEqual(["image-version-in-use-stays"]);
        expect(await pack.checkStack(...counts("md1-2026.1122.412"), capture, imageVersion())).toEqual([]);
    });

    it("are bumped as scale sets are", async () => {
        await pack.configure({ "update-bumps-few-pools": { maximum: 1 } });
        const bumps = ["a", "b"].flatMap((name) => {
            const owner = parent(name, before());
            const made = template("2026.1122.412", owner, `md-${name}`);
            return [owner, made, reference(`md-${name}`, { strategy: "OnDelete" }, owner)];
        });
        const found = await pack.checkStack(...bumps);
        expect(found.map(({ policy }) => policy)).toContain("update-bumps-few-pools");
    });
});
