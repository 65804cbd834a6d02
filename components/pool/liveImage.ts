// Which image a pool's new machines start from: what Cluster API says, where it has the pool, or the scale set's model.
import { readScaleSet } from "../azure/scaleSets";
import { imageReferenceOf } from "../capi/image";
import { readMachinePool } from "../capi/machinePool";
import { readMachines } from "../capi/machines";
import type { PoolModel } from "./model";
import type { Pool } from "./pool";

/** By whom a pool is kept, as it was read. */
type Keeper = Pick<Pool, "machinePool" | "machines"> & { live: Pick<PoolModel, "virtualMachineProfile"> };

/** The image as it was read. */
export function liveImageOf({ live, machinePool, machines }: Keeper): Pool["liveImage"] {
    if (machines) {
        return imageReferenceOf(machines.capi.template.spec.template.spec.image) ?? {};
    }
    return machinePool
        ? (imageReferenceOf(machinePool.capi.azureMachinePool.spec.template.image) ?? {})
        : (live.virtualMachineProfile?.storageProfile?.imageReference ?? {});
}

/**
 * ARM id of the image right now; undefined when it is none of a gallery. CAPZ writes what an AzureMachinePool says to
 * the scale set only later.
 *
 * @throws UserError in one line when Azure or the management cluster is away or refuses
 */
export async function liveImageNow({ live, machinePool, machines, configKey }: Pool): Promise<string | undefined> {
    if (machines) {
        const capi = await readMachines(machines.at, configKey);
        return liveImageOf({ live, machines: { ...machines, capi } }).id;
    }
    if (machinePool) {
        const { namespace = "", name = "" } = machinePool.capi.machinePool.metadata;
        const capi = await readMachinePool(machinePool.kubernetes, { namespace, name }, configKey);
        return liveImageOf({ live, machinePool: { ...machinePool, capi } }).id;
    }
    return liveImageOf({ live: (await readScaleSet(live.id)) ?? {} }).id;
}
