// VmssPrototype by itself, with Pulumi's mocks: which resources it declares in which run, with which options.
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { GalleryVersion } from "../../../components/azure/imageVersions";
import { emptyCustomData, type DeclaredModel, type LiveModel } from "../../../components/pool/model";
import { readSettings } from "../../../components/config/load";
import type { Choice } from "../../../components/selection/nodeSelection";
import type { PreviousPool } from "../../../policies/contract";
import { liveModel } from "./liveModel";
import type { Pool } from "../../../components/pool/pool";
import { stateOf } from "../../../components/engine/stackState";
import { compare, recordOfLive } from "../../../components/pool/review";

const DEFINITION = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/galleries/kamino/images/pool1";
const [OLD, NEW] = ["2026.1121.0409", "2026.1122.0412"];
const CHOICES: Choice[] = [OLD, NEW].map((version, index) => ({
    ...{
        version,
        node: `pool1-00000${index}`,
        instanceId: String(index),
        rebootNeededAt: "2026-11-22T04:12:00Z",
        attempt: 1,
    },
}));

let selected: { versions: Choice[]; current: string };

/** What the state has, by URN. */
let inState: Record<string, object>;

/** What the ForeignChanges resource was declared with. */
let foreignChanges: object;

/** What was declared, by the last part of its type and its name, with props and options. */
let declared: pulumi.ResourceTransformationArgs[];

beforeAll(async () => {
    await pulumi.runtime.setMocks(
        {
            newResource: ({ type, name, inputs, id }) => {
                if (type.endsWith(":ForeignChanges")) {
                    foreignChanges = inputs as object;
                }
                return {
                    id: id || `${name}-id`,
                    state: {
                        ...(inputs as object),
                        ...(type.endsWith(":NodeSelection") && { ...selected, currentNode: "n", explanation: "why" }),
                        ...(type.endsWith(":OsDiskCapture") && { snapshotId: `/snapshots/${name}` }),
                        ...(type.endsWith(":ForeignChanges") && {
                            writes: (inputs as { rewrite: boolean }).rewrite ? 1 : 0,
                        }),
                    },
                };
            },
            call: () => liveModel(),
        },
        "kamino",
        "test",
        true,
    );
    // The mocks of this version know no hooks, though they say that they do.
    const registerResourceHook = (_request: unknown, done: (error: null) => void) => done(null);
    Object.assign(pulumi.runtime.getMonitor()!, { registerResourceHook });
});
beforeEach(() => {
    declared = [];
    asked = [];
    inState = {};
    [inAzure, reads] = [[], 0];
    answer = () => undefined;
    selected = { versions: CHOICES, current: "2026.1122.0412" };
});

function pool(change: Partial<Pool> = {}): Pool {
    const { pools } = readSettings({
        resourceGroup: "rg",
        pools: JSON.stringify([{ name: "pool1", scaleSet: "pool1" }]),
    });
    return {
        settings: pools[0],
        configKey: "kamino:pools[0].scaleSet",
        scaleSet: { subscriptionId: "s", resourceGroup: "rg", name: "pool1" },
        live: liveModel(),
        liveImage: liveModel().virtualMachineProfile?.storageProfile?.imageReference ?? {},
        location: "westeurope",
        gallery: {
            ...{ subscriptionId: "s", resourceGroup: "rg", name: "kamino" },
            location: "westeurope",
            ...{ managed: true, resourceName: "kamino" },
        },
        definition: { name: "pool1", managed: true, traits: { hyperVGeneration: "V2", architecture: "x64" } },
        storage: { targetRegions: ["westeurope", "northeurope"], storageAccountType: "Standard_ZRS", isZoned: true },
        tags: { team: "nodes" },
        stack: "organization/kamino/test",
        ...change,
    };
}

/** What Azure Policy is asked of, and what it answers. */
let asked: string[];
let answer: () => string | undefined;
const checkPolicies = ({ settings }: Pool, { version }: Choice) => {
    asked.push(`${settings.name} ${version}`);
    return Promise.resolve().then(answer);
};

const checkDonorDisk = () => Promise.resolve();

