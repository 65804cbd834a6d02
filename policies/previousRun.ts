// What the stack's last successful run said of its pools: policies get no old state, but the program reads its own outputs.
import type { PolicyResource } from "@pulumi/policy";
import type { ModelRecord } from "./modelRecord";

/** One pool in the stack's output `pools`, as far as policies need it. */
export interface PreviousPool {
    adopted?: boolean;
    versions?: string[];
    model?: ModelRecord;
}

/**
 * The output `pools` of the stack's last successful update, from the program's StackReference to its own stack; empty on the
 * first run, and for programs that have no such reference.
 */
export function previousPools(resources: PolicyResource[]): Record<string, PreviousPool | undefined> {
    const reference = resources.find(
        ({ type, urn, props }) => type === "pulumi:pulumi:StackReference" && isOwnStack(urn, props.name as string),
    );
    const outputs = reference?.props.outputs as { pools?: Record<string, PreviousPool> } | undefined;
    return outputs?.pools ?? {};
}

/** Whether a stack name as references take it (`organization/project/stack`, or its end) is the URN's own stack. */
function isOwnStack(urn: string, name: string): boolean {
    const [, , stackOfUrn, , project] = urn.split(":");
    return `/organization/${project}/${stackOfUrn}`.endsWith(`/${name}`) || name.endsWith(`/${project}/${stackOfUrn}`);
}
