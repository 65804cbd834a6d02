// What the stack's own last successful run said of its pools.
import * as pulumi from "@pulumi/pulumi";
import type { PreviousPool } from "../../policies/contract";

/**
 * What the last successful update said of each pool, by name. Empty on the first run, and after a first run that failed
 * half-way: then pools are adopted again, which changes nothing for those that are in the stack already.
 *
 * @param stack this stack's own name, as in `organization/kamino/prod`
 */
export async function previousPools(stack: string): Promise<Map<string, PreviousPool>> {
    const reference = new pulumi.StackReference(stack);
    const details = await reference.getOutputDetails("pools");
    return new Map(Object.entries((details.value ?? {}) as Record<string, PreviousPool>));
}
