// The Azure side of a node: one VM of a scale set, and its power.
import type { VirtualMachineScaleSetVM } from "@azure/arm-compute";
import { computeClient } from "./client";
import { orUndefined } from "../core/errors";
import { parseArmId } from "./ids";

/** One VM of a scale set. */
export interface Vm {
    /** What Azure says of it, or undefined when the scale set does not have it. */
    read(): Promise<VirtualMachineScaleSetVM | undefined>;
    /** Its power state, as in `running`, `stopped`, `deallocated`, `starting`; "unknown" when Azure does not say. */
    power(): Promise<string>;
    /** Starts it, and waits until Azure says that it has. */
    start(): Promise<void>;
    /** Switches it off at once, without a shutdown of the guest, which would write to the cleaned disk. */
    powerOff(signal?: AbortSignal): Promise<void>;
}

/** The VM of this number in this scale set. Its power off keeps it allocated, so that no other VM gets its place. */
export async function scaleSetVm(scaleSetId: string, instanceId: string): Promise<Vm> {
    const { subscriptionId, resourceGroup, names } = parseArmId(scaleSetId);
    const vms = (await computeClient(subscriptionId)).virtualMachineScaleSetVMs;
    const path = [resourceGroup, names[0], instanceId] as const;
    return {
        read: () => orUndefined(vms.get(...path)),
        power: async () => {
            const { statuses } = await vms.getInstanceView(...path);
            const code = statuses?.map(({ code }) => /^PowerState\/(\w+)$/.exec(code ?? "")?.[1]).find(Boolean);
            return code ?? "unknown";
        },
        start: async () => {
            await vms.start(...path).pollUntilDone();
        },
        powerOff: async (abortSignal) => {
            await vms.powerOff(...path, { skipShutdown: true }).pollUntilDone({ abortSignal });
        },
    };
}
