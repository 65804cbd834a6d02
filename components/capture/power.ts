// Switching a captured node's VM on and off. Azure refuses either (409) while something else is done to the VM, as when
// the cluster's cloud provider takes a node out of its load balancer, and ends one that is under way for a later one
// (OperationPreempted): both pass.
// Sources: https://github.com/Azure/azure-rest-api-specs/issues/22434,
// https://github.com/kubernetes-sigs/cloud-provider-azure/issues/2386
import type { ScaleSetVm } from "../azure/vm";
import { MINUTE } from "../core/duration";
import { UserError, oneLine, statusOf } from "../core/errors";
import { until } from "../core/retry";

/** How long a VM may take to run, and to be off. */
export const RUNNING_LIMIT = 15 * MINUTE;
export const OFF_LIMIT = 15 * MINUTE;
/** How long a request that fails is tried again. */
const TRY_LIMIT = 5 * MINUTE;

/** Off: the guest does not run, whether or not its place is kept. */
export function isOff(power: string): boolean {
    return power === "stopped" || power === "deallocated";
}

/** Starts the VM where it is off. @returns whether it had to be started */
export async function startVm(vm: ScaleSetVm, say: (doing: string) => void): Promise<boolean> {
    let started = false;
    const letPass = passing("the VM did not start");
    const running = await until({ limit: RUNNING_LIMIT }, async () => {
        const power = await vm.power();
        if (isOff(power)) {
            say("starting the VM");
            started = true;
            await vm.start().catch(letPass);
            return undefined;
        }
        // Stopping or starting: it is on its way to one of the two that can be known.
        started ||= power !== "running";
        return power === "running" ? true : undefined;
    });
    if (!running) {
        throw new UserError(`the VM did not run ${RUNNING_LIMIT / MINUTE} minutes after it was to be started`);
    }
    return started;
}

/** Switches the VM off at once, where it is on. */
export async function powerOffVm(vm: ScaleSetVm): Promise<void> {
    const letPass = passing("the VM could not be switched off");
    const off = await until({ limit: OFF_LIMIT }, async () => {
        if (isOff(await vm.power())) {
            return true;
        }
        await vm.powerOff().catch(letPass);
        return undefined;
    });
    if (!off) {
        throw new UserError(`the VM was not off ${OFF_LIMIT / MINUTE} minutes after it was to be switched off`);
    }
}

/**
 * What becomes of a failure to switch a VM: it passes for some minutes from the first one on.
 *
 * @param what what has not come about, for the message
 */
export function passing(what: string): (error: unknown) => void {
    let giveUpAt: number | undefined;
    return (error) => {
        giveUpAt ??= Date.now() + TRY_LIMIT;
        if (isRefusal(error)) {
            throw error;
        }
        if (Date.now() > giveUpAt) {
            throw new UserError(`${what} ${TRY_LIMIT / MINUTE} minutes after it first failed: ${oneLine(error)}`);
        }
    };
}

/** Whether Azure will not do it however often it is asked. */
function isRefusal(error: unknown): boolean {
    return [400, 401, 403, 404].includes(statusOf(error) ?? 0);
}
