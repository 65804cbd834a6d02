// Disk encryption sets: keys of the customer's own that disks, snapshots and image versions name.
import type { Cloud } from "../cloud";
import type { Stored } from "../wire";
import { ArmError, notFound } from "../http/errors";
import { normalLocation } from "../regions";
import type { Json } from "../scaleSetRecord";

/**
 * Throws unless the disk encryption set is there, in this region and in the subscription of what it encrypts; undefined
 * is fine. Texts are inferences.
 * Sources: https://learn.microsoft.com/azure/virtual-machines/disk-encryption (restrictions: disks and snapshots),
 * https://learn.microsoft.com/azure/virtual-machines/image-version-encryption (limitations: image versions)
 *
 * @param of ARM id of what it encrypts
 */
export function checkEncryptionSet(cloud: Cloud, id: string | undefined, location: string, of: string): void {
    if (id === undefined) {
        return;
    }
    const found = cloud.encryptionSets.get(id);
    if (!found) {
        throw notFound(id.slice(id.indexOf("/providers/") + "/providers/".length), id.split("/")[4] ?? "");
    }
    if (subscriptionOf(id) !== subscriptionOf(of)) {
        const message = `The disk encryption set '${id}' must be in the same subscription as the resource '${of}'.`;
        throw new ArmError(400, "BadRequest", message);
    }
    if (found.wire.location === normalLocation(location)) {
        return;
    }
    const message = `The disk encryption set '${id}' must be in the same region as the resource, '${normalLocation(location)}'.`;
    throw new ArmError(400, "BadRequest", message);
}

function subscriptionOf(id: string): string | undefined {
    return id.split("/")[2]?.toLowerCase();
}

/** The disk encryption set of a disk or snapshot. */
export function encryptionSetOf(stored: Stored | undefined): string | undefined {
    return ((stored?.wire.properties.encryption ?? {}) as { diskEncryptionSetId?: string }).diskEncryptionSetId;
}

/**
 * Encryption of a new disk or snapshot: as given, else as its source has it (an inference). A copy of what a customer's
 * key encrypts takes the same key (https://learn.microsoft.com/azure/virtual-machines/disk-encryption, restrictions).
 */
export function encryptionFor(
    cloud: Cloud,
    given: Json | undefined,
    source: Stored | undefined,
    { location, id }: { location: string; id: string },
): Json {
    const sourceSet = encryptionSetOf(source);
    const set = (given === undefined ? sourceSet : given.diskEncryptionSetId) as string | undefined;
    checkEncryptionSet(cloud, set, location, id);
    if (sourceSet !== undefined && sourceSet.toLowerCase() !== set?.toLowerCase()) {
        const message = `The resource is a copy of '${source?.id}', which is encrypted with disk encryption set '${sourceSet}'. It must be encrypted with the same one.`;
        throw new ArmError(400, "BadRequest", message);
    }
    if (set === undefined) {
        return given ?? { type: "EncryptionAtRestWithPlatformKey" };
    }
    return { type: "EncryptionAtRestWithCustomerKey", ...given, diskEncryptionSetId: set };
}
