// The disks of a VM: made with it from its model, gone with it unless they are to be kept.
import { randomBytes, randomUUID } from "node:crypto";
import type { Cloud } from "./cloud";
import type { Stored } from "./wire";
import { definitionOf, diskFromImage, galleryVersion, type ImageReference } from "./images";
import type { Json, MachineModel } from "./machineModel";
import { timestamp } from "./timestamp";
import type { DataDisk, VmRecord } from "./vmRecord";
import { vmSize } from "./vmSizes";

/**
 * Gives a VM its OS disk from the model's image, and on its first time the model's data disks. The disks are separate
 * resources in the model's group; ephemeral OS disks are none.
 */
export function giveDisks(cloud: Cloud, vm: VmRecord): void {
    const { model } = vm;
    const isNew = vm.diskDirectory === "";
    const osDisk = (model.storageProfile.osDisk ?? {}) as Json;
    vm.storageProfile = madeFrom(cloud, model);
    const reference = vm.storageProfile.imageReference as ImageReference;
    const folder = `${model.name.slice(0, 40)}-${vm.instanceId.slice(0, 10)}`;
    vm.diskDirectory = diskFromImage(cloud, folder, reference, model.location);
    vm.osDiskId = osDisk.diffDiskSettings ? "" : addDisk(cloud, vm, `OsDisk_1`, osDisk, vm.diskDirectory);
    if (isNew) {
        vm.dataDisks = [...vm.dataDisks, ...modelDataDisks(cloud, vm)];
    }
}

/** Takes a VM's OS disk away, and with `all` its data disks that are not to outlive it. */
export function dropDisks(cloud: Cloud, vm: VmRecord, { all }: { all: boolean }): void {
    const osDisk = (vm.storageProfile.osDisk ?? {}) as { deleteOption?: string; createOption?: string };
    const kept = all && vm.osDiskId !== "" && vm.keeps(osDisk);
    if (!kept) {
        cloud.disks.delete(vm.osDiskId);
        cloud.folders.remove(vm.diskDirectory);
    }
    if (!all) {
        return;
    }
    for (const disk of vm.dataDisks) {
        if (!vm.keeps(disk)) {
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

// What the model says later does not change what this VM was made from.
function madeFrom(cloud: Cloud, model: MachineModel): Json {
    const profile = structuredClone(model.storageProfile);
    const reference = (profile.imageReference ?? {}) as ImageReference & { exactVersion?: string };
    const version = galleryVersion(cloud, reference, model.location);
    if (version) {
        reference.exactVersion = version.wire.name;
    } else if (reference.version !== undefined) {
        reference.exactVersion = reference.version;
    }
    return { ...profile, imageReference: reference };
}

function modelDataDisks(cloud: Cloud, vm: VmRecord): DataDisk[] {
    const all = (vm.model.storageProfile.dataDisks ?? []) as (Json &
        Pick<DataDisk, "lun" | "createOption" | "deleteOption">)[];
    const made = all.filter(({ createOption }) => createOption !== "Attach");
    return made.map((disk) => {
        const id = addDisk(cloud, vm, `disk${disk.lun + 2}`, disk, undefined);
        const { lun, caching, createOption } = disk;
        const storageAccountType = accountType(disk);
        return {
            lun,
            name: nameOf(id),
            caching: caching as string | undefined,
            createOption,
            ...(disk.deleteOption !== undefined && { deleteOption: disk.deleteOption }),
            managedDisk: { id, storageAccountType },
        };
    });
}

function addDisk(cloud: Cloud, vm: VmRecord, part: string, disk: Json, folder: string | undefined): string {
    const id = vm.newDiskId(part, randomBytes(16).toString("hex"), disk.name as string | undefined);
    const account = accountType(disk);
    const stored: Stored = {
        id,
        folder,
        wire: {
            id,
            name: nameOf(id),
            type: "Microsoft.Compute/disks",
            location: vm.location,
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
    const { model, storageProfile } = vm;
    const osDisk = (storageProfile.osDisk ?? {}) as Json;
    const reference = storageProfile.imageReference as ImageReference;
    const { plan } = model;
    const version = galleryVersion(cloud, reference, model.location);
    const features = (version && definitionOf(cloud, version)?.wire.properties.features) as
        { name: string; value: string }[] | undefined;
    const size = vmSize(model.size);
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
        ...securityOf(model),
        creationData: { createOption: "FromImage" },
    };
}

function securityOf({ securityProfile }: MachineModel): Json {
    const type = securityProfile.securityType;
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
