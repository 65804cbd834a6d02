// What images of a pool there are: the versions of its image definition, as Azure has them.
import { computeClient, parseArmId } from "../azure";
import { UserError, oneLine, statusOf } from "../errors";
import type { GalleryVersion } from "./history";

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
