// What images of a pool there are: the versions of its image definition, as Azure has them.
import { computeClient } from "./client";
import { parseArmId } from "./ids";
import { UserError, oneLine, statusOf } from "../core/errors";

/** An image version as the gallery has it. */
export interface GalleryVersion {
    version: string;
    /** Azure's provisioning state: Succeeded, Failed, Creating, Updating, Deleting, … */
    state: string;
    /** Which attempt at this version it is, by its tag. */
    attempt: number;
    /** The node that it was made from, by its tag. */
    node?: string;
}

/**
 * The versions of an image definition; none when there is no such definition yet. One request for a page of them.
 *
 * @throws UserError in one line when Azure is away or refuses
 */
export async function readImages(imageDefinitionId: string): Promise<GalleryVersion[]> {
    const { subscriptionId, resourceGroup, names } = parseArmId(imageDefinitionId);
    const versions: GalleryVersion[] = [];
    try {
        const client = await computeClient(subscriptionId);
        for await (const each of client.galleryImageVersions.listByGalleryImage(resourceGroup, names[0], names[1])) {
            versions.push({
                version: each.name ?? "",
                state: each.provisioningState ?? "Succeeded",
                attempt: Number(each.tags?.attempt ?? 1) || 1,
                node: each.tags?.node,
            });
        }
    } catch (error) {
        if (statusOf(error) === 404) {
            return [];
        }
        throw new UserError(`the images of ${imageDefinitionId} cannot be read: ${oneLine(error)}`);
    }
    return versions;
}
