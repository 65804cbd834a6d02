// What the stack's last successful run said of a pool. Policies get no old state; the pool's component hands this on.
import type { PolicyResource } from "@pulumi/policy";
import type { ModelRecord } from "./modelRecord";

/** One pool in the outputs of the stack's last successful update, as far as policies need it. */
export interface PreviousPool {
    adopted?: boolean;
    versions?: string[];
    model?: ModelRecord;
}

/**
 * What the stack's last successful update said of a scale set's pool: the output `previous` of its VmssPrototype, which has it
 * from the stack's own outputs. Empty on the first run.
 *
 * The program reads its own outputs through a StackReference, but the engine (3.246) does not show policies what is read.
 */
export function previousOf(scaleSet: PolicyResource): PreviousPool {
    return (scaleSet.parent?.props.previous ?? {}) as PreviousPool;
}
