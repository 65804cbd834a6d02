// A single VM's model: what is added to it, what is refused when it is made, what may be changed later.
import { randomUUID } from "node:crypto";
import type { Cloud } from "../cloud";
import { imageSizeGB, type ImageReference } from "../images";
import { ArmError, changeNotAllowed, invalidParameter, missingParameter } from "../http/errors";
import type { Json } from "../machineModel";
import { normalLocation, region } from "../regions";
import { isObject, merge } from "../resources/common";
import { SingleVm } from "../singleVm";
import { timestamp } from "../timestamp";
import type { Wire } from "../wire";
import { afterWrite, type WantedDataDisk } from "./dataDisks";
import { addIdentity, addOsDefaults, child, defaultAccountType } from "./defaults";
import { checkEncryptionSet } from "./encryption";
import { checkImageFits } from "./imageFit";

/** An OS profile, as far as it is looked at. */
interface OsProfile {
    computerName?: string;
    adminUsername?: string;
    customData?: string;
    linuxConfiguration?: { ssh?: { publicKeys?: { path: string }[] } };
}

/** A name of these characters, 64 at most (https://learn.microsoft.com/azure/virtual-machines/linux/create-vm-faq). */
const HOST_NAME = /^[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?$/i;

/** A VM that is not made yet, from a request body. Throws what the compute service refuses at once. */
export function newVirtualMachine(cloud: Cloud, id: string, body: Json): SingleVm {
    const properties = (body.properties ?? {}) as Record<string, Json | undefined>;
    if (properties.hardwareProfile?.vmSize === undefined) {
        throw missingParameter("hardwareProfile.vmSize");
    }
    const vm = new SingleVm(stored(cloud, id, body), cloud.now());
    const { model } = vm;
    const {
        imageReference,
        osDisk,
        dataDisks = [],
    } = model.storageProfile as {
        imageReference?: Json;
        osDisk: Json & { name?: string; createOption: string };
        dataDisks?: WantedDataDisk[];
    };
    if (osDisk.createOption !== "FromImage") {
        const message = `The local Azure makes VMs from images only, not with an OS disk by '${osDisk.createOption}'.`;
        throw invalidParameter("osDisk.createOption", message);
    }
    if (imageReference === undefined) {
        throw missingParameter("imageReference");
    }
    checkOsProfile(model.osProfile);
    checkPlace(cloud, vm);
    checkNetwork(cloud, vm);
    checkImageFits(cloud, model);
    const made = dataDisks.filter(({ createOption }) => createOption !== "Attach");
    for (const disk of [osDisk, ...made] as (Json & { name?: string; managedDisk?: Json })[]) {
        checkEncryptionSet(cloud, (disk.managedDisk?.diskEncryptionSet as { id?: string })?.id, model.location, vm.id);
        checkDiskName(cloud, vm, disk.name);
    }
    vm.dataDisks = afterWrite(
        cloud,
        vm,
        dataDisks.filter(({ createOption }) => createOption === "Attach"),
    );
    return vm;
}

/**
 * Changes a VM's model by a PUT's or PATCH's body: what is absent stays. Tags, data disks, size and identity may be
 * changed; what else differs is refused. Data disks are left to the caller.
 */
export function updateVirtualMachine(cloud: Cloud, vm: SingleVm, body: Json): Wire {
    const { wire } = vm;
    const given = structuredClone((body.properties ?? {}) as Record<string, Json | undefined>);
    delete given.storageProfile?.dataDisks;
    for (const [name, value] of [
        ["zones", body.zones],
        ["plan", body.plan],
        ["availabilitySet", given.availabilitySet],
        ["networkProfile", given.networkProfile],
        ["imageReference", given.storageProfile?.imageReference],
        ["osDisk.name", (given.storageProfile?.osDisk as Json | undefined)?.name],
        ["customData", given.osProfile?.customData],
        ["computerName", given.osProfile?.computerName],
        ["adminUsername", given.osProfile?.adminUsername],
    ] as const) {
        if (value !== undefined && !covers(current(vm, name), value)) {
            throw changeNotAllowed(name);
        }
    }
    const { storageProfile, ...others } = given;
    const changed = merge(wire, {
        properties: { ...others, ...(storageProfile && { storageProfile }) },
        ...(body.identity !== undefined && { identity: body.identity }),
    }) as unknown as Wire;
    changed.tags = (body.tags as Record<string, string> | undefined) ?? wire.tags;
    addIdentity(cloud, changed);
    return changed;
}

/** What the model says of a member that cannot be changed. */
function current({ model, computerName, osDiskId }: SingleVm, name: string): unknown {
    const { wire, osProfile, storageProfile } = model;
    switch (name) {
        case "zones":
        case "plan":
            return wire[name];
        case "imageReference":
            return storageProfile.imageReference;
        case "osDisk.name":
            return osDiskId.slice(osDiskId.lastIndexOf("/") + 1);
        case "customData":
        case "adminUsername":
            return osProfile[name];
        case "computerName":
            return computerName;
        default:
            return wire.properties[name];
    }
}

/** Whether the stored value has all that is given, texts in any casing. */
function covers(stored: unknown, given: unknown): boolean {
    if (isObject(given)) {
        return Object.entries(given).every(([name, value]) =>
            covers(isObject(stored) ? stored[name] : undefined, value),
        );
    }
    if (Array.isArray(given)) {
        const kept = Array.isArray(stored) ? stored : [];
        return given.length === kept.length && given.every((value, index) => covers(kept[index], value));
    }
    return JSON.stringify(stored)?.toLowerCase() === JSON.stringify(given).toLowerCase();
}

function stored(cloud: Cloud, id: string, body: Json): Wire {
    const { properties, tags, ...rest } = structuredClone(body);
    const wire: Wire = {
        ...rest,
        id,
        name: id.slice(id.lastIndexOf("/") + 1),
        type: "Microsoft.Compute/virtualMachines",
        location: normalLocation(String(body.location)),
        tags: (tags ?? {}) as Record<string, string>,
        properties: { ...(properties as Json), timeCreated: timestamp(cloud.now()) },
    };
    addIdentity(cloud, wire);
    const os = child(wire.properties, "osProfile");
    addOsDefaults(os);
    os.computerName ??= wire.name;
    if (isObject(os.linuxConfiguration)) {
        os.linuxConfiguration.enableVMAgentPlatformUpdates ??= false;
        os.linuxConfiguration.patchSettings ??= { patchMode: "ImageDefault", assessmentMode: "ImageDefault" };
    }
    const storage = child(wire.properties, "storageProfile");
    const disk = child(storage, "osDisk");
    disk.osType ??= "Linux";
    disk.createOption ??= "FromImage";
    disk.caching ??= "ReadWrite";
    disk.deleteOption ??= disk.diffDiskSettings ? "Delete" : "Detach";
    disk.diskSizeGB ??= imageSizeGB(cloud, storage.imageReference as ImageReference);
    const size = String((wire.properties.hardwareProfile as Json).vmSize);
    child(disk, "managedDisk").storageAccountType ??= defaultAccountType(size);
    storage.dataDisks ??= [];
    for (const dataDisk of storage.dataDisks as Json[]) {
        dataDisk.deleteOption ??= "Detach";
    }
    return wire;
}

function checkOsProfile(osProfile: Json): void {
    const { computerName = "", adminUsername, customData = "", linuxConfiguration } = osProfile as OsProfile;
    if (adminUsername === undefined) {
        throw missingParameter("adminUsername");
    }
    if (!HOST_NAME.test(computerName)) {
        const message =
            "Linux host name cannot exceed 64 characters in length or contain the following characters: ` ~ ! @ # $ % ^ & * ( ) = + _ [ ] { } \\\\ | ; : ' \" , < > / ?.";
        throw invalidParameter("linuxConfiguration", message);
    }
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(customData) || customData.length > 87380) {
        const message =
            "Custom data in OSProfile must be in Base64 encoding and with a maximum length of 87380 characters.";
        throw invalidParameter("customData", message);
    }
    // Where it has to be and no other (text of the service's list of errors).
    const place = `/home/${adminUsername}/.ssh/authorized_keys`;
    if (linuxConfiguration?.ssh?.publicKeys?.some(({ path }) => path !== place)) {
        const message = `Destination path for SSH public keys is currently limited to its default value ${place} due to a known issue in Linux provisioning agent.`;
        throw invalidParameter("linuxConfiguration.ssh.publicKeys.path", message);
    }
}

