// The VMs of a scale set whose orchestration mode is Flexible: single VMs, each of which says what set it belongs to.
import type { VirtualMachine } from "@azure/arm-compute";
import { collect, computeClient, readOrUndefined } from "./client";
import { isComputerName } from "./computerName";
import { parseArmId } from "./ids";
import { machineOf, type Machine } from "./machines";

/** A VM that a Flexible scale set has made from its model. */
export interface FlexibleVm {
    /** The VM's name in its resource group, which is the set's. */
    name: string;
    vmId: string;
    /** The name of its node, unless kubelet was given another one. */
    node: string;
    machine: Machine;
}

/**
 * The VMs that a Flexible scale set has made from its model, in the order of their names; none if it does not exist.
 * One request for each page. VMs that somebody has attached to the set are left out: they are of any image.
 *
 * The list of VMs with this filter is the way that Azure's documentation names. That of the set itself
 * (`virtualMachineScaleSets/NAME/virtualMachines`) says neither tags nor, in this mode, an instance view.
 * Sources: https://learn.microsoft.com/azure/virtual-machine-scale-sets/orchestration-modes-api-comparison,
 * https://learn.microsoft.com/rest/api/compute/virtual-machines/list (`$filter`, and `$expand` with it),
 * Azure/azure-rest-api-specs#27441, Azure/azure-sdk-for-go#19707
 *
 * @param prefix the model's `computerNamePrefix`
 * @throws UserError in one line when Azure is away or refuses
 */
export async function readFlexibleVms(scaleSetId: string, prefix?: string): Promise<FlexibleVm[]> {
    const { names } = parseArmId(scaleSetId);
    const vms = await readOrUndefined(`the VMs of ${names[0]}`, async () => collect(await listVms(scaleSetId)));
    return (vms ?? [])
        .filter((vm) => isMadeFromModel(vm, scaleSetId, prefix))
        .map((vm) => {
            const machine = machineOf(vm, vm.name);
            return { name: vm.name ?? "", vmId: vm.id ?? "", node: machine.name, machine };
        })
        .sort((a, b) => a.name.localeCompare(b.name));
}

/** The VMs of a Flexible scale set, attached ones included, page by page, with their instance views. */
export async function listVms(scaleSetId: string): Promise<AsyncIterable<VirtualMachine>> {
    const { subscriptionId, resourceGroup } = parseArmId(scaleSetId);
    const { virtualMachines } = await computeClient(subscriptionId);
    const filter = `'virtualMachineScaleSet/id' eq '${scaleSetId}'`;
    return virtualMachines.list(resourceGroup, { filter, expand: "instanceView" });
}

/**
 * Whether a VM is one that the scale set has made from its model. It says that it belongs to the set, as one that was
 * attached by hand does, too; Azure has no mark that tells the two apart. So it must have been made from an image,
 * with names as Azure gives them.
 *
 * @param prefix the model's `computerNamePrefix`; the set's name where it has none
 */
export function isMadeFromModel(
    { name = "", virtualMachineScaleSet, osProfile, storageProfile }: VirtualMachine,
    scaleSetId: string,
    prefix?: string,
): boolean {
    const set = parseArmId(scaleSetId).names[0];
    return (
        virtualMachineScaleSet?.id?.toLowerCase() === scaleSetId.toLowerCase() &&
        storageProfile?.osDisk?.createOption === "FromImage" &&
        isNameOfVm(name, set) &&
        isComputerName(osProfile?.computerName ?? "", prefix ?? set)
    );
}

/** A VM's name has 64 characters at most. */
const LONGEST_START = 64 - "_12345678".length;

/**
 * Whether Azure gives this name to a VM that it makes for the Flexible scale set: `SET_` and eight characters of a
 * GUID. That a long name of a set is cut is an inference from the limit of 64 characters.
 * Source: https://learn.microsoft.com/azure/virtual-machine-scale-sets/virtual-machine-scale-sets-instance-ids
 */
export function isNameOfVm(name: string, set: string): boolean {
    const start = `${set.slice(0, LONGEST_START)}_`.toLowerCase();
    return name.toLowerCase().startsWith(start) && /^[0-9a-f]{8}$/i.test(name.slice(start.length));
}
