// What a pool's component states for the policy pack.
import type { PreviousPool, PrototypeStatement } from "../../policies/contract";
import { imageDefinitionId } from "../azure/ids";
import { textOf } from "../capi/machineRefusals";
import { nameOf } from "../capi/refusals";
import type { Pool } from "./pool";
import type { Review } from "./review";

/**
 * What new nodes start from outlives the stack, and `pulumi destroy` does not delete it. Policies read it from the
 * component: the engine shows them protect alone.
 */
export const RETAINED = { protect: true, retainOnDelete: true };

type Owner = Pick<PrototypeStatement, "machinePool" | "machines" | "scaleSetOptions">;

/** What the policy pack reads of a pool. */
export function statementOf(review: Review, previous: PreviousPool): PrototypeStatement {
    const { pool, live } = review;
    const { pin, reject, trust } = pool.settings.selection;
    return {
        ...ownerOf(pool),
        previous,
        live,
        imageDefinitionId: imageDefinitionId(pool),
        pin,
        reject,
        trust,
        onForeignChange: pool.settings.scaleSet.onForeignChange,
    };
}

/** What keeps the pool's VMs: Cluster API, or a scale set that is in the stack. */
export function ownerOf({ machinePool, machines }: Pool): Owner {
    if (machines) {
        return { machines: textOf(machines.capi) };
    }
    return machinePool ? { machinePool: nameOf(machinePool.capi.machinePool) } : { scaleSetOptions: RETAINED };
}