/** The versions that Azure has, and how often it is asked for them. */
let inAzure: GalleryVersion[];
let reads: number;
const readImages = () => {
    reads++;
    return Promise.resolve(inAzure);
};

async function prototype({ previous = {}, pool: read = pool() }: { previous?: PreviousPool; pool?: Pool } = {}) {
    const { VmssPrototype } = await import("../../../components/pool/vmssPrototype.js");
    const live = recordOfLive(read.live, read);
    const review = { pool: read, live, changes: compare(read, previous, live), line: "" };
    const made = new VmssPrototype(
        "pool1",
        {
            ...{ review, previous, pools: [read], state: stateOf(inState) },
            ...{ checkDonorDisk, checkPolicies, readImages, kubernetes: {} },
        },
        { transformations: [(args) => void declared.push(args)] },
    );
    const outputs = pulumi.output(made.outputs);
    return await new Promise<pulumi.Unwrap<typeof outputs>>((resolve) => outputs.apply(resolve));
}

const ofType = (type: string) => declared.filter((each) => each.type.endsWith(`:${type}`));
const scaleSet = () => ofType("VirtualMachineScaleSet")[0];
const options = () => scaleSet().opts as pulumi.CustomResourceOptions;
const profile = () =>
    (scaleSet().props as DeclaredModel).virtualMachineProfile as Record<string, Record<string, unknown>>;

describe("Azure Policy", () => {
    test("is asked about images that are to be made, and not about those that there are", async () => {
        await prototype({ previous: { adopted: true, versions: [OLD] } });
        expect(asked).toEqual([`pool1 ${NEW}`]);
        expect(ofType("OsDiskCapture")).toHaveLength(2);
    });

    test("that cannot be asked keeps nothing from being declared", async () => {
        answer = () => "no right";
        await prototype();
        expect([asked.length, ofType("GalleryImageVersion").length]).toEqual([2, 2]);
    });
});

describe("how versions are kept", () => {
    const previous = { adopted: true, versions: [OLD] };
    const published = { storageAccountType: "Standard_ZRS", regions: ["westeurope"], hasKeys: false };
    const storage = {
        targetRegions: ["westeurope", "germanynorth"],
        storageAccountType: "Standard_LRS",
        isZoned: false,
    };
    const regions = () =>
        ofType("GalleryImageVersion").map(({ props }) => {
            const { publishingProfile } = props as { publishingProfile: { targetRegions: { name: string }[] } };
            return publishingProfile.targetRegions.map(({ name }) => name).join();
        });

    test("one that Azure has keeps its storage, and new ones have what is configured", async () => {
        inAzure = [{ version: OLD, state: "Succeeded", attempt: 1, published }];
        await prototype({ previous, pool: pool({ storage }) });
        expect(regions()).toEqual(["westeurope", "westeurope,germanynorth"]);
        expect(ofType("GalleryImageVersion")[0].opts).toMatchObject({
            ignoreChanges: [
                "publishingProfile.storageAccountType",
                "publishingProfile.targetRegions[0].encryption",
                "safetyProfile",
            ],
        });
    });

    test("Azure is not asked for them where nothing depends on it", async () => {
        const here = ["westeurope"];
        const storageHere = pool({ storage: { ...storage, targetRegions: here } });
        const { regions: kept } = await prototype({ previous: { ...previous, regions: here }, pool: storageHere });
        expect(kept).toEqual(here);
        expect([reads, regions()]).toEqual([0, ["westeurope", "westeurope"]]);
    });
});

