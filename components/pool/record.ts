// What a stack records of a pool for the next: what was recorded before, of an update that carried out a part alone.
import * as pulumi from "@pulumi/pulumi";
import type { PreviousPool } from "../../policies/contract";
import type { PoolOutputs } from "./vmssPrototype";

/** What the stack says of a pool; undefined for one of which nothing was ever recorded. */
export type PoolRecord = pulumi.Output<pulumi.UnwrappedObject<PoolOutputs> | PreviousPool | undefined>;

/**
 * What is recorded of a pool. An update that leaves out a resource (`--target`, `PULUMI_CONTINUE_ON_ERROR` after an
 * error) gives no values for what depends on it, and succeeds or goes on all the same. Recorded, they would have the
 * next run adopt the pool anew, without a look at what others have changed. So the record stays what it was, as after
 * an update that failed.
 *
 * @param previous what the last update said of the pool
 */
export function recordOfPool(name: string, outputs: PoolOutputs, previous: PreviousPool | undefined): PoolRecord {
    const whole = pulumi.output(outputs);
    if (pulumi.runtime.isDryRun()) {
        return whole;
    }
    return pulumi.output(
        isKnown(whole).then(async (known) => {
            if (!known) {
                const stays = previous ? "what the last one recorded stays" : "nothing is recorded of it";
                await pulumi.log.warn(
                    `${name}: this update carried out a part alone, so that ${stays}; run npm run up for the whole stack`,
                );
            }
            return known ? whole : previous;
        }),
    );
}

/** Whether a value is known. The SDK has this of each output, and does not have it among its types. */
function isKnown(output: pulumi.Output<unknown>): Promise<boolean> {
    return (output as unknown as { isKnown: Promise<boolean> }).isKnown;
}
