// The disks of a VM: made with it from its scale set's model, gone with it.
import { randomBytes, randomUUID } from "node:crypto";
import type { Cloud } from "./cloud";
import type { Stored } from "./wire";
import { capitalGroup } from "./ids";
import { definitionOf, diskFromImage, galleryVersion, type ImageReference } from "./images";
import type { Json, ScaleSetRecord } from "./scaleSetRecord";
import { timestamp } from "./timestamp";
import type { DataDisk, VmRecord } from "./vmRecord";
import { vmSize } from "./vmSizes";

/**
 * Gives a VM its OS disk from the model's image, and on its first time the model's data disks. The disks are separate
 * resources in the set's group, which the service writes in capitals there; ephemeral OS disks are none.
 */
export function giveDisks(cloud: Cloud, vm: VmRecord): void {
    const { scaleSet } = vm;
    const isNew = vm.diskDirectory === "";
    const osDisk = (scaleSet.storageProfile.osDisk ?? {}) as Json;
    vm.storageProfile = madeFrom(cloud, scaleSet);
    const reference = vm.storageProfile.imageReference as ImageReference;
    const folder = `${scaleSet.name.slice(0, 40)}-${vm.number}`;
    vm.diskDirectory = diskFromImage(cloud, folder, reference, scaleSet.location);
    vm.osDiskId = osDisk.diffDiskSettings ? "" : addDisk(cloud, vm, `OsDisk_1`, osDisk, vm.diskDirectory);
    if (isNew) {
        vm.dataDisks = modelDataDisks(cloud, vm);
    }
}

/** Takes a VM's OS disk away, and with `all` its data disks that are not to outlive it. */
export function dropDisks(cloud: Cloud, vm: VmRecord, { all }: { all: boolean }): void {
    if (vm.osDiskId) {
        cloud.disks.delete(vm.osDiskId);
    }
    cloud.folders.remove(vm.diskDirectory);
    if (!all) {
        return;
    }
    for (const disk of vm.dataDisks) {
        if (disk.createOption !== "Attach" || disk.deleteOption === "Delete") {
            remove(cloud, disk.managedDisk.id);
        }
    }
    vm.dataDisks = [];
}

/** Generation of the machines that boot this image: its gallery definition's, or by the marketplace sku's name. */
export function hyperVGeneration(cloud: Cloud, reference: ImageReference): string {
    if (!reference.id) {
        return /gen2|-g2$|_2$/i.test(reference.sku ?? "") ? "V2" : "V1";
    }
    const definitionId = reference.id.replace(/\/versions\/[^/]+$/i, "");
    return (cloud.definitions.get(definitionId)?.wire.properties.hyperVGeneration as string | undefined) ?? "V1";
}

function remove(cloud: Cloud, id: string): void {
    cloud.folders.remove(cloud.disks.get(id)?.folder);
    cloud.disks.delete(id);
}

// What the set's model says later does not change what this VM was made from.
function madeFrom(cloud: Cloud, scaleSet: ScaleSetRecord): Json {
    const profile = structuredClone(scaleSet.storageProfile);
    const reference = (profile.imageReference ?? {}) as ImageReference & { exactVersion?: string };
    const version = galleryVersion(cloud, reference, scaleSet.location);
    if (version) {
        reference.exactVersion = version.wire.name;
    } else if (reference.version !== undefined) {
        reference.exactVersion = reference.version;
    }
    return { ...profile, imageReference: reference };
}

function modelDataDisks(cloud: Cloud, vm: VmRecord): DataDisk[] {
    const wanted = (vm.scaleSet.storageProfile.dataDisks ?? []) as (Json & { lun: number; createOption: string })[];
    return wanted.map((disk) => {
        const id = addDisk(cloud, vm, `disk${disk.lun + 2}`, disk, undefined);
        const { lun, caching, createOption } = disk;
        const storageAccountType = accountType(disk);
        return {
            lun,
            name: nameOf(id),
            caching: caching as string | undefined,
            createOption,
            managedDisk: { id, storageAccountType },
        };
    });
}

function addDisk(cloud: Cloud, vm: VmRecord, part: string, disk: Json, folder: string | undefined): string {
    const { scaleSet } = vm;
    const name = `${scaleSet.name}_${scaleSet.name}_${vm.number}_${part}_${randomBytes(16).toString("hex")}`;
    const id = `${capitalGroup(scaleSet.groupId)}/providers/Microsoft.Compute/disks/${name}`;
    const account = accountType(disk);
    const stored: Stored = {
        id,
        folder,
        wire: {
            id,
            name,
            type: "Microsoft.Compute/disks",
            location: scaleSet.location,
            ...(vm.zone && { zones: [vm.zone] }),
            tags: {},
            sku: { name: account, tier: account.split("_")[0] },
            properties: {
                ...(folder !== undefined && ofImage(cloud, vm)),
                ...(folder === undefined && { creationData: { createOption: "Empty" } }),
                diskSizeGB: disk.diskSizeGB ?? 30,
                diskSizeBytes: Number(disk.diskSizeGB ?? 30) * 1024 ** 3,
                encryption: encryptionOf(disk),
                networkAccessPolicy: "AllowAll",
                publicNetworkAccess: "Enabled",
                timeCreated: timestamp(cloud.now()),
                provisioningState: "Succeeded",
                uniqueId: randomUUID(),
            },
        },
    };
    cloud.disks.set(stored);
    return id;
}

/** What an OS disk has from its image and its machine. */
function ofImage(cloud: Cloud, vm: VmRecord): Json {
    const { scaleSet, storageProfile } = vm;
    const osDisk = (storageProfile.osDisk ?? {}) as Json;
    const reference = storageProfile.imageReference as ImageReference;
    const plan = scaleSet.wire.plan as Json | undefined;
    const version = galleryVersion(cloud, reference, scaleSet.location);
    const features = (version && definitionOf(cloud, version)?.wire.properties.features) as
        { name: string; value: string }[] | undefined;
    const size = vmSize(scaleSet.sku.name);
    const controllers = features?.find(({ name }) => name === "DiskControllerTypes")?.value;
    return {
        osType: osDisk.osType ?? "Linux",
        hyperVGeneration: hyperVGeneration(cloud, reference),
        ...(plan && { purchasePlan: { name: plan.name, publisher: plan.publisher, product: plan.product } }),
        supportedCapabilities: {
            diskControllerTypes: controllers ?? (size?.controllers.includes("NVMe") ? "SCSI, NVMe" : "SCSI"),
            acceleratedNetwork: true,
            architecture: size?.architecture ?? "x64",
        },
        ...securityOf(scaleSet),
        creationData: { createOption: "FromImage" },
    };
}

function securityOf(scaleSet: ScaleSetRecord): Json {
    const type = ((scaleSet.profile.securityProfile ?? {}) as Json).securityType;
    return type && type !== "Standard" ? { securityProfile: { securityType: type } } : {};
}

function encryptionOf(disk: Json): Json {
    const set = ((disk.managedDisk as Json | undefined)?.diskEncryptionSet as Json | undefined)?.id;
    return set === undefined
        ? { type: "EncryptionAtRestWithPlatformKey" }
        : { type: "EncryptionAtRestWithCustomerKey", diskEncryptionSetId: set };
}

function accountType(disk: Json): string {
    return ((disk.managedDisk as Json | undefined)?.storageAccountType as string | undefined) ?? "Standard_LRS";
}

function nameOf(id: string): string {
    return id.slice(id.lastIndexOf("/") + 1);
}
