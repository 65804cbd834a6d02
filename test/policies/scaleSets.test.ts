// Policies on scale sets: a resource that passes and ones that do not, for each.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BILLING, GALLERY_ID, NOTHING, model, prototype, scaleSet, versionId } from "./examples";
import { Pack, UNKNOWN, type Resource } from "./pack";

let pack: Pack;
beforeAll(async () => void (pack = await Pack.start()));
afterAll(() => pack.stop());

const base64 = (text: string) => Buffer.from(text).toString("base64");
const withImage = (imageReference: object) => scaleSet(model({ profile: { storageProfile: { imageReference } } }));
const withExtension = (...extensions: object[]) => scaleSet(model({ profile: { extensionProfile: { extensions } } }));
const withData = (customData?: string) => scaleSet(model({ profile: { osProfile: { customData } } }));
const SCRIPT = { name: "vmssCSE", publisher: "Microsoft.Azure.Extensions", type: "CustomScript" };
const AGENT = { name: "oms", publisher: "Contoso", type: "Agent" };

/** By policy: what a resource that it refuses looks like, and words of what it says. */
const refused: [policy: string, resource: Resource, says: string][] = [
    ["scale-set-manual-upgrades", scaleSet(model({ upgradePolicy: { mode: "Automatic" } })), "is Automatic"],
    ["scale-set-manual-upgrades", scaleSet(model({ upgradePolicy: undefined })), "is not declared"],
    [
        "scale-set-manual-upgrades",
        scaleSet(model({ orchestrationMode: "Flexible", upgradePolicy: { mode: "Rolling" } })),
        "is Rolling",
    ],
    [
        "scale-set-no-automatic-os-upgrades",
        scaleSet(
            model({
                upgradePolicy: { mode: "Manual", automaticOSUpgradePolicy: { enableAutomaticOSUpgrade: true } },
            }),
        ),
        "enableAutomaticOSUpgrade must be false",
    ],
    [
        "scale-set-no-rolling-upgrades",
        scaleSet(model({ upgradePolicy: { mode: "Rolling", rollingUpgradePolicy: { maxBatchInstancePercent: 20 } } })),
        "would roll the model out",
    ],
    ["scale-set-capacity-not-declared", scaleSet(model({ sku: { name: "D4", capacity: 3 } })), "sku must be left out"],
    ["scale-set-image-pinned", withImage({ id: `${GALLERY_ID}/images/pool1` }), "/images/pool1"],
    ["scale-set-image-pinned", withImage({ id: versionId("latest") }), "versions/latest"],
    ["scale-set-image-pinned", withImage({ publisher: "Canonical", version: "latest" }), "version latest"],
    ["scale-set-image-pinned", withImage({ id: versionId("1.2.3"), offer: "aks" }), "also has offer"],
    ["scale-set-image-pinned", withImage({ communityGalleryImageId: "/CommunityGalleries/x/Images/y" }), "Community"],
    [
        "scale-set-extensions",
        withExtension(BILLING, SCRIPT),
        "vmssCSE (Microsoft.Azure.Extensions/CustomScript) bootstraps",
    ],
    [
        "scale-set-extensions",
        withExtension({ ...SCRIPT, publisher: "Microsoft.OSTCExtensions", type: "CustomScriptForLinux" }),
        "bootstraps",
    ],
    [
        "scale-set-extensions",
        withExtension({ name: "x", publisher: "Microsoft.Azure.ContainerUpstream", type: "CAPZ.Linux.Bootstrapping" }),
        "bootstraps",
    ],
    [
        "scale-set-extension-order",
        withExtension({ ...AGENT, provisionAfterExtensions: ["vmssCSE"] }),
        'for "vmssCSE", which is gone',
    ],
    [
        "scale-set-no-automatic-repairs",
        scaleSet(model({ automaticRepairsPolicy: { enabled: true } })),
        "Replace a node that is off",
    ],
    [
        "scale-set-no-automatic-repairs",
        scaleSet(model({ automaticRepairsPolicy: { enabled: true, repairAction: "Restart" } })),
        "must be false",
    ],
    [
        "scale-set-no-zone-rebalancing",
        scaleSet(model({ resiliencyPolicy: { automaticZoneRebalancingPolicy: { enabled: true } } })),
        "automaticZoneRebalancingPolicy.enabled must be false",
    ],
    [
        "scale-set-no-automatic-patching",
        scaleSet(
            model({
                profile: {
                    osProfile: {
                        customData: NOTHING,
                        linuxConfiguration: { patchSettings: { patchMode: "AutomaticByPlatform" } },
                    },
                },
            }),
        ),
        "patchSettings.patchMode must be ImageDefault",
    ],
    ["scale-set-no-overprovisioning", scaleSet(model({ overprovision: true })), "overprovision must be false"],
    [
        "scale-set-no-data-disks",
        scaleSet(
            model({
                profile: {
                    storageProfile: {
                        imageReference: { id: versionId("1.2.3") },
                        dataDisks: [{ lun: 0, createOption: "Empty" }],
                    },
                },
            }),
        ),
        "there is 1",
    ],
    ["scale-set-no-bootstrap-data", withData(base64("#cloud-config\nruncmd: [reboot]\n")), "does nothing"],
    ["scale-set-no-bootstrap-data", withData(base64("#!/bin/sh\n# a script that only comments\n")), "does nothing"],
    ["scale-set-no-bootstrap-data", withData(base64("\n#include https://example.com/x\n")), "does nothing"],
    ["scale-set-no-bootstrap-data", withData(base64("\u001f\u008b zipped")), "does nothing"],
    ["scale-set-no-bootstrap-data", withData(undefined), "left out, the old one stays"],
    [
        "scale-set-no-bootstrap-data",
        scaleSet(model({ profile: { osProfile: { customData: NOTHING } }, tags: { "kamino-bootstrap": "kept" } })),
        "must be left out where the tag",
    ],
    [
        "scale-set-no-bootstrap-data",
        scaleSet(model({ profile: { osProfile: {} }, tags: { "kamino-bootstrap": "keptsake" } })),
        "left out, the old one stays",
    ],
    [
        "scale-set-no-bootstrap-data",
        scaleSet(model({ profile: { userData: base64("#!/bin/sh\nreboot\n") } })),
        "userData must be left out",
    ],
    ["scale-set-retained", scaleSet(model(), { protect: false }), "protect must be true"],
    ["scale-set-retained", { ...prototype(), inputs: {} }, "retainOnDelete must be true"],
    ["scale-set-retained", scaleSet(model(), { parent: undefined }), "must be a child of a VmssPrototype"],
    [
        "scale-set-retained",
        scaleSet(model(), { parent: { type: "my:own:Component", name: "c", inputs: prototype().inputs } }),
        "must be a child of a VmssPrototype",
    ],
];

