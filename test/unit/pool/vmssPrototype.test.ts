// VmssPrototype by itself, with Pulumi's mocks: which resources it declares in which run, with which options.
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { EMPTY_CUSTOM_DATA, type DeclaredModel } from "../../../components/pool/model";
import { readSettings } from "../../../components/config/load";
import type { Choice } from "../../../components/selection/nodeSelection";
import type { VmssPrototypeArgs } from "../../../components/pool/vmssPrototype";
import type { PreviousPool } from "../../../policies/contract";
import { liveModel } from "./liveModel";
import type { Pool } from "../../../components/pool/pool";

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

/** What was declared, by the last part of its type and its name, with props and options. */
let declared: pulumi.ResourceTransformationArgs[];

beforeAll(async () => {
    await pulumi.runtime.setMocks(
        {
            newResource: ({ type, name, inputs, id }) => ({
                id: id || `${name}-id`,
                state: {
                    ...(inputs as object),
                    ...(type.endsWith(":NodeSelection") && { ...selected, currentNode: "n", explanation: "why" }),
                    ...(type.endsWith(":OsDiskCapture") && { snapshotId: `/snapshots/${name}` }),
                },
            }),
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
        location: "westeurope",
        gallery: {
            ...{ subscriptionId: "s", resourceGroup: "rg", name: "kamino" },
            location: "westeurope",
            declared: true,
        },
        definition: { name: "pool1", declared: true, traits: { hyperVGeneration: "V2", architecture: "x64" } },
        targetRegions: ["westeurope", "northeurope"],
        storageAccountType: "Standard_ZRS",
        stack: "organization/kamino/test",
        ...change,
    };
}

async function prototype(change: Partial<VmssPrototypeArgs> = {}) {
    const { VmssPrototype } = await import("../../../components/pool/vmssPrototype.js");
    const made = new VmssPrototype(
        "pool1",
        { pool: pool(), previous: {}, kubernetes: {}, ...change },
        { transformations: [(args) => void declared.push(args)] },
    );
    const { node, version, versions, scaleSetId, adopted, explanation, model } = made;
    const outputs = pulumi.output({ node, version, versions, scaleSetId, adopted, explanation, model });
    return await new Promise<pulumi.Unwrap<typeof outputs>>((resolve) => outputs.apply(resolve));
}

const ofType = (type: string) => declared.filter((each) => each.type.endsWith(`:${type}`));
const scaleSet = () => ofType("VirtualMachineScaleSet")[0];
const options = () => scaleSet().opts as pulumi.CustomResourceOptions;
const profile = () =>
    (scaleSet().props as DeclaredModel).virtualMachineProfile as Record<string, Record<string, unknown>>;

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
        expect(profile().osProfile.customData).toBe(EMPTY_CUSTOM_DATA);
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
        expect(ofType("GalleryImageVersion").map(({ opts }) => opts.protect)).toEqual(expected);
    });

    test("an image definition that was there before the stack is none of its resources", async () => {
        const { definition } = pool();
        await prototype({ previous, pool: pool({ definition: { ...definition, declared: false } }) });
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
});
