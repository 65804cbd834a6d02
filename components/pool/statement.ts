// What a pool's component states for the policy pack.
import type { PreviousPool, PrototypeStatement } from "../../policies/contract";
import { imageDefinitionId } from "../azure/ids";
import { nameOf } from "../capi/refusals";
import type { Review } from "./review";

/** A scale set outlives the stack. Policies read it from the component: the engine shows them protect alone. */
export const RETAINED = { protect: true, retainOnDelete: true };

/** What the policy pack reads of a pool. */
export function statementOf(review: Review, previous: PreviousPool): PrototypeStatement {
    const { pool, live } = review;
    const { pin, reject, trust } = pool.settings.selection;
    return {
        ...(pool.machinePool
            ? { machinePool: nameOf(pool.machinePool.capi.machinePool) }
            : { scaleSetOptions: RETAINED }),
        previous,
        live,
        imageDefinitionId: imageDefinitionId(pool),
        pin,
        reject,
        trust,
        onForeignChange: pool.settings.scaleSet.onForeignChange,
    };
}
