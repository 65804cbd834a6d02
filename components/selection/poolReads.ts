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
import { imagesInUse, type ImageInUse } from "./models";
import type { NodeSelectionArgs, PoolPlace } from "./nodeSelection";

/** Where a pool's VMs are. */
type VmPlace = Omit<PoolPlace, "imageDefinitionId">;

/** A pool's single VM; where the list that it was found in has told that as well, which image it was made from. */
export interface SingleVm extends MachineVm {
    machine?: Machine;
}

/**
 * The versions of an image definition, by its ARM id; an empty list if it does not exist.
 *
 * @throws UserError in one line when Azure is away or refuses
 */
export const imagesOf = freshPer((imageDefinitionId: string) => imageDefinitionId, readImages);

const machinesOfScaleSet = freshPer(
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
export const singleVmsOf = freshPer(({ scaleSetId }: VmPlace) => scaleSetId, readSingleVms);

async function readSingleVms({ scaleSetId, computerNamePrefix, machines }: VmPlace): Promise<SingleVm[] | undefined> {
    const scaleSet = flexibleScaleSetIn(scaleSetId);
    if (scaleSet !== undefined) {
        return readFlexibleVms(scaleSet, computerNamePrefix);
    }
    return machines && vmsOf(await readCapiMachines(machines, "kamino:pools"));
}

/**
 * The machines of a pool. Of single VMs Azure is asked for those alone that their list has not told of.
 *
 * @throws UserError in one line when Azure is away or refuses
 */
export async function machinesOfPool(scaleSetId: string, singleVms?: SingleVm[]): Promise<Machine[]> {
    if (!singleVms) {
        return machinesOfScaleSet(scaleSetId);
    }
    const known = singleVms.flatMap(({ machine }) => machine ?? []);
    const unknown = singleVms.filter(({ machine }) => !machine).map(({ name }) => name);
    return [...known, ...(await readMachines(scaleSetId, unknown))];
}

/**
 * The images that the machines of a scale set use, the oldest first; undefined of single VMs, those of a Flexible set
 * among them, which are bound to no number of models.
 *
 * @throws UserError in one line when Azure is away or refuses
 */
export async function imagesInUseBy(
    { scaleSetId, imageDefinitionId }: PoolPlace,
    singleVms?: SingleVm[],
): Promise<ImageInUse[] | undefined> {
    return singleVms ? undefined : imagesInUse(await machinesOfPool(scaleSetId), imageDefinitionId);
}

/**
 * Begins to read, once in a run, what will be asked of the other pools when it is their turn. Whether the images of a
 * pool have proven themselves its own state alone tells, which is not there yet: of a scale set that starts machines
 * from an image of its definition the machines are read, one request too many where they have.
 */
export const readAhead = oncePer(
    () => "run",
    ({ scaleSetId: own, poolsOfRun }: Pick<NodeSelectionArgs, "scaleSetId" | "poolsOfRun">): void => {
        for (const pool of poolsOfRun.filter(({ scaleSetId }) => scaleSetId !== own)) {
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
