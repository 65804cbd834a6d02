// What the stack's own last successful run said of its pools.
import * as pulumi from "@pulumi/pulumi";

/** The outputs of this program, as far as the next run needs them. */
interface PreviousOutputs {
    [pool: string]: { adopted?: boolean } | undefined;
}

/**
 * Names of the pools that an earlier successful run has taken into the stack. Empty on the first run, and after a first run
 * that failed half-way: then pools are adopted again, which changes nothing for those that are in the stack already.
 *
 * @param stack this stack's own name, as in `organization/kamino/prod`
 */
export async function previouslyAdopted(stack: string): Promise<Set<string>> {
    const reference = new pulumi.StackReference(stack);
    const { value } = await reference.getOutputDetails("pools");
    const pools = (value ?? {}) as PreviousOutputs;
    return new Set(Object.keys(pools).filter((name) => pools[name]?.adopted));
}