describe("an image that somebody has deleted while it is in use", () => {
    const previous = { adopted: true, versions: [OLD, NEW] };
    const urn = (name: string) => `urn:pulumi:test::kamino::kamino:index:VmssPrototype$azure-native:compute:${name}`;
    const lost = async () => {
        selected = { versions: [CHOICES[0], { ...CHOICES[1], missing: true }], current: NEW };
        await prototype({ previous, pool: pool({ liveVersion: NEW }) });
        return ["GalleryImageVersion", "OsDiskCapture"].map((type) => ofType(type).map(({ name }) => name));
    };

    test("is not declared, nor captured anew, and the model stays", async () => {
        inState = { [urn(`GalleryImageVersion::pool1-${OLD}`)]: {}, [urn(`GalleryImage::pool1-${NEW}`)]: {} };
        expect(await lost()).toEqual([[`pool1-${OLD}`], [`pool1-${OLD}`]]);
        expect(profile().storageProfile.imageReference).toEqual({ id: `${DEFINITION}/versions/${NEW}` });
    });

    test("stays as it is as long as the state has it", async () => {
        inState = { [urn(`GalleryImageVersion::pool1-${NEW}`)]: {} };
        expect((await lost())[0]).toEqual([`pool1-${OLD}`, `pool1-${NEW}`]);
        expect(ofType("GalleryImageVersion")[1].opts).toMatchObject({ protect: true, ignoreChanges: ["*"] });
    });
});

describe("in the first run", () => {
    test("the scale set is imported as it is, and can neither be changed nor deleted by the stack", async () => {
        await prototype();
        expect(options()).toMatchObject({
            import: liveModel().id,
            ignoreChanges: ["*"],
            protect: true,
            retainOnDelete: true,
        });
        expect(profile().storageProfile.imageReference).toMatchObject({ publisher: "microsoft-aks" });
        expect((scaleSet().props as DeclaredModel).sku).toBeUndefined();
    });

    test("each choice has a capture and an image version made from its snapshot", async () => {
        await prototype();
        const names = CHOICES.map(({ version }) => `pool1-${version}`);
        expect(ofType("OsDiskCapture").map(({ name }) => name)).toEqual(names);
        expect(ofType("GalleryImageVersion").map(({ name }) => name)).toEqual(names);
        expect(ofType("GalleryImageVersion")[1].props).toMatchObject({
            galleryImageVersionName: "2026.1122.0412",
            publishingProfile: {
                replicaCount: 3,
                storageAccountType: "Standard_ZRS",
                targetRegions: [{ name: "westeurope" }, { name: "northeurope" }],
            },
        });
    });
});

describe("in the runs after it", () => {
    const previous = { adopted: true };

    test("the model points at the current version, without bootstrap, import and capacity", async () => {
        await prototype({ previous });
        expect(options().import).toBeUndefined();
        expect(options().ignoreChanges).toBeUndefined();
        expect(options()).toMatchObject({ protect: true, retainOnDelete: true });
        expect(profile().storageProfile.imageReference).toEqual({ id: `${DEFINITION}/versions/2026.1122.0412` });
        expect(profile().osProfile.customData).toBe(emptyCustomData());
        expect(profile().extensionProfile.extensions).toMatchObject([{ type: "Compute.AKS-Engine.Linux.Billing" }]);
        expect((scaleSet().props as DeclaredModel).sku).toBeUndefined();
    });

    test("a pool that has no image yet stays as it is", async () => {
        selected = { versions: [], current: "" };
        await prototype({ previous });
        expect(options()).toMatchObject({ import: liveModel().id, ignoreChanges: ["*"] });
        expect(ofType("OsDiskCapture")).toEqual([]);
    });

    test.each<[string, PreviousPool["versions"], string | undefined, boolean[]]>([
        [
            "one that this run makes is not protected yet, nor the one that the model is leaving",
            [OLD],
            OLD,
            [false, false],
        ],
        ["one that the last run made is protected", [OLD, NEW], OLD, [false, true]],
        ["one that the model points at already is protected", [OLD], NEW, [false, true]],
        ["one that a failed first run made is not", undefined, undefined, [false, false]],
    ])("of the versions, %s", async (_what, versions, liveVersion, expected) => {
        await prototype({ previous: { ...previous, versions }, pool: pool({ liveVersion }) });
        const options = ofType("GalleryImageVersion").map(({ opts }) => [opts.protect, opts.retainOnDelete]);
        expect(options).toEqual(expected.map((stays) => [stays, stays]));
    });

    test("of the versions the one is protected that the model is left at as it is adopted anew", async () => {
        await prototype({ previous: { ...previous, adopted: false }, pool: pool({ liveVersion: OLD }) });
        expect(ofType("GalleryImageVersion").map(({ opts }) => opts.protect)).toEqual([true, false]);
    });

    test("an image definition that somebody else made is not declared", async () => {
        const { definition } = pool();
        await prototype({ previous, pool: pool({ definition: { ...definition, managed: false } }) });
        expect(ofType("GalleryImage")).toEqual([]);
    });

    test("the outputs say where the image comes from and why", async () => {
        expect(await prototype({ previous })).toMatchObject({
            node: "n",
            version: "2026.1122.0412",
            versions: ["2026.1121.0409", "2026.1122.0412"],
            scaleSetId: liveModel().id,
            adopted: true,
            explanation: "why",
            model: { image: `${DEFINITION}/versions/2026.1122.0412` },
        });
    });

    test("everything that Azure keeps for the pool has the configured tags", async () => {
        await prototype({ previous });
        for (const type of ["GalleryImage", "GalleryImageVersion"]) {
            expect((ofType(type)[0].props as { tags: object }).tags).toMatchObject({ team: "nodes" });
        }
        expect((ofType("OsDiskCapture")[0].props as { tags: object }).tags).toEqual({});
    });
});

