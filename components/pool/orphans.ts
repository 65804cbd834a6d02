// Image versions that a run which was killed left in the gallery, unknown to its stack: they go, so that they can be made again.
import { computeClient } from "../azure/client";
import { UserError, oneLine, statusOf } from "../core/errors";
import type { Choice } from "../selection/nodeSelection";
import { parseArmId } from "../azure/ids";

/**
 * Deletes the image version that is about to be created, if it is there already and is of this very choice (by its tags). What
 * else has that name stays, and the provider says that it exists. Called right before the creation, so never for a version that is in
 * the stack's state; not to be called for one that a model points at.
 *
 * @param id ARM id of the image version
 * @throws UserError in one line while Azure is still at work on it, or when it cannot be deleted
 */
export async function removeOrphan(id: string, { node, rebootNeededAt, version }: Choice): Promise<void> {
    const { subscriptionId, resourceGroup, names } = parseArmId(id);
    const path = [resourceGroup, names[0], names[1], names[2]] as const;
    const { galleryImageVersions } = await computeClient(subscriptionId);
    const what = `image version ${version}, left by a run that was interrupted,`;
    try {
        const found = await galleryImageVersions.get(...path);
        const { node: madeOf, rebootNeededAt: moment, patched } = found.tags ?? {};
        // Earlier versions gave the moment as `patched`.
        if (madeOf !== node || (moment ?? patched) !== rebootNeededAt) {
            return;
        }
        if (found.provisioningState === "Creating" || found.provisioningState === "Deleting") {
            const doing = found.provisioningState === "Creating" ? "made" : "deleted";
            throw new UserError(`${what} is still being ${doing} by Azure; run again when that has ended`);
        }
        await galleryImageVersions.delete(...path).pollUntilDone();
    } catch (error) {
        if (error instanceof UserError) {
            throw error;
        }
        // Not there, or gone meanwhile: nothing to remove.
        if (statusOf(error) !== 404) {
            throw new UserError(`${what} cannot be removed: ${oneLine(error)}`);
        }
    }
}