describe("a scale set whose model is one image version, and that rolls out nothing", () => {
    it("passes every policy", async () => {
        expect(await pack.check(scaleSet())).toEqual([]);
        expect(await pack.check(prototype())).toEqual([]);
    });

    it("may have no extension at all, and custom data that is empty", async () => {
        expect(await pack.check(withExtension())).toEqual([]);
        expect(await pack.check(withData(""))).toEqual([]);
        expect(await pack.check(withData(NOTHING))).toEqual([]);
    });

    it("may be of mode Flexible and name no upgrade mode, which there means Manual", async () => {
        for (const upgradePolicy of [undefined, {}, { mode: "Manual" }]) {
            const flexible = model({ orchestrationMode: "Flexible", overprovision: undefined, upgradePolicy });
            expect(await pack.check(scaleSet(flexible))).toEqual([]);
        }
    });

    it("may have a dormant rolling upgrade policy also in mode Flexible without an upgrade mode", async () => {
        const upgradePolicy = { rollingUpgradePolicy: { maxSurge: true } };
        const flexible = model({ orchestrationMode: "Flexible", overprovision: undefined, upgradePolicy });
        expect(await pack.check(scaleSet(flexible))).toEqual([]);
        await pack.configure({ "scale-set-no-rolling-upgrades": { allowDormant: false } });
        const [{ policy, message }] = await pack.check(scaleSet(flexible));
        expect(policy).toBe("scale-set-no-rolling-upgrades");
        expect(message).not.toContain("roll the model out");
        await pack.configure({});
    });

    it("may have a rolling upgrade policy that lies dormant, unless the option forbids it", async () => {
        const dormant = scaleSet(
            model({ upgradePolicy: { mode: "Manual", rollingUpgradePolicy: { maxSurge: true } } }),
        );
        expect(await pack.check(dormant)).toEqual([]);
        await pack.configure({ "scale-set-no-rolling-upgrades": { allowDormant: false } });
        expect((await pack.check(dormant)).map(({ policy }) => policy)).toEqual(["scale-set-no-rolling-upgrades"]);
        await pack.configure({});
    });
});