describe("with newUpdatedNodes", () => {
    const at = (version: string) => ({ image: `${DEFINITION}/versions/${version}`, rest: "" });
    const wants = (more: object = {}) => {
        const { pools } = readSettings({
            resourceGroup: "rg",
            pools: JSON.stringify([{ name: "pool1", scaleSet: "pool1", newUpdatedNodes: 1, maxNodes: 5, ...more }]),
        });
        return pool({ settings: pools[0] });
    };
    const bump = { adopted: true, versions: [OLD], model: at(OLD) };

    test("nodes are added once for a version, after the model points at it", async () => {
        const { newNodes } = await prototype({ previous: bump, pool: wants() });
        expect(newNodes).toEqual([NEW]);
        const [{ name, props, opts }] = ofType("NewUpdatedNodes");
        expect(name).toBe(`pool1-${NEW}`);
        const { __provider: _code, added: _added, outcome: _outcome, ...inputs } = props as Record<string, unknown>;
        // Nothing of what the autoscaler changes: a plan would break.
        expect(inputs).toEqual({
            ...{ pool: "pool1", version: NEW, nodes: 1, maxNodes: 5 },
            ...{ scaleSetId: liveModel().id, imageDefinitionId: DEFINITION },
        });
        const [dependency] = (opts as { dependsOn: pulumi.Resource[] }).dependsOn;
        expect((dependency as pulumi.Resource & { __name: string }).__name).toBe("pool1");
        expect(dependency.constructor.name).toBe("VirtualMachineScaleSet");
        expect((scaleSet().props as DeclaredModel).sku).toBeUndefined();
    });

    test("they stay in the stack as they are as long as the image does", async () => {
        const previous = { adopted: true, versions: [OLD, NEW], model: at(NEW), newNodes: [OLD, NEW] };
        expect((await prototype({ previous, pool: wants() })).newNodes).toEqual([OLD, NEW]);
        expect(ofType("NewUpdatedNodes").map(({ name }) => name)).toEqual([`pool1-${OLD}`, `pool1-${NEW}`]);
    });

    test("none are added by the run that adopts the pool, for a pinned version, or without the setting", async () => {
        expect((await prototype({ pool: wants() })).newNodes).toEqual([]);
        expect((await prototype({ previous: bump, pool: wants({ pin: NEW }) })).newNodes).toEqual([]);
        const without = await prototype({ previous: { ...bump, newNodes: [OLD] } });
        expect(without).not.toHaveProperty("newNodes");
        expect(ofType("NewUpdatedNodes")).toEqual([]);
    });
});

