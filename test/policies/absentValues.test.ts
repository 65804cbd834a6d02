// A value that is null or left out is judged, and never ends a policy with an error of JavaScript.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
    BILLING,
    before,
    capture,
    cronJob,
    definition,
    gallery,
    imageVersion,
    model,
    prototype,
    role,
    scaleSet,
    selection,
} from "./examples";
import { Pack, UNKNOWN, type Resource } from "./pack";

let pack: Pack;
beforeAll(async () => void (pack = await Pack.start()));
afterAll(() => pack.stop());

type Json = Record<string, unknown>;

/** The paths of all values within a value, the outer ones first. */
function pathsOf(value: unknown, path: string[] = []): string[][] {
    const members = typeof value === "object" && value !== null ? Object.entries(value) : [];
    return members.flatMap(([name, member]) => [[...path, name], ...pathsOf(member, [...path, name])]);
}

/** The same with the value at a path taken away, or null in its place. */
function without(inputs: object, path: string[], isNull: boolean): Json {
    const copy = structuredClone(inputs) as Json;
    const owner = path.slice(0, -1).reduce<Json>((at, name) => at[name] as Json, copy);
    const last = path.at(-1)!;
    if (isNull) {
        owner[last] = null;
    } else if (Array.isArray(owner)) {
        owner.splice(Number(last), 1);
    } else {
        delete owner[last];
    }
    return copy;
}

const machine = { resourceGroup: "g", gallery: "kamino", name: "p", version: "1.0.0", subscriptionID: "s" };
const dynamic = (type: string, inputs: object): Resource => ({
    type: `pulumi-nodejs:dynamic/kamino:${type}`,
    name: "pool1",
    inputs,
    parent: prototype(),
});

/** Of each kind of resource one with every part that a policy reads. */
const examples: Resource[] = [
    scaleSet(
        model({
            orchestrationMode: "Uniform",
            upgradePolicy: {
                mode: "Manual",
                rollingUpgradePolicy: { maxSurge: true },
                automaticOSUpgradePolicy: { enableAutomaticOSUpgrade: false },
            },
            automaticRepairsPolicy: { enabled: false },
            resiliencyPolicy: { automaticZoneRebalancingPolicy: { enabled: false } },
            profile: {
                extensionProfile: {
                    extensions: [BILLING, { ...BILLING, name: "b", provisionAfterExtensions: [BILLING.name] }],
                },
                userData: "",
            },
        }),
    ),
    scaleSet(model({ tags: { "kamino-bootstrap": "kept" }, profile: { osProfile: { customData: null } } })),
    imageVersion(),
    gallery({ sharingProfile: { permissions: "Private", communityGalleryInfo: {} } }),
    definition(),
    cronJob({ pod: { volumes: [{ name: "v", hostPath: null }], initContainers: [{ name: "i" }] } }),
    role({ apiGroups: [""], resources: ["nodes"], verbs: ["get"], nonResourceURLs: [], resourceNames: ["a"] }),
    prototype(),
    capture,
    selection("2026.1122.412", prototype()),
    dynamic("MachinePoolImage", {
        machinePool: "a/b",
        computeGallery: machine,
        noRollout: { maxSurge: 0, maxUnavailable: "0%" },
    }),
    dynamic("MachineTemplate", { computeGallery: machine, template: "t" }),
    dynamic("InfrastructureRef", {
        machines: "MachineDeployment a/b",
        infrastructureRef: { name: "t" },
        strategy: "OnDelete",
    }),
    dynamic("NewUpdatedNodes", { pool: "a", version: "1.0.0", nodes: 1 }),
    dynamic("ForeignChanges", {
        statement: {
            previous: { adopted: true, versions: ["1.0.0"], model: { image: "a", rest: "b", extensions: [] } },
            live: { image: "a", rest: "b", extensions: [] },
            imageDefinitionId: "d",
            pin: "1.0.0",
        },
    }),
];

const cases = examples.flatMap((example) =>
    pathsOf(example.inputs).map((path): [string, Resource, string[]] => [
        `${example.type.split(":").at(-1)} ${path.join(".")}`,
        example,
        path,
    ]),
);

describe.each([false, true])("with null in its place: %s", (isNull) => {
    it.each(cases)("%s", async (_what, example, path) => {
        const inputs = without(example.inputs, path, isNull);
        // An error in a policy is an error of the call.
        await expect(pack.check({ ...example, inputs })).resolves.toBeInstanceOf(Array);
        const others = [prototype(), capture, definition(), imageVersion()].filter(({ type }) => type !== example.type);
        const changed = { ...example, inputs, outputs: inputs };
        await expect(pack.checkStack(...others, changed)).resolves.toBeInstanceOf(Array);
    });
});

const stated: Json = {
    ...{ previous: before(), retained: "2026.1122.412", pin: "2026.1122.412", reject: ["1.0.0"], trust: ["1.0.0"] },
    ...{ live: { image: "a", rest: "b" }, accepted: { image: "a", insteadOf: "b" } },
};

describe.each([false, true])("what a pool's component states, with null in its place: %s", (isNull) => {
    it.each(pathsOf(stated).map((path): [string, string[]] => [path.join("."), path]))("%s", async (_what, path) => {
        await pack.configure({ "update-bumps-few-pools": { maximum: 1 } });
        const parent = { ...prototype(), outputs: without(stated, path, isNull) };
        for (const opts of [{}, { ignoreChanges: ["*"] }]) {
            const pool = scaleSet(model(), { parent, ...opts });
            await expect(pack.checkStack(parent, definition(), imageVersion(), pool)).resolves.toBeInstanceOf(Array);
        }
    });
});

it("custom data that is null is custom data that is left out", async () => {
    const kept = scaleSet(
        model({ tags: { "kamino-bootstrap": "kept" }, profile: { osProfile: { customData: null } } }),
    );
    expect(await pack.check(kept)).toEqual([]);
    const removed = await pack.check(scaleSet(model({ profile: { osProfile: { customData: null } } })));
    expect(removed).toMatchObject([{ policy: "scale-set-no-bootstrap-data" }]);
    expect(removed[0].message).toContain("left out, the old one stays");
});

it.each([
    ["1 element that a preview does not know", [UNKNOWN], "there is 1."],
    ["others beside it, and a null, which counts for none", [{ lun: 0 }, null, UNKNOWN], "there are 2."],
])("a list is judged in a preview with %s", async (_what, dataDisks, says) => {
    const { storageProfile } = model().virtualMachineProfile as { storageProfile: object };
    const found = await pack.check(scaleSet(model({ profile: { storageProfile: { ...storageProfile, dataDisks } } })));
    expect(found).toMatchObject([{ policy: "scale-set-no-data-disks", level: "mandatory" }]);
    expect(found[0].message).toContain(says);
});

it("an image version without a source is refused in words", async () => {
    const found = await pack.check(imageVersion({ storageProfile: null }));
    expect(found).toMatchObject([{ policy: "image-version-from-snapshot", level: "mandatory" }]);
});
