// Where a pool's images go: a gallery given by id, or one that this stack makes under a name that nobody else in the
// subscription gives.
import { galleriesOf, readGallery, type NamedGallery } from "../azure/galleries";
import { galleryId, isSameGroup, parseArmId, type GalleryId, type ScaleSetId } from "../azure/ids";
import type { PoolSettings } from "../config/load";
import { SHARED_KEYS } from "../config/schema";
import { shortDigest } from "../core/digest";
import { UserError } from "../core/errors";
import { galleryInState, nameInStack } from "./galleryInState";
import type { GallerySettings, ManagedGallery } from "./pool";
import { isMadeHere, lastDefinition, type StackFacts } from "./stackFacts";

/** The name that the configuration has where none is given. */
const DEFAULT_NAME = SHARED_KEYS.gallery.default;

/** What a gallery is found for. */
export interface GalleryRequest {
    /** As configured: a name or an ARM id. */
    configured: string;
    scaleSet: ScaleSetId;
    location: string;
    /** The pool's name. */
    pool: string;
    facts: StackFacts;
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

async function existingGallery({ configured, location, facts }: GalleryRequest): Promise<GallerySettings> {
    const { subscriptionId, resourceGroup, names } = parseArmId(configured);
    const at = { subscriptionId, resourceGroup, name: names[0] };
    const found = await readGallery(configured);
    if (!found) {
        throw new UserError(
            `kamino:gallery: there is no gallery ${configured}; check the id, or give a name to have one made`,
        );
    }
    // One that this stack has made stays in it, also where the configuration names it by its id.
    const inState = galleryInState(facts, at);
    const isOwn = inState !== undefined && isMadeHere(facts, found, inState);
    return isOwn ? managed(facts, at, { location: found.location }) : { ...at, location, managed: false };
}

/** A gallery that this stack makes. */
function managed(
    facts: StackFacts,
    at: GalleryId,
    known: { location: string; imports?: boolean },
): GalleryId & { location: string } & ManagedGallery {
    return { ...at, ...known, managed: true, resourceName: nameInStack(facts, at) };
}

async function ownGallery(request: GalleryRequest): Promise<GallerySettings> {
    const { configured, scaleSet, location, facts, groups } = request;
    const { subscriptionId, resourceGroup } = scaleSet;
    const at = (name: string) => ({ subscriptionId, resourceGroup, name });
    const unique = uniqueName(facts.name, resourceGroup);
    const isDefault = configured === DEFAULT_NAME;
    // The gallery of an earlier run stays, also under the plain name, and under the one that goes by the stack's name
    // from before it was renamed.
    const names = isDefault ? [...defaultsInUse(request), unique, configured] : [configured];
    for (const name of new Set(names)) {
        const found = await readGallery(galleryId(at(name)));
        // A gallery never moves: once it exists its own location stands, whatever pool comes first in the
        // configuration.
        const inState = galleryInState(facts, at(name));
        if (found && isMadeHere(facts, found, inState)) {
            const imports = facts.state !== undefined && inState === undefined;
            return managed(facts, at(name), { location: found.location, imports });
        }
    }
    if (isDefault) {
        // Never the plain name: stacks of one subscription whose first runs overlap would all find it free.
        return managed(facts, at(unique), { location });
    }
    const taken = await galleriesOf(subscriptionId);
    refuseTaken(
        at(configured),
        taken?.find(({ name }) => name.toLowerCase() === configured.toLowerCase()),
        groups,
    );
    return managed(facts, at(configured), { location });
}

/** Default names of galleries of this resource group that have images of the last update, the pool's own first. */
function defaultsInUse({ pool, scaleSet, facts }: GalleryRequest): string[] {
    const pools = [pool, ...facts.previous.keys()];
    const ids = pools.flatMap((name) => lastDefinition(facts, name) ?? []);
    const isDefault = new RegExp(`^${DEFAULT_NAME}(_[0-9a-f]{8})?$`);
    return ids
        .map(parseArmId)
        .filter((id) => isSameGroup(id, scaleSet) && isDefault.test(id.names[0]))
        .map((id) => id.names[0]);
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
