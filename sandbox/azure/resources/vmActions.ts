// What can be done to VM instances, whether through the set (with a list of ids) or one by one.
import type { Cloud } from "../cloud";
import { ArmError } from "../http/errors";
import type { Answer, Call } from "../http/route";
import type { Json, MachineModel } from "../machineModel";
import type { ScaleSetRecord } from "../scaleSetRecord";
import { deleteWithInterfaces, membersOf, upgradeFlexibleVm } from "../flexible";
import { SingleVm } from "../singleVm";
import { InstanceRecord, type VmRecord } from "../vmRecord";

/** What an action does to one VM. */
export type VmAction<T extends VmRecord = VmRecord> = (cloud: Cloud, vm: T, call: Call) => void | Promise<void>;

/** Actions that exist on the set (with a list of ids) and on one VM, with how long they take. */
export const VM_ACTIONS: Record<string, { run: VmAction; milliseconds: (cloud: Cloud) => number }> = {
    start: { run: (cloud, vm) => cloud.fleet.start(vm), milliseconds: ({ durations }) => durations.vmStart },
    powerOff: {
        run: (cloud, vm, call) => cloud.fleet.powerOff(vm, call.query.skipShutdown !== "true"),
        milliseconds: ({ durations }) => durations.vmStop,
    },
    deallocate: { run: (cloud, vm) => cloud.fleet.deallocate(vm), milliseconds: ({ durations }) => durations.vmStop },
    restart: { run: (cloud, vm) => cloud.fleet.restart(vm), milliseconds: ({ durations }) => durations.vmStart },
    reimage: { run: (cloud, vm) => cloud.fleet.reimage(vm), milliseconds: ({ durations }) => durations.vmStart },
};

/** Accepts an action on VMs of one model: 202 with both headers; the model's etag goes up. */
export function act<T extends VmRecord>(
    call: Call,
    model: MachineModel,
    vms: T[],
    name: string,
    run: VmAction<T>,
    milliseconds: number,
): Answer {
    const { cloud } = call;
    const ephemeral = (model.storageProfile.osDisk as Json | undefined)?.diffDiskSettings;
    if (ephemeral && name === "deallocate") {
        throw new ArmError(
            409,
            "OperationNotAllowed",
            "Operation 'deallocate' is not supported for VMs or VM Scale Set instances using an ephemeral OS disk.",
        );
    }
    model.etagCounter += 1;
    const { headers } = cloud.operations.start({
        ...{ kind: "operations", location: model.location, apiVersion: call.apiVersion, milliseconds },
        group: model.groupId,
        withLocation: true,
        notification: true,
        ...cloud.faults.ofOperation(call.method, call.path),
        run: async () => {
            await Promise.all(vms.map(async (vm) => run(cloud, vm, call)));
            // A boot that does not end well has said so itself.
            for (const vm of vms) {
                if (vm.bootedClean) {
                    vm.provisioningState = "Succeeded";
                }
            }
        },
        // A failed start, for want of capacity for example, leaves the machine as it was, and says Failed.
        failed: () => {
            for (const vm of vms) {
                vm.provisioningState = "Failed";
            }
        },
    });
    return { status: 202, headers };
}

/** Deleting one of a set's VMs: the set's capacity goes down with it. */
export async function deleteAction(cloud: Cloud, vm: VmRecord): Promise<void> {
    if (vm instanceof SingleVm) {
        return deleteWithInterfaces(cloud, vm);
    }
    if (vm instanceof InstanceRecord) {
        vm.scaleSet.takeOneOff();
    }
    await cloud.fleet.delete(vm);
}

/**
 * Brings running VMs to the model: all at once in mode Automatic, batch by batch in Rolling. This is what Manual keeps
 * from happening. A change of the image or disk replaces the VMs' disks; any other is applied in place.
 */
export async function rollOut(cloud: Cloud, record: ScaleSetRecord, newDisks: boolean): Promise<void> {
    if (record.isFlexible) {
        await Promise.all(membersOf(cloud, record.id).map((vm) => upgradeFlexibleVm(cloud, vm)));
        return;
    }
    const outdated = () => cloud.fleet.of(record.id).filter((vm) => !vm.latestModelApplied);
    const policy = (record.wire.properties.upgradePolicy ?? {}) as {
        mode?: string;
        rollingUpgradePolicy?: { maxBatchInstancePercent?: number };
    };
    const percent = policy.mode === "Automatic" ? 100 : (policy.rollingUpgradePolicy?.maxBatchInstancePercent ?? 20);
    const size = Math.max(1, Math.floor((record.capacity * percent) / 100));
    for (let rest = outdated(); rest.length > 0; rest = rest.slice(size)) {
        await Promise.all(
            rest.slice(0, size).map(async (vm) => (newDisks ? cloud.fleet.reimage(vm) : cloud.fleet.applyModel(vm))),
        );
    }
}
