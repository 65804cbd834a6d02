// How the versions of a pool's images are declared that exist already: they stay as they were made, where Azure does
// not change them. Pure.
import type { PreviousPool } from "../../policies/contract";
import type { GalleryVersion } from "../azure/imageVersions";
import { regionName } from "../azure/regions";
import { includesVersion, sameVersion } from "../core/version";
import type { Choice } from "../selection/nodeSelection";
import type { ImageStorage } from "./pool";

/** How a version is declared to be kept. */
export interface KeptAs {
    /** What differs from new versions. */
    storage: Partial<Pick<ImageStorage, "targetRegions" | "storageAccountType">>;
    /** Properties that stay as they are in the stack's state. */
    ignoreChanges: string[];
}

/**
 * What Azure does not change of a version: "This property is not updatable" of its storage type, in the API's
 * description. What a customer's key encrypts does not go back to the platform's, and no source says that one key can
 * follow another. Only the pool's own region, the first, ever has keys.
 * Sources: https://learn.microsoft.com/rest/api/compute/gallery-image-versions/create-or-update,
 * azure-powershell#9911, https://learn.microsoft.com/azure/virtual-machines/image-version-encryption
 */
const FIXED = ["publishingProfile.storageAccountType", "publishingProfile.targetRegions[0].encryption"];
/**
 * What versions have from the first on, and those of earlier versions of this program do not have: it is changed only
 * where a version leaves a region, for which Azure wants it.
 */
const SAFETY_PROFILE = "safetyProfile";

/**
 * How a choice's version is declared to be kept. One that is to be made anew after a failure has what is configured by
 * now: its storage type may be what it failed for.
 *
 * @param gallery what Azure has of the definition, where it was asked
 * @param made versions that an earlier update has made
 */
export function keptAs(
    { attempt, version, missing }: Pick<Choice, "attempt" | "version" | "missing">,
    storage: ImageStorage,
    gallery: GalleryVersion[],
    made: string[],
): KeptAs {
    if (missing) {
        // It is in the state alone.
        return { storage: {}, ignoreChanges: ["*"] };
    }
    const isMade = includesVersion(made, version);
    const found = gallery.find((each) => sameVersion(each.version, version) && (isMade || each.state !== "Failed"));
    const targetRegions = found ? regionsFor(found, storage) : storage.targetRegions;
    const leaves = found?.published?.regions.some((region) => !targetRegions.map(regionName).includes(region));
    if (attempt === 1 || isMade) {
        // Of a version that is not there yet the engine ignores nothing.
        return { storage: { targetRegions }, ignoreChanges: leaves ? FIXED : [...FIXED, SAFETY_PROFILE] };
    }
    // The state may still have the attempt that failed, of which nothing must stay.
    const storageAccountType = found?.attempt === attempt ? found.published?.storageAccountType : undefined;
    return { storage: { targetRegions, ...(storageAccountType && { storageAccountType }) }, ignoreChanges: [] };
}

/**
 * A version with zone-redundant storage goes to no further region unless all are known to have zones: where Azure fails
 * to put it there, the version as a whole counts as failed. One that is encrypted by a customer's key needs a key in
 * each region.
 */
function regionsFor({ published }: GalleryVersion, { targetRegions, isZoned }: ImageStorage): string[] {
    const needsZones = published?.storageAccountType === "Standard_ZRS" && !isZoned;
    if (!published || !(needsZones || published.hasKeys)) {
        return targetRegions;
    }
    return targetRegions.filter((region, index) => index === 0 || published.regions.includes(region));
}

/**
 * Whether what Azure has of the pool's versions decides how they are declared: with several regions, before or now, or
 * where a version was made anew. Everywhere else it need not be asked.
 *
 * @param previous what the last update said of its versions: those that it has made, and their regions, of which
 *     earlier versions of this program said nothing
 */
export function dependsOnGallery(
    { targetRegions }: ImageStorage,
    choices: Choice[],
    { versions: made = [], regions }: Pick<PreviousPool, "versions" | "regions">,
): boolean {
    const isAnew = choices.some(({ attempt, version }) => attempt > 1 && !includesVersion(made, version));
    const hadSeveral = made.length > 0 && regions?.length !== 1;
    return choices.length > 0 && (targetRegions.length > 1 || hadSeveral || isAnew);
}
