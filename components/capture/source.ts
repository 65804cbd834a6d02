// What an image version is made from, whichever way the disk was captured: a snapshot, or a copied disk.
import { computeClient } from "../azure/client";
import { parseArmId } from "../azure/ids";
import { isOwned } from "../azure/tags";
import { UserError, asUserError, orUndefined } from "../core/errors";

const isDisk = (id: string) => /\/disks\/[^/]+$/i.test(id);

interface Source {
    tags?: Record<string, string>;
}

/** Where disks or snapshots are read and deleted, by the kind of the one that is meant. */
async function sourceClient(id: string) {
    const { subscriptionId, resourceGroup, names } = parseArmId(id);
    const { disks, snapshots } = await computeClient(subscriptionId);
    const client = isDisk(id) ? disks : snapshots;
    return {
        read: () => orUndefined<Source>(client.get(resourceGroup, names[0])),
        remove: () => client.delete(resourceGroup, names[0]).pollUntilDone(),
    };
}

/** Whether the disk or snapshot is still there. @throws UserError in one line when Azure cannot be asked */
export async function sourceExists(id: string): Promise<boolean> {
    try {
        return (await (await sourceClient(id)).read()) !== undefined;
    } catch (error) {
        throw asUserError(error, (reason) => `${nameOf(id)} cannot be read: ${reason}`);
    }
}

function nameOf(id: string): string {
    return `${isDisk(id) ? "disk" : "snapshot"} ${id}`;
}

/**
 * Deletes the disk or snapshot that a capture of this program made; one that is not there is fine.
 *
 * @throws UserError in one line when Azure refuses, or when it is not one of ours
 */
export async function deleteSource(id: string): Promise<void> {
    const what = nameOf(id);
    try {
        const { read, remove } = await sourceClient(id);
        const found = await read();
        if (found && !isOwned(found.tags)) {
            throw new UserError(`${what} is not tagged as kamino's and is left alone; delete it yourself`);
        }
        if (found) {
            await remove();
        }
    } catch (error) {
        throw asUserError(
            error,
            (reason) => `${what} cannot be deleted: ${reason}; it will be tried again, or delete it yourself`,
        );
    }
}
