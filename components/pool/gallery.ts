// Where images are kept: the gallery, and per scale set an image definition that matches its VMs.
import { compute } from "@pulumi/azure-native";
import type * as pulumi from "@pulumi/pulumi";
import type { OsDisk } from "../azure/client";
import { galleryId } from "../azure/ids";
import type { GallerySettings, ImageTraits, Pool } from "./pool";

/** Tag that tells which stack made a gallery or image definition. */
export const MANAGED_BY = "kamino-stack";

/** An existing image definition, as far as it must match. */
export type ExistingDefinition = ImageTraits & { osType?: string; osState?: string };

/**
 * The traits of the image from a node's OS disk. Azure's defaults fill in what the disk does not say: generation V1, x64.
 *
 * @param disk the OS disk of one of the scale set's VMs
 * @param securityType the security type in the scale set's model
 * @param plan the marketplace plan in the scale set's model; it must go on with the image
 */
export function imageTraits(
    disk: OsDisk,
    securityType: string | undefined,
    plan: ImageTraits["purchasePlan"] | undefined,
): ImageTraits {
    const purchasePlan = disk.purchasePlan ?? plan;
    const kind = securityType === "Standard" ? undefined : securityType;
    return {
        hyperVGeneration: disk.hyperVGeneration ?? "V1",
        architecture: disk.architecture ?? "x64",
        ...(kind && { securityType: kind }),
        ...(purchasePlan && {
            purchasePlan: { name: purchasePlan.name, product: purchasePlan.product, publisher: purchasePlan.publisher },
        }),
    };
}

/**
 * The first difference between an existing definition and what the VMs need, in words; undefined when it fits.
 * Azure refuses to start a VM from an image that differs from it in one of these.
 */
export function mismatch(existing: ExistingDefinition, wanted: ImageTraits): string | undefined {
    const plan = (traits: ImageTraits) => {
        const { publisher, product, name } = traits.purchasePlan ?? {};
        return [publisher, product, name].filter(Boolean).join("/");
    };
    const pairs: [string, string | undefined, string | undefined][] = [
        ["OS type", existing.osType ?? "Linux", "Linux"],
        ["OS state", existing.osState ?? "Generalized", "Generalized"],
        ["generation", existing.hyperVGeneration, wanted.hyperVGeneration],
        ["architecture", existing.architecture, wanted.architecture],
        ["security type", existing.securityType ?? "Standard", wanted.securityType ?? "Standard"],
        ["purchase plan", plan(existing) || "none", plan(wanted) || "none"],
    ];
    const found = pairs.find(([, has, needs]) => has?.toLowerCase() !== needs?.toLowerCase());
    return found && `its ${found[0]} is ${found[1]}, the scale set's VMs need ${found[2]}`;
}

/**
 * Declares each gallery once that this stack makes, however many pools share it. Protected: new nodes boot from what is in it.
 *
 * @returns by gallery id without case; pools of a gallery that was there have no entry
 */
export function declareGalleries(pools: Pool[]): Map<string, compute.Gallery> {
    const galleries = new Map<string, compute.Gallery>();
    for (const { gallery, stack } of pools) {
        const key = galleryKey(gallery);
        if (gallery.declared && !galleries.has(key)) {
            galleries.set(key, declareGallery(gallery, stack));
        }
    }
    return galleries;
}

/** A gallery's key in the map of `declareGalleries`: its id, without case as Azure compares ids. */
export function galleryKey(gallery: GallerySettings): string {
    return galleryId(gallery).toLowerCase();
}

function declareGallery({ name, resourceGroup, location }: GallerySettings, stack: string): compute.Gallery {
    return new compute.Gallery(
        name,
        {
            resourceGroupName: resourceGroup,
            galleryName: name,
            location,
            description: "OS images of patched, proven-working Kubernetes nodes",
            tags: { [MANAGED_BY]: stack },
        },
        { protect: true },
    );
}

/** Declares the image definition of one pool. Protected, as its versions are what new nodes boot from. */
export function declareImageDefinition(
    name: string,
    pool: Pool,
    opts: pulumi.CustomResourceOptions,
): compute.GalleryImage {
    const { gallery, definition, location, stack } = pool;
    const { hyperVGeneration, architecture, securityType, purchasePlan } = definition.traits;
    return new compute.GalleryImage(
        name,
        {
            resourceGroupName: gallery.resourceGroup,
            galleryName: gallery.name,
            galleryImageName: definition.name,
            location,
            osType: compute.OperatingSystemTypes.Linux,
            osState: compute.OperatingSystemStateTypes.Generalized,
            hyperVGeneration,
            architecture,
            // Within a gallery these three together name one definition only.
            identifier: { publisher: "kamino", offer: "node-image", sku: definition.name },
            ...(securityType && { features: [{ name: "SecurityType", value: securityType }] }),
            ...(purchasePlan && { purchasePlan }),
            tags: { [MANAGED_BY]: stack },
        },
        { ...opts, protect: true },
    );
}
