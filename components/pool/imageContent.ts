// What an image version is made with, as Azure gets it and as Azure Policy is asked about it. Pure.
import type { Choice } from "../selection/nodeSelection";
import type { ImageStorage, Pool } from "./pool";

/** The tags of a choice's image version. */
export function imageVersionTags(
    { tags }: Pool,
    { node, rebootNeededAt, patched, attempt }: Choice,
): Record<string, string> {
    return {
        ...tags,
        node,
        // Images made by earlier versions carry the moment as a tag of another name, and another tag would be a change.
        ...(patched === undefined ? { rebootNeededAt } : { patched }),
        ...(attempt > 1 && { attempt: String(attempt) }),
    };
}

/**
 * That the version may leave regions later on, which Azure refuses otherwise.
 * Source: https://github.com/hashicorp/terraform-provider-azurerm/issues/21999
 */
export const SAFETY = { allowDeletionOfReplicatedLocations: true };

/**
 * How Azure keeps an image version of a pool.
 *
 * @param kept what differs from new versions
 */
export function publishingProfile({ settings, storage }: Pool, kept: Partial<ImageStorage> = {}) {
    const { storageAccountType, targetRegions, diskEncryptionSetId } = { ...storage, ...kept };
    const encryption = diskEncryptionSetId ? { encryption: { osDiskImage: { diskEncryptionSetId } } } : {};
    return {
        replicaCount: settings.image.replicaCount,
        storageAccountType,
        targetRegions: targetRegions.map((region) => ({ name: region, ...encryption })),
    };
}