describe.each(refused)("%s", (policy, resource, says) => {
    it(`refuses a scale set and says "${says}"`, async () => {
        const found = (await pack.check(resource)).filter((violation) => violation.policy === policy);
        expect(found).toHaveLength(1);
        expect(found[0]).toMatchObject({ level: "mandatory", message: expect.stringContaining(says) as string });
    });
});

describe("the extensions that may stay", () => {
    it("are those of the option, by pattern on name or publisher and type, without case", async () => {
        await pack.configure({ "scale-set-extensions": { allowed: ["contoso/*", "vmss*"] } });
        expect(await pack.check(withExtension({ name: "x", publisher: "Contoso", type: "Agent" }))).toEqual([]);
        expect(await pack.check(withExtension(BILLING))).toHaveLength(1);
    });

    it("are all that do not bootstrap, unless the option says otherwise", async () => {
        await pack.configure({});
        expect(await pack.check(withExtension(BILLING, AGENT))).toEqual([]);
        const ordered = { ...AGENT, provisionAfterExtensions: [BILLING.name.toUpperCase()] };
        expect(await pack.check(withExtension(BILLING, ordered))).toEqual([]);
    });

    it("bootstrap where the tag says that new nodes join by it", async () => {
        const profile = { osProfile: {}, extensionProfile: { extensions: [SCRIPT] } };
        const kept = scaleSet(
            model({ profile, tags: { "kamino-bootstrap": "kept; written over a foreign change: 1" } }),
        );
        expect(await pack.check(kept)).toEqual([]);
    });

    it("never bootstrap, not even if the option lists them", async () => {
        await pack.configure({ "scale-set-extensions": { allowed: ["*", "*/*"] } });
        expect(await pack.check(withExtension(SCRIPT))).toMatchObject([
            { message: expect.stringContaining("bootstraps") as string },
        ]);
        await pack.configure({});
    });
});

it("a component that does not retain its scale set is said once, where it is declared", async () => {
    const parent = { ...prototype(), inputs: {} };
    const stated = (await pack.check(parent)).filter(({ policy }) => policy === "scale-set-retained");
    expect(stated).toHaveLength(1);
    const again = await pack.checkStack(parent, scaleSet(model(), { parent }));
    expect(again.filter(({ policy }) => policy === "scale-set-retained")).toEqual([]);
});

it("a scale set whose component says that Cluster API has it is refused, since it states no retainOnDelete", async () => {
    const parent = { ...prototype(), inputs: { machinePool: "default/pool1" } };
    const found = (await pack.checkStack(parent, scaleSet(model(), { parent, ignoreChanges: ["*"] }))).filter(
        ({ policy }) => policy === "scale-set-retained",
    );
    expect(found).toMatchObject([
        { level: "mandatory", message: expect.stringContaining("retainOnDelete must be true") as string },
    ]);
    expect(await pack.checkStack(prototype(), scaleSet(model(), { ignoreChanges: ["*"] }))).toEqual([]);
});

