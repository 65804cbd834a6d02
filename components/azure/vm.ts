// The Azure side of a node: its VM, single or one of a scale set, and its power.
import type { InstanceViewStatus, VirtualMachine, VirtualMachineScaleSetVM } from "@azure/arm-compute";
import { computeClient } from "./client";
import { singleVmsIn } from "../core/machinesId";
import { orUndefined } from "../core/errors";
import { parseArmId } from "./ids";

/** What Azure says of a VM, single or of a scale set. */
export type VmFacts = Pick<VirtualMachine & VirtualMachineScaleSetVM, "vmId" | "location" | "storageProfile"> &
    Pick<VirtualMachine, "virtualMachineScaleSet">;

/** A VM. */
export interface Vm {
    /** What Azure says of it, or undefined when there is none. */
    read(): Promise<VmFacts | undefined>;
    /** Its power state, as in `running`, `stopped`, `deallocated`, `starting`; "unknown" when Azure does not say. */
    power(): Promise<string>;
}

/** One VM of a scale set, which can be switched off and on for a capture in place. */
export interface ScaleSetVm extends Vm {
    /** Starts it, and waits until Azure says that it has. */
    start(): Promise<void>;
    /** Switches it off at once, without a shutdown of the guest, which would write to the cleaned disk. */
    powerOff(signal?: AbortSignal): Promise<void>;
}

/**
 * The VM of a pool.
 *
 * @param poolId ARM id of the scale set, or the pool's `machinesId`
 * @param instanceId its number in the scale set, or its name
 */
export async function vmOf(poolId: string, instanceId: string): Promise<Vm> {
    return singleVmsIn(poolId) === undefined ? scaleSetVm(poolId, instanceId) : singleVm(poolId, instanceId);
}

/** One right less than asking for the instance view by itself: `virtualMachines/read` covers it. */
const WITH_POWER = { expand: "instanceView" } as const;

async function singleVm(poolId: string, name: string): Promise<Vm> {
    const { subscriptionId, resourceGroup } = parseArmId(poolId);
    const vms = (await computeClient(subscriptionId)).virtualMachines;
    return {
        read: () => orUndefined(vms.get(resourceGroup, name)),
        power: async () => powerIn((await vms.get(resourceGroup, name, WITH_POWER)).instanceView?.statuses),
    };
}

function powerIn(statuses: InstanceViewStatus[] | undefined): string {
    return statuses?.map(({ code }) => /^PowerState\/(\w+)$/.exec(code ?? "")?.[1]).find(Boolean) ?? "unknown";
}

/** The VM of this number in this scale set. Its power off keeps it allocated, so that no other VM gets its place. */
export async function scaleSetVm(scaleSetId: string, instanceId: string): Promise<ScaleSetVm> {
    const { subscriptionId, resourceGroup, names } = parseArmId(scaleSetId);
    const vms = (await computeClient(subscriptionId)).virtualMachineScaleSetVMs;
    const path = [resourceGroup, names[0], instanceId] as const;
    return {
        read: () => orUndefined(vms.get(...path)),
        power: async () => powerIn((await vms.getInstanceView(...path)).statuses),
        start: async () => {
            await vms.start(...path).pollUntilDone();
        },
        powerOff: async (abortSignal) => {
            await vms.powerOff(...path, { skipShutdown: true }).pollUntilDone({ abortSignal });
        },
    };
}
