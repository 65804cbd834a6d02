// The versions of a pool's image definition, as Azure has them: reading them, and deleting one that an interrupted run
// has left.
import { collect, computeClient, readOrUndefined } from "./client";
import { parseArmId } from "./ids";
import { UserError, asUserError, orUndefined } from "../core/errors";

/** An image version as the gallery has it. */
export interface GalleryVersion {
    version: string;
    /** Azure's provisioning state: Succeeded, Failed, Creating, Updating, Deleting, … */
    state: string;
    /** Which attempt at this version it is, by its tag. */
    attempt: number;
    /** The node that it was made from, by its tag. */
    node?: string;
    /** When Azure began to make it. */
    publishedAt?: Date;
}

/**
 * The versions of an image definition; none while the definition does not exist. One request for a page of them.
 *
 * @throws UserError in one line when Azure is away or refuses
 */
export async function readImages(imageDefinitionId: string): Promise<GalleryVersion[]> {
    const { subscriptionId, resourceGroup, names } = parseArmId(imageDefinitionId);
    const found = await readOrUndefined(`the images of ${imageDefinitionId}`, async () => {
        const { galleryImageVersions } = await computeClient(subscriptionId);
        return collect(galleryImageVersions.listByGalleryImage(resourceGroup, names[0], names[1]));
    });
    return (found ?? []).map(({ name = "", provisioningState = "Succeeded", publishingProfile, tags }) => ({
        version: name,
        state: provisioningState,
        attempt: Number(tags?.attempt ?? 1) || 1,
        node: tags?.node,
        publishedAt: publishingProfile?.publishedDate,
    }));
}

/** What an image version was made of. */
export interface MadeOf {
    node: string;
    /** When kured saw that node's need for its reboot, RFC 3339, UTC. */
    rebootNeededAt: string;
    version: string;
}

/**
 * Deletes the image version that is about to be created, if it is there already and is of this very choice (by its
 * tags). What else has that name stays, and the provider says that it exists. Called right before the creation, so
 * never for a version that is in the stack's state; not to be called for one that a model points at.
 *
 * @param id ARM id of the image version
 * @throws UserError in one line while Azure is still at work on it, or when it cannot be deleted
 */
export async function deleteUnfinishedVersion(id: string, { node, rebootNeededAt, version }: MadeOf): Promise<void> {
    const { subscriptionId, resourceGroup, names } = parseArmId(id);
    const path = [resourceGroup, names[0], names[1], names[2]] as const;
    const { galleryImageVersions } = await computeClient(subscriptionId);
    const what = `image version ${version}, left by a run that was interrupted,`;
    try {
        const found = await orUndefined(galleryImageVersions.get(...path));
        const { node: madeOf, rebootNeededAt: moment, patched } = found?.tags ?? {};
        // Earlier versions gave the moment as `patched`.
        if (!found || madeOf !== node || (moment ?? patched) !== rebootNeededAt) {
            return;
        }
        if (found.provisioningState === "Creating" || found.provisioningState === "Deleting") {
            const doing = found.provisioningState === "Creating" ? "made" : "deleted";
            throw new UserError(`${what} is still being ${doing} by Azure; run again when that has ended`);
        }
        await orUndefined(galleryImageVersions.delete(...path).pollUntilDone());
    } catch (error) {
        throw asUserError(error, (reason) => `${what} cannot be removed: ${reason}`);
    }
}
