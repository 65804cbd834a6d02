// From a scale set's image reference to the files that a new VM's disk starts with.
import type { Cloud } from "./cloud";
import type { Stored } from "./wire";
import { ArmError, notFound } from "./http/errors";
import { normalLocation } from "./regions";
import { parseVersionName, compareVersionNames } from "./versionNames";

/** Patch level of marketplace images whose version is "latest" or not said. */
export const MARKETPLACE_LEVEL = "2023.08.25";

/** An image reference of a model. */
export interface ImageReference {
    id?: string;
    publisher?: string;
    offer?: string;
    sku?: string;
    version?: string;
}

const VERSION_ID = /\/galleries\/[^/]+\/images\/[^/]+\/versions\/[^/]+$/i;
const DEFINITION_ID = /\/galleries\/[^/]+\/images\/[^/]+$/i;

/**
 * The gallery image version that a reference by id means in a region: the one named, or a definition's highest
 * Succeeded one that is not excluded from latest. Undefined for marketplace references. Throws what the compute service
 * answers when it is not to be had.
 */
export function galleryVersion(cloud: Cloud, reference: ImageReference, location: string): Stored | undefined {
    if (!reference.id) {
        return undefined;
    }
    const found = VERSION_ID.test(reference.id) ? cloud.versions.get(reference.id) : latest(cloud, reference.id);
    const missing = new ArmError(
        404,
        "GalleryImageNotFound",
        `The gallery image ${reference.id} is not available in ${location} region. Please contact image owner to replicate to this region, or change your requested region.`,
        { target: "imageReference" },
    );
    if (!VERSION_ID.test(reference.id) && !DEFINITION_ID.test(reference.id)) {
        const [, group = "", name = ""] = /\/resourceGroups\/([^/]+)\/.*\/images\/([^/]+)$/i.exec(reference.id) ?? [];
        throw notFound(`Microsoft.Compute/images/${name}`, group);
    }
    // A version whose last change failed is still where it was before.
    if (!found?.folder || !found.replicatedTo?.includes(normalLocation(location))) {
        throw missing;
    }
    return found;
}

/** The size of the OS disk that a machine gets from an image where none is said. */
export function imageSizeGB(cloud: Cloud, { id }: ImageReference = {}): number {
    const profile = cloud.versions.get(id ?? "")?.wire.properties.storageProfile as
        { osDiskImage?: { sizeInGB?: number } } | undefined;
    return profile?.osDiskImage?.sizeInGB ?? 30;
}

/** The definition that an image version belongs to. */
export function definitionOf(cloud: Cloud, version: Stored): Stored | undefined {
    return cloud.definitions.get(version.id.replace(/\/versions\/[^/]+$/i, ""));
}

/** A new disk folder with the image's files. */
export function diskFromImage(cloud: Cloud, name: string, reference: ImageReference, location: string): string {
    const version = galleryVersion(cloud, reference, location);
    if (version?.folder) {
        return cloud.folders.copy("disks", name, version.folder);
    }
    const level = !reference.version || reference.version === "latest" ? MARKETPLACE_LEVEL : reference.version;
    return cloud.folders.marketplace(
        "disks",
        name,
        [reference.publisher, reference.offer, reference.sku].join(":"),
        level,
    );
}

function latest(cloud: Cloud, definitionId: string): Stored | undefined {
    return cloud.versions
        .below(definitionId)
        .filter(({ wire }) => wire.properties.provisioningState === "Succeeded")
        .filter(({ wire }) => !(wire.properties.publishingProfile as { excludeFromLatest?: boolean }).excludeFromLatest)
        .filter(({ wire }) => parseVersionName(wire.name) !== undefined)
        .sort((a, b) => compareVersionNames(a.wire.name, b.wire.name))
        .at(-1);
}
