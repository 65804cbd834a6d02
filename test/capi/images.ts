// Images for machine pools and deployments: taken from a machine's disk through ARM and cleaned by the product's own
// script, and which machine was made from which.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { cleaningScript } from "../../components/capture/cleaning";
import type { Vm } from "../../sandbox/azure";
import { GROUP, type ClusterApi } from "../../sandbox/capi/index";
import type { Sandbox } from "../../sandbox/sandbox";
import { computeClient } from "../azure/support";

const run = promisify(execFile);
const GALLERY = "kamino";
const LOCATION = "westeurope";

/** `AzureMachinePool.spec.template.image` for a version in the gallery. */
export interface GalleryImage {
    computeGallery: { subscriptionID: string; resourceGroup: string; gallery: string; name: string; version: string };
}

/** Makes an image version from a copy of a running machine's disk, whose node joins by kubeadm. */
export async function imageFrom(sandbox: Sandbox, vm: Vm, name: string, version: string): Promise<GalleryImage> {
    const { azure } = sandbox;
    const client = computeClient(azure);
    const snapshot = await client.snapshots.createOrUpdate(GROUP, `${name}-${version}`, {
        location: LOCATION,
        incremental: true,
        creationData: { createOption: "Copy", sourceResourceId: vm.osDiskId },
    });
    await clean(azure.diskFolder(snapshot.id ?? "") ?? "", vm, version);
    await client.galleries.createOrUpdate(GROUP, GALLERY, { location: LOCATION });
    await client.galleryImages.createOrUpdate(GROUP, GALLERY, name, {
        ...{ location: LOCATION, osType: "Linux", osState: "Generalized", hyperVGeneration: "V1" },
        identifier: { publisher: "kamino", offer: "pools", sku: name },
    });
    await client.galleryImageVersions.createOrUpdate(GROUP, GALLERY, name, version, {
        location: LOCATION,
        publishingProfile: { targetRegions: [{ name: LOCATION }] },
        storageProfile: { osDiskImage: { source: { id: snapshot.id } } },
    });
    const where = { subscriptionID: azure.subscriptionId, resourceGroup: GROUP, gallery: GALLERY };
    return { computeGallery: { ...where, name, version } };
}

/** Points a pool at an image in place of the one of the marketplace. */
export async function setImage(capi: ClusterApi, pool: string, image: GalleryImage): Promise<void> {
    const patch = { spec: { template: { image: { marketplace: null, ...image } } } };
    await capi.objects.patch("AzureMachinePool", pool, patch);
}

/** The image versions that the pool's machines were made from, by instance id. */
export async function imagesOf(sandbox: Sandbox, pool: string): Promise<Record<string, string>> {
    const images: Record<string, string> = {};
    for await (const vm of computeClient(sandbox.azure).virtualMachineScaleSetVMs.list(GROUP, pool)) {
        images[vm.instanceId ?? ""] = versionOf(vm.storageProfile?.imageReference);
    }
    return images;
}

/** The image versions that single VMs were made from, by name. */
export async function imagesOfVms(sandbox: Sandbox, vms: Vm[]): Promise<Record<string, string>> {
    const { virtualMachines } = computeClient(sandbox.azure);
    const found = vms.map(async ({ instanceId }): Promise<[string, string]> => {
        const { storageProfile } = await virtualMachines.get(GROUP, instanceId);
        return [instanceId, versionOf(storageProfile?.imageReference)];
    });
    return Object.fromEntries(await Promise.all(found));
}

/** The image version of the pool's model. */
export async function modelImage(sandbox: Sandbox, pool: string): Promise<string> {
    const model = await computeClient(sandbox.azure).virtualMachineScaleSets.get(GROUP, pool);
    return versionOf(model.virtualMachineProfile?.storageProfile?.imageReference);
}

function versionOf(image: { id?: string; version?: string } = {}): string {
    return image.id?.split("/").at(-1) ?? image.version ?? "";
}

async function clean(disk: string, vm: Vm, version: string): Promise<void> {
    const env = {
        PATH: process.env.PATH,
        HOST_ROOT: disk,
        KAMINO_NODE: vm.nodeName,
        KAMINO_VERSION: version,
        KAMINO_KERNEL: vm.kernelVersion,
        KAMINO_CUSTOM_DATA: "kept",
        KAMINO_RESULT: "/dev/null",
    };
    await run("/bin/sh", ["-c", cleaningScript("copy")], { env });
}
