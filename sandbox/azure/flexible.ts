// What a scale set of orchestration mode Flexible makes: single VMs, which are resources as their network interfaces
// and disks are, and say which set they belong to; and which other VMs may be attached to such a set.
import { randomBytes, randomInt } from "node:crypto";
import type { Cloud } from "./cloud";
import { ArmError } from "./http/errors";
import type { Json } from "./machineModel";
import { newVirtualMachine } from "./model/virtualMachineRules";
import { newNetworkInterface } from "./resources/networkInterfaces";
import type { ScaleSetRecord } from "./scaleSetRecord";
import type { SingleVm } from "./singleVm";

/** A network interface of a set's model. */
interface NetworkConfiguration {
    name: string;
    properties: Json & { primary?: boolean; deleteOption?: string };
}

/**
 * A VM from the set's model, which is not made yet, and its network interfaces, which are. Its name is the set's, `_`
 * and eight characters of a GUID, its computer's name the prefix and six characters. Its interfaces are called as the
 * model's, with the same eight characters.
 * Sources: https://learn.microsoft.com/azure/virtual-machine-scale-sets/virtual-machine-scale-sets-instance-ids and
 * …/virtual-machine-scale-sets-modify-cli; cloud-provider-azure, azure_vmssflex_cache.go
 */
export function newFlexibleVm(cloud: Cloud, set: ScaleSetRecord): SingleVm {
    const hex = randomBytes(4).toString("hex");
    const name = `${set.name.slice(0, 55)}_${hex}`;
    const { networkProfile, osProfile, extensionProfile: _given, timeCreated: _ofTheModel, ...profile } = set.profile;
    const networks = ((networkProfile as Json).networkInterfaceConfigurations ?? []) as NetworkConfiguration[];
    const { computerNamePrefix = set.name, ...os } = osProfile as Json & { computerNamePrefix?: string };
    const zones = (set.wire.zones ?? []) as string[];
    const number = set.nextInstance++;
    const vm = newVirtualMachine(cloud, `${set.groupId}/providers/Microsoft.Compute/virtualMachines/${name}`, {
        location: set.location,
        tags: set.wire.tags,
        ...(zones.length > 0 && { zones: [zones[number % zones.length]] }),
        ...(set.plan && { plan: set.plan }),
        ...(set.wire.identity !== undefined && { identity: structuredClone(set.wire.identity) }),
        properties: {
            ...structuredClone(profile),
            virtualMachineScaleSet: { id: set.id },
            hardwareProfile: { vmSize: set.size },
            osProfile: { computerName: computerNamePrefix + sixCharacters(), ...structuredClone(os) },
            networkProfile: { networkInterfaces: networks.map((one) => addInterface(cloud, set, one, hex)) },
        },
    });
    vm.madeBy = { set, modelVersion: set.modelVersion };
    vm.model.extensions = structuredClone(set.extensions);
    return vm;
}

function sixCharacters(): string {
    return randomInt(36 ** 6)
        .toString(36)
        .padStart(6, "0")
        .toUpperCase();
}

function addInterface(cloud: Cloud, set: ScaleSetRecord, { name, properties }: NetworkConfiguration, hex: string) {
    const { primary = true, deleteOption = "Delete", ...rest } = structuredClone(properties);
    const id = `${set.groupId}/providers/Microsoft.Network/networkInterfaces/${name}-${hex}`;
    cloud.networkInterfaces.set(newNetworkInterface(cloud, id, { location: set.location, properties: rest }));
    return { id, properties: { primary, deleteOption } };
}

/** All VMs that say that they belong to the set, in the order in which they came to be there. */
export function membersOf(cloud: Cloud, scaleSetId: string): SingleVm[] {
    const id = scaleSetId.toLowerCase();
    return cloud.fleet.singles.all().filter((vm) => vm.scaleSetId?.toLowerCase() === id);
}

/** Makes a VM anew from the set's model as it is now: what other upgrade modes than Manual do, or somebody by hand. */
export async function upgradeFlexibleVm(cloud: Cloud, vm: SingleVm): Promise<void> {
    if (!vm.madeBy || vm.latestModelApplied) {
        return;
    }
    const { set } = vm.madeBy;
    const { properties } = vm.model.wire;
    (properties.storageProfile as Json).imageReference = structuredClone(set.storageProfile.imageReference);
    (properties.osProfile as Json).customData = set.osProfile.customData;
    vm.model.extensions = structuredClone(set.extensions);
    vm.madeBy.modelVersion = set.modelVersion;
    await cloud.fleet.reimage(vm);
}

/** Deletes a VM with those of its interfaces that are to go with it; the capacity goes down with one of the model. */
export async function deleteWithInterfaces(cloud: Cloud, vm: SingleVm): Promise<void> {
    if (vm.madeBy && !vm.deleted) {
        vm.madeBy.set.takeOneOff();
    }
    await takeAway(cloud, vm);
}

/** The same where the capacity is what takes it away. */
export async function takeAway(cloud: Cloud, vm: SingleVm): Promise<void> {
    await cloud.fleet.delete(vm);
    for (const { id, properties } of vm.model.networkInterfaces) {
        if (properties?.deleteOption === "Delete") {
            cloud.networkInterfaces.delete(id);
        }
    }
}

/**
 * What the compute service refuses of a VM that says that it belongs to a scale set. Texts and rules:
 * https://learn.microsoft.com/azure/virtual-machine-scale-sets/virtual-machine-scale-sets-attach-detach-vm
 */
export function checkMembership(cloud: Cloud, vm: SingleVm): void {
    const { scaleSetId } = vm;
    if (scaleSetId === undefined) {
        return;
    }
    const set = cloud.scaleSets.get(scaleSetId);
    if (!set || set.groupId.toLowerCase() !== vm.model.groupId.toLowerCase()) {
        const message = `The Virtual Machine Scale Set '${scaleSetId}' referenced by the Virtual Machine does not exist.`;
        throw new ArmError(404, "NotFound", message);
    }
    if (!set.isFlexible) {
        const message = `This operation is not allowed because referenced Virtual Machine Scale Set '${set.name}' does not have orchestration mode set to 'Flexible'.`;
        throw new ArmError(409, "OperationNotAllowed", message);
    }
    const zones = (set.wire.zones ?? []) as string[];
    if (zones.length === 0 ? vm.zone !== undefined : !zones.includes(vm.zone ?? "")) {
        const message = `Virtual Machine '${vm.model.name}' must be in one of the zones of Virtual Machine Scale Set '${set.name}'.`;
        throw new ArmError(409, "OperationNotAllowed", message);
    }
}