/** A zone, or an availability set, or neither; a set is in the VM's region and made for managed disks. */
function checkPlace(cloud: Cloud, { model, zone }: SingleVm): void {
    const id = model.availabilitySetId;
    if (zone !== undefined && !region(model.location)?.zones) {
        const message = `The zone(s) '${zone}' for resource '${model.wire.id}' is not supported. The region ${model.location} does not support availability zones.`;
        throw new ArmError(400, "AvailabilityZoneNotSupported", message);
    }
    if (id === undefined) {
        return;
    }
    if (zone !== undefined) {
        const message = "The property 'availabilitySet' cannot be used together with property 'zones'.";
        throw new ArmError(400, "InvalidParameterConflictingProperties", message, { target: "availabilitySet" });
    }
    const set = cloud.availabilitySets.get(id);
    if (!set || set.wire.location !== model.location) {
        throw new ArmError(404, "NotFound", `The Availability Set ${id} cannot be found.`);
    }
    if ((set.wire.sku as Json).name !== "Aligned") {
        const message =
            "Addition of a VM with managed disks to non-managed Availability Set or addition of a VM with blob based disks to managed Availability Set is not supported. Please create an Availability Set with 'managed' property set in order to add a VM with managed disks to it.";
        throw new ArmError(400, "BadRequest", message);
    }
}

