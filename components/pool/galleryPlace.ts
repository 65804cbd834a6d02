// Where a pool's images go: a gallery given by id, or one that this stack makes under a name that nobody else in the
// subscription gives.
import { galleriesOf, readGallery, type NamedGallery } from "../azure/galleries";
import { galleryId, parseArmId, type GalleryId, type ScaleSetId } from "../azure/ids";
import { STACK_TAG } from "../azure/tags";
import type { PoolSettings } from "../config/load";
import { SHARED_KEYS } from "../config/schema";
import { shortDigest } from "../core/digest";
import { UserError } from "../core/errors";
import type { GallerySettings } from "./pool";

/** The name that the configuration has where none is given. */
const DEFAULT_NAME = SHARED_KEYS.gallery.default;

/** What a gallery is found for. */
export interface GalleryRequest {
    /** As configured: a name or an ARM id. */
    configured: string;
    scaleSet: ScaleSetId;
    location: string;
    /** This stack's own name, as in `organization/kamino/prod`. */
    stack: string;
    /** Resource groups of this stack's pools in the same subscription that have the same gallery configured. */
    groups: string[];
}

/** Resource groups, each once, of the pools that share a pool's gallery setting and subscription. */
export function groupsWithGallery(pool: PoolSettings, all: PoolSettings[]): string[] {
    const sharing = all.filter(
        ({ image, scaleSet }) =>
            image.gallery.toLowerCase() === pool.image.gallery.toLowerCase() &&
            scaleSet.subscriptionId?.toLowerCase() === pool.scaleSet.subscriptionId?.toLowerCase(),
    );
    return [...new Set(sharing.map(({ scaleSet }) => scaleSet.resourceGroup.toLowerCase()))];
}

/**
 * Finds the gallery of a pool.
 *
 * @throws UserError when a gallery given by id is not there, or a configured name belongs to somebody else
 */
export async function findGallery(request: GalleryRequest): Promise<GallerySettings> {
    return request.configured.startsWith("/") ? await existingGallery(request) : await ownGallery(request);
}

async function existingGallery({ configured, location }: GalleryRequest): Promise<GallerySettings> {
    const { subscriptionId, resourceGroup, names } = parseArmId(configured);
    if (!(await readGallery(configured))) {
        throw new UserError(
            `kamino:gallery: there is no gallery ${configured}; check the id, or give a name to have one made`,
        );
    }
    return { subscriptionId, resourceGroup, name: names[0], location, managed: false };
}

async function ownGallery({ configured, scaleSet, location, stack, groups }: GalleryRequest): Promise<GallerySettings> {
    const { subscriptionId, resourceGroup } = scaleSet;
    const at = (name: string) => ({ subscriptionId, resourceGroup, name });
    const unique = uniqueName(stack, resourceGroup);
    const isDefault = configured === DEFAULT_NAME;
    // The gallery of an earlier run stays, also under the plain name.
    for (const name of isDefault ? [unique, configured] : [configured]) {
        const found = await readGallery(galleryId(at(name)));
        // A gallery never moves: once it exists its own location stands, whatever pool comes first in the
        // configuration.
        if (found?.tags?.[STACK_TAG] === stack) {
            return { ...at(name), location: found.location, managed: true };
        }
    }
    if (isDefault) {
        // Never the plain name: stacks of one subscription whose first runs overlap would all find it free.
        return { ...at(unique), location, managed: true };
    }
    const taken = await galleriesOf(subscriptionId);
    refuseTaken(
        at(configured),
        taken?.find(({ name }) => name.toLowerCase() === configured.toLowerCase()),
        groups,
    );
    return { ...at(configured), location, managed: true };
}

/**
 * A name for a gallery that no other stack and no other resource group gives: two stacks of one subscription may have
 * the default. A gallery's name is of letters, digits, dots and underscores.
 */
function uniqueName(stack: string, resourceGroup: string): string {
    return `${DEFAULT_NAME}_${shortDigest(stack, resourceGroup.toLowerCase())}`;
}

function refuseTaken(own: GalleryId, other: NamedGallery | undefined, groups: string[]): void {
    if (other) {
        const id = galleryId({ ...own, resourceGroup: other.resourceGroup, name: other.name });
        throw new UserError(
            `kamino:gallery: gallery "${own.name}" is in resource group "${other.resourceGroup}" already and not made by this stack, ` +
                `and its name is unique in the subscription; to use it give its id (${id}), else choose another name`,
        );
    }
    if (groups.length > 1) {
        throw new UserError(
            `kamino:gallery: gallery "${own.name}" would be made in each of the resource groups ${groups.join(", ")}, and a gallery's ` +
                `name is unique in the subscription; give each pool a gallery of another name, or all of them one by its id`,
        );
    }
}
