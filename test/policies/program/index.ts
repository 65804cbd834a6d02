// A throwaway program: one pool with its images through azure-native, good or bad as the tests' configuration says.
import { compute } from "@pulumi/azure-native";
import * as pulumi from "@pulumi/pulumi";
import { modelAsItIs, modelFromImage, type LiveModel } from "../../../components/pool/model";
import { recordOf } from "../../../policies/contract";
import type { PreviousPool } from "../../../policies/contract";
import type { Wanted } from "./wanted";

const wanted = new pulumi.Config().requireObject<Wanted>("wanted");
const { resourceGroup: resourceGroupName } = wanted;
const location = "westeurope";
const names = { resourceGroupName, galleryName: "kamino", galleryImageName: "pool1" };

/** Stands for the capture of a node's disk: has its type and its output, and takes a snapshot that is there already. */
class Capture extends pulumi.dynamic.Resource {
    declare readonly snapshotId: pulumi.Output<string>;
    constructor(name: string, snapshotId: string, opts: pulumi.CustomResourceOptions) {
        const provider = {
            create: (inputs: { from: string }) => Promise.resolve({ id: "capture", outs: { snapshotId: inputs.from } }),
        };
        super(provider, name, { from: snapshotId, snapshotId: undefined }, opts, "kamino", "OsDiskCapture");
    }
}

class Prototype extends pulumi.ComponentResource {
    constructor(previous: PreviousPool) {
        super("kamino:index:VmssPrototype", "pool1", { scaleSetOptions: { retainOnDelete: true } });
        this.registerOutputs({ previous });
    }
}

function declareVersion(version: string, opts: pulumi.CustomResourceOptions): pulumi.Resource {
    const { snapshotId } = new Capture(`pool1-${version}`, wanted.snapshot ?? "", opts);
    return new compute.GalleryImageVersion(
        `pool1-${version}`,
        {
            ...names,
            galleryImageVersionName: version,
            location,
            publishingProfile: { replicaCount: 2, targetRegions: [{ name: location }] },
            storageProfile: { osDiskImage: { source: { id: snapshotId } } },
        },
        { ...opts, protect: true },
    );
}

async function main() {
    const stack = `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`;
    const { value } = (await new pulumi.StackReference(stack).getOutputDetails("pools")) as { value?: object };
    const previous = (value as { pool1?: PreviousPool } | undefined)?.pool1 ?? {};
    const live = await compute.getVirtualMachineScaleSet({ resourceGroupName, vmScaleSetName: wanted.scaleSet });
    const parent = new Prototype(previous);
    if (wanted.disk !== undefined) {
        const creationData = { createOption: "Empty" };
        new compute.Disk(wanted.disk, {
            resourceGroupName,
            location,
            diskName: wanted.disk,
            diskSizeGB: 4,
            creationData,
        });
    }
    const scaleSet = wanted.asItIs ? asItIs(live, parent) : inFull(live, parent);
    return {
        pools: { pool1: { adopted: scaleSet.id.apply(() => true), versions: wanted.versions, model: scaleSet.model } },
    };
}

function asItIs(live: LiveModel, parent: pulumi.Resource) {
    const model = modelAsItIs(live, resourceGroupName);
    const opts = { parent, protect: true, retainOnDelete: true, import: live.id, ignoreChanges: ["*"] };
    const { id } = new compute.VirtualMachineScaleSet("pool1", model, opts);
    return { id, model: recordOf(model) };
}

function inFull(live: LiveModel, parent: pulumi.Resource) {
    const gallery = new compute.Gallery("kamino", { ...names, location }, { parent });
    const definition = new compute.GalleryImage(
        "pool1",
        {
            ...names,
            location,
            osType: "Linux",
            osState: "Generalized",
            identifier: { publisher: "kamino", offer: "test", sku: "pool1" },
        },
        { parent, dependsOn: gallery },
    );
    const versions = (wanted.versions ?? []).map((version) =>
        declareVersion(version, { parent, dependsOn: definition }),
    );
    const [subscription] = live.id.split("/resourceGroups/");
    const image = `${subscription}/resourceGroups/${resourceGroupName}/providers/Microsoft.Compute/galleries/kamino/images/pool1/versions/${wanted.version}`;
    const settings = { imageVersionId: image, removeExtensions: [], keepExtensions: [] };
    const model = { ...modelFromImage(live, resourceGroupName, settings), ...wanted.model };
    const profile = model.virtualMachineProfile as { storageProfile: object };
    const notAVersion = {
        ...profile,
        storageProfile: { ...profile.storageProfile, imageReference: { id: definition.id } },
    };
    const declared = wanted.version ? model : { ...model, virtualMachineProfile: notAVersion };
    const opts = { parent, protect: true, retainOnDelete: true, dependsOn: [definition, ...versions] };
    const { id } = new compute.VirtualMachineScaleSet("pool1", declared, opts);
    return { id, model: recordOf(model) };
}

export = () => main();
