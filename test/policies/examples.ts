// Resources as the program declares them, each passing all policies; specs change one thing at a time.
import { recordOf } from "../../policies/contract";
import type { PreviousPool } from "../../policies/contract";
import type { Resource } from "./pack";

type Json = Record<string, unknown>;

export const GALLERY_ID = "/subscriptions/s/resourceGroups/cluster/providers/Microsoft.Compute/galleries/kamino";
export const SNAPSHOT_ID = "/subscriptions/s/resourceGroups/cluster/providers/Microsoft.Compute/snapshots/pool1-1";
export const NOTHING = Buffer.from("#cloud-config\n{}\n").toString("base64");
export const BILLING = {
    name: "k8s-pool1-12345678-vmss-computeAksLinuxBilling",
    publisher: "Microsoft.AKS",
    type: "Compute.AKS-Engine.Linux.Billing",
};

/** ARM id of one version of pool1's images. */
export function versionId(version: string): string {
    return `${GALLERY_ID}/images/pool1/versions/${version}`;
}

/** A component that holds a pool, with what the last run said of it. */
export function prototype(previous: PreviousPool = {}, name = "pool1"): Resource {
    return {
        type: "kamino:index:VmssPrototype",
        name,
        inputs: { scaleSetOptions: { protect: true, retainOnDelete: true } },
        outputs: { previous },
    };
}

/** The model of a pool after a bump to version 2026.1122.412; `profile` and `model` change parts of it. */
export function model({ profile = {}, ...changes }: { profile?: Json } & Json = {}): Json {
    return {
        resourceGroupName: "cluster",
        vmScaleSetName: "k8s-pool1-12345678-vmss",
        location: "westeurope",
        tags: { poolName: "pool1" },
        upgradePolicy: { mode: "Manual" },
        overprovision: false,
        ...changes,
        virtualMachineProfile: {
            extensionProfile: { extensions: [BILLING] },
            networkProfile: { networkInterfaceConfigurations: [{ name: "nic", primary: true }] },
            osProfile: { adminUsername: "azureuser", customData: NOTHING },
            storageProfile: { imageReference: { id: versionId("2026.1122.412") } },
            ...profile,
        },
    };
}

/** A scale set with this model, as it is in the stack. */
export function scaleSet(inputs: Json = model(), resource: Partial<Resource> = {}): Resource {
    return {
        type: "azure-native:compute:VirtualMachineScaleSet",
        name: "pool1",
        inputs,
        outputs: { ...inputs, provisioningState: "Succeeded", uniqueId: "u" },
        protect: true,
        parent: prototype(),
        ...resource,
    };
}

/** What the last run recorded of the pool before it went to a newer image. */
export function before(changes: { profile?: Json } & Json = {}, version = "2026.1121.409"): PreviousPool {
    const older = { storageProfile: { imageReference: { id: versionId(version) } } };
    const record = recordOf(model({ ...changes, profile: { ...older, ...changes.profile } }));
    return { adopted: true, versions: [version], model: record };
}

export const capture: Resource = {
    type: "pulumi-nodejs:dynamic/kamino:OsDiskCapture",
    name: "pool1-2026.1122.412",
    inputs: {},
    outputs: { snapshotId: SNAPSHOT_ID },
};

/** The node selection of a pool whose current version is this one. */
export function selection(current: string, parent: Resource): Resource {
    const type = "pulumi-nodejs:dynamic/kamino:NodeSelection";
    return { type, name: "pool1", inputs: { current }, parent };
}

/** An image version made from the capture's snapshot. */
export function imageVersion(changes: Json = {}, resource: Partial<Resource> = {}): Resource {
    // What Azure answers has no parent's names, only its own.
    const parents = { resourceGroupName: "cluster", galleryName: "kamino", galleryImageName: "pool1" };
    const answered = {
        galleryImageVersionName: "2026.1122.412",
        publishingProfile: { replicaCount: 3, targetRegions: [{ name: "westeurope" }] },
        storageProfile: { osDiskImage: { source: { id: SNAPSHOT_ID } } },
        tags: { node: "k8s-pool1-12345678-vmss00000b" },
        ...changes,
    };
    return {
        type: "azure-native:compute:GalleryImageVersion",
        name: `pool1-${answered.galleryImageVersionName}`,
        inputs: { ...parents, ...answered },
        outputs: { ...answered, provisioningState: "Succeeded" },
        protect: true,
        propertyDependencies: { storageProfile: [capture] },
        ...resource,
    };
}

export function gallery(changes: Json = {}): Resource {
    const inputs = { resourceGroupName: "cluster", galleryName: "kamino", ...changes };
    return { type: "azure-native:compute:Gallery", name: "kamino", inputs, protect: true };
}

export function definition(changes: Json = {}): Resource {
    const names = { resourceGroupName: "cluster", galleryName: "kamino", galleryImageName: "pool1" };
    const inputs = { ...names, osType: "Linux", osState: "Generalized", ...changes };
    return { type: "azure-native:compute:GalleryImage", name: "pool1", inputs, protect: true };
}

/** A CronJob like the scheduled run's; `pod` and `container` change parts of it. */
export function cronJob({ pod = {}, container = {} }: { pod?: Json; container?: Json } = {}): Resource {
    const run = {
        name: "kamino",
        image: "kamino:1",
        resources: { limits: { cpu: "1", memory: "1Gi" } },
        securityContext: { allowPrivilegeEscalation: false },
        ...container,
    };
    const spec = { securityContext: { runAsNonRoot: true, runAsUser: 1000 }, containers: [run], ...pod };
    const inputs = { spec: { schedule: "0 4 * * *", jobTemplate: { spec: { template: { spec } } } } };
    return { type: "kubernetes:batch/v1:CronJob", name: "kamino", inputs };
}

export function role(...rules: Json[]): Resource {
    return { type: "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", name: "kamino", inputs: { rules } };
}
