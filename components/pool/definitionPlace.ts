// Which image definition of a gallery is a pool's: one that is there already, or a new one of a name that no other pool
// gives.
import { lookForImageDefinition, type FoundDefinition, type ImageDefinition } from "../azure/galleries";
import { galleryId, isSameGroup, versionIn, type GalleryId, type ScaleSetId } from "../azure/ids";
import { STACK_TAG } from "../azure/tags";
import { shortDigest } from "../core/digest";
import { UserError } from "../core/errors";

/** Where it is written how a pool leaves its stack. */
export const RELEASE = "docs/releasing-a-pool.md";

/**
 * How a pool's images come to another gallery, for messages.
 *
 * @param hasImages whether it has images already: they stay in their definition while the pool is in the stack
 */
export function otherGallery(hasImages: boolean): string {
    return hasImages ? `release the pool, and add it with another gallery (${RELEASE})` : "use another gallery";
}

/** What an image definition is found for. */
export interface DefinitionRequest {
    /** The pool's name, for messages. */
    pool: string;
    gallery: GalleryId;
    /** Where the pool's VMs are. */
    scaleSet: ScaleSetId;
    /** The pool's model, as far as a name depends on it. */
    live: { id: string; name: string };
    /** ARM id of the image that new machines start from. */
    liveImageId?: string;
    /** Whether an earlier update of this stack has made images of the pool. */
    hasVersions: boolean;
    /** This stack's own name, as in `organization/kamino/prod`. */
    stack: string;
    /** Names that this stack has marked the definition with, from before it was renamed as well. */
    ownNames?: string[];
}

/** A pool's image definition. */
export interface DefinitionPlace {
    name: string;
    /** What Azure has of it; undefined for one that is to be made. */
    existing?: ImageDefinition;
}

/**
 * A definition's name allows 80 characters, letters, digits, dots, dashes and underscores, and begins and ends with a
 * letter or digit.
 * Source: https://learn.microsoft.com/azure/virtual-machines/troubleshooting-shared-images
 */
const MOST_CHARACTERS = 80;
const NAME = new RegExp(`^[a-z0-9]([a-z0-9._-]{0,${MOST_CHARACTERS - 2}}[a-z0-9])?$`, "i");

/**
 * The names that a pool's definition may have, the one for a new definition first. In the pool's own resource group
 * that is the scale set's name, where Azure takes it. Elsewhere a digest of the pool's id keeps pools apart: `prod` and
 * `eu-pool1` give the same text as `prod-eu` and `pool1`, and two subscriptions may have groups of one name. Earlier
 * versions left the digest out, and did not look at the subscription; people who make definitions beforehand use that
 * name as well.
 */
export function definitionNames({
    gallery,
    scaleSet,
    live,
}: Pick<DefinitionRequest, "gallery" | "scaleSet" | "live">): string[] {
    const sameGroup = gallery.resourceGroup.toLowerCase() === scaleSet.resourceGroup.toLowerCase();
    const text = `${scaleSet.resourceGroup}-${live.name}`.replace(/[^\w.-]/g, "-");
    const digest = shortDigest(live.id.toLowerCase());
    const own = NAME.test(live.name) ? live.name : withDigest(live.name, digest);
    const ofEarlierVersions = sameGroup ? live.name : text.slice(0, MOST_CHARACTERS);
    const names = [isSameGroup(gallery, scaleSet) ? own : withDigest(text, digest), ofEarlierVersions];
    return [...new Set(names)].filter((name) => NAME.test(name));
}

/** A name that Azure takes, from a text of the characters that it may have; the digest keeps apart what is cut off. */
function withDigest(text: string, digest: string): string {
    const start = text.replace(/^[^a-z0-9]+/i, "").slice(0, MOST_CHARACTERS - digest.length - 1);
    return start === "" ? digest : `${start}-${digest}`;
}

/**
 * Finds the image definition of a pool. One that another stack has made is never used: its images would count as this
 * pool's own.
 *
 * @throws UserError in one line when another stack's definition has this pool's images, or has its name
 */
export async function findDefinitionPlace(request: DefinitionRequest): Promise<DefinitionPlace> {
    const { gallery, liveImageId } = request;
    const names = definitionNames(request);
    const idOf = (name: string) => `${galleryId(gallery)}/images/${name}`;
    const inUse = names.find((name) => versionIn(liveImageId, idOf(name)) !== undefined);
    const look = async (name: string): Promise<Candidate> => ({
        ...(await lookForImageDefinition(idOf(name))),
        ...{ name, id: idOf(name), isInUse: name === inUse },
    });
    if (inUse !== undefined) {
        const candidate = await look(inUse);
        if (candidate.existing) {
            return choose([candidate], request);
        }
    }
    return choose(await Promise.all(names.map(look)), request);
}

/** A definition of one of the names that a pool's may have. */
export interface Candidate extends FoundDefinition {
    name: string;
    id: string;
    /** Whether new machines of the pool start from one of its versions. */
    isInUse: boolean;
}

/**
 * The first definition that is there and that no other stack has made; otherwise a new one of the first name.
 *
 * @throws UserError in one line where another stack's definition is in the way
 */
export function choose(
    candidates: Candidate[],
    { pool, stack, hasVersions, ownNames = [stack] }: Omit<DefinitionRequest, "gallery" | "scaleSet" | "live">,
): DefinitionPlace {
    const ownerOf = ({ existing }: Candidate) => existing?.tags?.[STACK_TAG];
    const isOfOthers = (each: Candidate) => ![undefined, ...ownNames].includes(ownerOf(each));
    const usable = candidates.find((each) => each.existing && !isOfOthers(each));
    if (usable) {
        return { name: usable.name, existing: usable.existing };
    }
    const [first] = candidates;
    const inTheWay = candidates.find((each) => isOfOthers(each) && (each === first || each.isInUse || hasVersions));
    if (inTheWay) {
        throw new UserError(
            `kamino:gallery: image definition ${inTheWay.id} was made by stack "${ownerOf(inTheWay)}" (its tag ${STACK_TAG}), whose images ` +
                `would count as those of pool "${pool}"; ${otherGallery(hasVersions)}, or, if that stack does not keep this pool any more, ` +
                `take the tag off, or set it to "${stack}" where this stack was renamed`,
        );
    }
    // Who may read one definition alone is refused the other names.
    const unreadable = candidates.find(({ refused }) => refused);
    if (unreadable?.refused) {
        throw unreadable.refused;
    }
    return { name: first.name };
}