describe("when somebody else has changed the model since the last run", () => {
    const foreign = "/subscriptions/s/resourceGroups/x/providers/Microsoft.Compute/galleries/g/images/i/versions/1.0.0";
    const ours = { ...recordOfLive(liveModel(), pool()), image: `${DEFINITION}/versions/${NEW}`, extensions: [] };
    const previous = { adopted: true, versions: [OLD, NEW], model: ours };

    /** The pool with its model pointing at an image, and what the configuration says of foreign changes. */
    function changed(id: string, onForeignChange?: string, more: object = {}): Pool {
        const live = liveModel();
        const { storageProfile } = live.virtualMachineProfile!;
        const { pools } = readSettings({
            resourceGroup: "rg",
            pools: JSON.stringify([{ name: "pool1", scaleSet: "pool1", onForeignChange, ...more }]),
        });
        return pool({
            settings: pools[0],
            live: {
                ...live,
                virtualMachineProfile: {
                    ...live.virtualMachineProfile,
                    storageProfile: { ...storageProfile, imageReference: { id } },
                    extensionProfile: { extensions: [] },
                },
            } as unknown as LiveModel,
        });
    }
    const changes = () => foreignChanges;

    test("the plan shows live → wanted, and the model is written once more", async () => {
        const outputs = await prototype({ previous, pool: changed(foreign, "restore") });
        expect(changes()).toMatchObject({
            onForeignChange: "restore",
            changes: { image: `g/i/1.0.0 → ${NEW}` },
            // For the policy pack to judge by itself.
            statement: {
                onForeignChange: "restore",
                live: { image: foreign },
                previous: { model: { image: ours.image } },
            },
        });
        expect(options().ignoreChanges).toBeUndefined();
        expect(profile().storageProfile.imageReference).toEqual({ id: ours.image });
        expect(profile().osProfile.customData).not.toBe(emptyCustomData());
        expect(outputs).toMatchObject({ foreignChangesSeen: true, model: { image: ours.image } });
    });

    test("an adopted foreign image stays as it is, and is what the next run compares with", async () => {
        const outputs = await prototype({ previous, pool: changed(foreign, "adopt") });
        expect(changes()).toMatchObject({ changes: { image: "g/i/1.0.0 stays" } });
        expect(options()).toMatchObject({ ignoreChanges: ["*"] });
        expect(options().import).toBeUndefined();
        expect(outputs).toMatchObject({
            accepted: { image: foreign, insteadOf: NEW },
            model: { image: foreign },
            foreignChangesSeen: true,
        });
    });

    describe("and that was adopted", () => {
        const accepted = { image: foreign, insteadOf: NEW };
        const after = { ...previous, model: { ...ours, image: foreign }, accepted, foreignChangesSeen: true };

        test("the model stays as it is in the runs after, whatever the configuration said then", async () => {
            for (const onForeignChange of [undefined, "stop", "adopt"]) {
                declared = [];
                const outputs = await prototype({ previous: after, pool: changed(foreign, onForeignChange) });
                expect(options()).toMatchObject({ ignoreChanges: ["*"] });
                expect(changes()).toMatchObject({ changes: {} });
                expect(changes()).not.toHaveProperty("statement");
                expect(outputs.accepted).toEqual(accepted);
            }
        });

        test.each<[string, object, typeof selected | undefined]>([
            ["there is a newer image", {}, { versions: CHOICES, current: "2026.1123.0412" }],
            ["the configuration says restore", { onForeignChange: "restore" }, undefined],
            ["the configuration pins a version", { pin: NEW }, undefined],
        ])("the stack writes its own once %s", async (_what, more, selection) => {
            selected = selection ?? selected;
            const outputs = await prototype({ previous: after, pool: changed(foreign, undefined, more) });
            expect(options().ignoreChanges).toBeUndefined();
            expect(profile().osProfile.customData).not.toBe(emptyCustomData());
            expect(outputs.accepted).toBeUndefined();
            expect(changes()).toMatchObject({
                changes: { image: `g/i/1.0.0 → ${outputs.version}` },
            });
        });
    });

    test("nothing is declared for a pool whose model nobody ever changed", async () => {
        await prototype({ previous, pool: changed(ours.image) });
        expect(ofType("ForeignChanges")).toEqual([]);
        expect(profile().osProfile.customData).toBe(emptyCustomData());
    });
});
