// What an image version is made from, whichever way the disk was captured: a snapshot, or a copied disk.
import { computeClient } from "../azure/client";
import { parseArmId } from "../azure/ids";
import { isOwned } from "../azure/tags";
import { UserError, asUserError, orUndefined } from "../core/errors";

/**
 * Deletes the disk or snapshot that a capture of this program made; one that is not there is fine.
 *
 * @throws UserError in one line when Azure refuses, or when it is not one of ours
 */
export async function deleteSource(id: string): Promise<void> {
    const { subscriptionId, resourceGroup, names } = parseArmId(id);
    const isDisk = /\/disks\/[^/]+$/i.test(id);
    const what = `${isDisk ? "disk" : "snapshot"} ${id}`;
    try {
        const { disks, snapshots } = await computeClient(subscriptionId);
        const sources = isDisk ? disks : snapshots;
        const found = await orUndefined<{ tags?: Record<string, string> }>(sources.get(resourceGroup, names[0]));
        if (found && !isOwned(found.tags)) {
            throw new UserError(`${what} is not tagged as kamino's and is left alone; delete it yourself`);
        }
        if (found) {
            await sources.delete(resourceGroup, names[0]).pollUntilDone();
        }
    } catch (error) {
        throw asUserError(
            error,
            (reason) => `${what} cannot be deleted: ${reason}; it will be tried again, or delete it yourself`,
        );
    }
}
