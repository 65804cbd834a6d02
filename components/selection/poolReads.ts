// What a selection reads of its pool from Azure and from the management cluster. The engine checks one selection after
// the other; were each pool read when it is its turn, answers would be waited for in turns as well. So the first one
// begins to read all of them.
import { readFlexibleVms } from "../azure/flexible";
import { versionIn } from "../azure/ids";
import { readImages } from "../azure/imageVersions";
import { readMachines, type Machine } from "../azure/machines";
import { readMachines as readCapiMachines, vmsOf, type MachineVm } from "../capi/machines";
import { flexibleScaleSetIn } from "../core/machinesId";
import { freshPer, oncePer } from "../core/once";
import type { PoolOfRun, PoolPlace } from "./nodeSelection";

/** What tells which VMs are a pool's. */
type PoolVms = Pick<PoolPlace, "scaleSetId" | "computerNamePrefix" | "machines">;

/** A pool's single VM; where the list that it was found in has told that as well, which image it was made from. */
export interface SingleVm extends MachineVm {
    machine?: Machine;
}

/**
 * The versions of an image definition, by its ARM id; none while there is no such definition.
 *
 * @throws UserError in one line when Azure is away or refuses
 */
export const imagesOf = freshPer((imageDefinitionId: string) => imageDefinitionId, readImages);

/**
 * The machines of a scale set of orchestration mode Uniform, by its ARM id.
 *
 * @throws UserError in one line when Azure is away or refuses
 */
export const machinesOfScaleSet = freshPer(
    (scaleSetId: string) => scaleSetId,
    (scaleSetId) => readMachines(scaleSetId),
);

/**
 * The single VMs of a pool, which vary from one moment to the next; undefined where its VMs are instances of a scale
 * set. They are read here, and not by the program: what a program passes to a resource is part of a plan, and a plan
 * whose pool has grown since would stop.
 *
 * @throws UserError in one line when the management cluster, or Azure, is away or refuses
 */
export const singleVmsOf = freshPer(({ scaleSetId }: PoolVms) => scaleSetId, readSingleVms);

async function readSingleVms({ scaleSetId, computerNamePrefix, machines }: PoolVms): Promise<SingleVm[] | undefined> {
    const scaleSet = flexibleScaleSetIn(scaleSetId);
    if (scaleSet !== undefined) {
        return readFlexibleVms(scaleSet, computerNamePrefix);
    }
    return machines && vmsOf(await readCapiMachines(machines, "kamino:pools"));
}

/**
 * Begins to read, once in a run, what will be asked of the other pools when it is their turn. Whether the images of a
 * pool have proven themselves its own state alone tells, which is not there yet: of a scale set that starts machines
 * from an image of its definition the machines are read, one request too many where they have.
 *
 * @param own the scale set of the pool whose turn it is
 */
export const readAhead = oncePer(
    () => "run",
    ({ pools, own }: { pools: PoolOfRun[]; own: string }): void => {
        for (const pool of pools.filter(({ scaleSetId }) => scaleSetId !== own)) {
            const { scaleSetId, imageId, imageDefinitionId, machines } = pool;
            ignore(imagesOf(imageDefinitionId));
            if (machines || flexibleScaleSetIn(scaleSetId) !== undefined) {
                ignore(singleVmsOf(pool));
            } else if (versionIn(imageId, imageDefinitionId) !== undefined) {
                ignore(machinesOfScaleSet(scaleSetId));
            }
        }
    },
);

/** What has failed the pool itself says, when it asks. */
function ignore(reading: Promise<unknown>): void {
    reading.catch(() => undefined);
}