it.each([{ enabled: false }, undefined])("zone rebalancing that is off passes: %j", async (policy) => {
    const found = await pack.check(scaleSet(model({ resiliencyPolicy: { automaticZoneRebalancingPolicy: policy } })));
    expect(found).toEqual([]);
});

it("switches that are on as text are on", async () => {
    const on = model({
        overprovision: "true",
        automaticRepairsPolicy: { enabled: "True" },
        resiliencyPolicy: { automaticZoneRebalancingPolicy: { enabled: "true" } },
        upgradePolicy: { mode: "Manual", automaticOSUpgradePolicy: { enableAutomaticOSUpgrade: "true" } },
    });
    expect((await pack.check(scaleSet(on))).map(({ policy }) => policy)).toEqual([
        "scale-set-no-automatic-os-upgrades",
        "scale-set-no-automatic-repairs",
        "scale-set-no-zone-rebalancing",
        "scale-set-no-overprovisioning",
    ]);
});

it("instance repairs that are off pass", async () => {
    expect(await pack.check(scaleSet(model({ automaticRepairsPolicy: { enabled: false } })))).toEqual([]);
});

describe("the run that adopts a pool", () => {
    const asItWas = model({
        sku: { capacity: 3 },
        profile: {
            extensionProfile: { extensions: [SCRIPT] },
            osProfile: {},
            storageProfile: { imageReference: { publisher: "Canonical", version: "latest" } },
        },
    });

    it("is let through with its old model, and says why", async () => {
        const [said, ...others] = await pack.check(scaleSet(asItWas, { ignoreChanges: ["*"] }));
        expect(said).toMatchObject({ policy: "scale-set-adoption", level: "advisory" });
        expect(said.message).toContain("is let through: this run takes the pool into the stack as it is");
        expect(others).toEqual([]);
    });

    it("has to protect the pool all the same", async () => {
        const found = await pack.check(scaleSet(asItWas, { ignoreChanges: ["*"], protect: false }));
        expect(found.map(({ policy }) => policy)).toContain("scale-set-retained");
    });

    it("differs from one that ignores changes of single properties", async () => {
        const found = await pack.check(scaleSet(asItWas, { ignoreChanges: ["sku", "tags"] }));
        expect(found.map(({ policy }) => policy)).toContain("scale-set-capacity-not-declared");
    });
});

describe("a value that a preview does not know yet", () => {
    it("is warned of, and refused in the update that knows it", async () => {
        const unknown = await pack.check(withImage({ id: UNKNOWN }));
        expect(unknown).toMatchObject([{ policy: "scale-set-image-pinned", level: "advisory" }]);
        expect(unknown[0].message).toContain("can't be known during preview");
        const known = await pack.check(withImage({ id: `${GALLERY_ID}/images/pool1` }));
        expect(known).toMatchObject([{ policy: "scale-set-image-pinned", level: "mandatory" }]);
    });

    it("hides nothing that is known", async () => {
        const found = await pack.check(
            scaleSet(model({ upgradePolicy: { mode: "Rolling" }, profile: { extensionProfile: UNKNOWN } })),
        );
        expect(found.map(({ policy, level }) => `${policy} ${level}`)).toEqual([
            "scale-set-manual-upgrades mandatory",
            "scale-set-extensions advisory",
            "scale-set-extension-order advisory",
        ]);
    });
});

describe.each([
    "azure-native:compute/v20240701:",
    "azure-native_compute_v20241101:compute/v20241101:",
    "azure-native_Compute_v20241101:Compute/v20241101:",
])("resources of a named API version, whose types begin with %s,", (prefix) => {
    it.each(refused)("are refused by %s", async (policy, resource, says) => {
        const type = resource.type.replace("azure-native:compute:", prefix);
        const found = (await pack.check({ ...resource, type })).filter((violation) => violation.policy === policy);
        expect(found).toMatchObject([{ level: "mandatory", message: expect.stringContaining(says) as string }]);
    });
});