/** At least one interface, each there, in the VM's region and nobody else's (codes reported, texts shortened). */
function checkNetwork(cloud: Cloud, { model, id: vmId }: SingleVm): void {
    const given = model.networkInterfaces;
    if (given.length === 0) {
        throw missingParameter("networkProfile");
    }
    if (given.length > 1 && given.filter(({ properties }) => properties?.primary).length !== 1) {
        const message = `Virtual machine ${model.name} must have one network interface set as the primary.`;
        throw new ArmError(400, "VirtualMachineMustHaveOneNetworkInterfaceAsPrimary", message);
    }
    for (const { id } of given) {
        const found = cloud.networkInterfaces.get(id);
        if (!found || found.wire.location !== model.location) {
            const message = `Resource ${id} referenced by resource ${vmId} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region.`;
            throw new ArmError(400, "InvalidResourceReference", message);
        }
        const owner = ownerOfInterface(cloud, id);
        if (owner) {
            const message = `Network interface ${id} is used by existing VM ${owner.id}.`;
            throw new ArmError(400, "NetworkInterfaceInUse", message);
        }
    }
}

/** Which VM has this network interface. */
export function ownerOfInterface(cloud: Cloud, interfaceId: string): SingleVm | undefined {
    const id = interfaceId.toLowerCase();
    return cloud.fleet.singles
        .all()
        .find(({ model }) => model.networkInterfaces.some((one) => one.id.toLowerCase() === id));
}

// Text reported many times over, for example in terraform-provider-azurerm.
function checkDiskName(cloud: Cloud, vm: SingleVm, name: string | undefined): void {
    const id = vm.newDiskId("", randomUUID(), name);
    if (cloud.disks.get(id)) {
        const group = id.split("/")[4].toUpperCase();
        const message = `Disk ${name} already exists in resource group ${group}. Only CreateOption.Attach is supported.`;
        throw new ArmError(409, "ConflictingUserInput", message, { target: id });
    }
}
