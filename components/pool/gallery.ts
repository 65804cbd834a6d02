// The image definition of a pool: what it says of the VMs that start from its images, and what fits what. Pure but for
// the declarations.
import * as compute from "@pulumi/azure-native/compute";
import type * as pulumi from "@pulumi/pulumi";
import type { OsDisk } from "../azure/osDisks";
import { galleryId, imageDefinitionId, type GalleryId } from "../azure/ids";
import { STACK_TAG } from "../azure/tags";
import { shortDigest } from "../core/digest";
import type { ImageTraits, ManagedGallery, Pool } from "./pool";
import { providerFor } from "./providers";
import { RETAINED } from "./statement";

/** An existing image definition, as far as it must match. */
export type ExistingDefinition = ImageTraits & { osType?: string; osState?: string };

/** What a scale set's model says of its VMs, as far as an image must match it. */
export interface ModelTraits {
    securityType?: string;
    /** `SCSI` or `NVMe`, where the model or one of its VMs names it. */
    diskControllerType?: string;
    plan?: ImageTraits["purchasePlan"];
}

/**
 * The traits of the image from a node's OS disk. Azure's defaults fill in what the disk does not say: generation V1,
 * x64.
 *
 * The security type is always said where there is one to say (generation V2): left out, Azure has begun to take
 * TrustedLaunchSupported instead of none, which some sources of images do not have.
 * Source: https://learn.microsoft.com/azure/virtual-machines/trusted-launch-faq
 *
 * @param disk the OS disk of one of the scale set's VMs
 */
export function imageTraits(disk: OsDisk, { securityType, plan, diskControllerType }: ModelTraits): ImageTraits {
    const purchasePlan = disk.purchasePlan ?? plan;
    const hyperVGeneration = disk.hyperVGeneration ?? "V1";
    const controllers = disk.diskControllerTypes ?? diskControllerType;
    const isStandard = (securityType ?? "Standard") === "Standard";
    return {
        hyperVGeneration,
        architecture: disk.architecture ?? "x64",
        ...(!(isStandard && hyperVGeneration === "V1") && { securityType: securityType ?? "Standard" }),
        ...(controllers && { diskControllerTypes: controllers }),
        ...(purchasePlan && {
            purchasePlan: { name: purchasePlan.name, product: purchasePlan.product, publisher: purchasePlan.publisher },
        }),
    };
}

/**
 * Security types of image definitions from which VMs of a security type start. What an image supports beyond that does
 * no harm.
 * Source: https://learn.microsoft.com/azure/virtual-machines/trusted-launch#operating-systems-supported, the table of
 * the definition's features in https://learn.microsoft.com/azure/virtual-machines/shared-image-galleries
 */
const FITTING_SECURITY_TYPES: Record<string, string[]> = {
    standard: [
        "standard",
        "none",
        "trustedlaunchsupported",
        "confidentialvmsupported",
        "trustedlaunchandconfidentialvmsupported",
    ],
    trustedlaunch: ["trustedlaunch", "trustedlaunchsupported", "trustedlaunchandconfidentialvmsupported"],
};

function securityFits(has = "Standard", needs = "Standard"): boolean {
    const [definition, vm] = [has, needs].map((type) => type.toLowerCase());
    return FITTING_SECURITY_TYPES[vm]?.includes(definition) ?? definition === vm;
}

/** Whether images of a definition start on a disk controller; one that says nothing is for SCSI. */
function controllerFits(has = "SCSI", needs = "SCSI"): boolean {
    return controllersIn(has).includes(needs.toLowerCase());
}

function controllersIn(text: string): string[] {
    return text.split(",").map((each) => each.trim().toLowerCase());
}

/**
 * Whether it matters which disk controller the VMs have: not where an existing definition takes all for which their
 * disks have drivers, and not for a new one where the disks say which those are.
 */
export function controllerMatters(
    { diskControllerTypes }: Pick<OsDisk, "diskControllerTypes">,
    existing: Pick<ExistingDefinition, "diskControllerTypes"> | undefined,
): boolean {
    if (diskControllerTypes === undefined) {
        return true;
    }
    const possible = controllersIn(diskControllerTypes);
    return existing !== undefined && !possible.every((each) => controllerFits(existing.diskControllerTypes, each));
}

function planText({ publisher, product, name }: NonNullable<ImageTraits["purchasePlan"]> = {}): string {
    return [publisher, product, name].filter(Boolean).join("/") || "none";
}

/**
 * The first difference between an existing definition and what the VMs need, in words; undefined when it fits.
 * Azure refuses to start a VM from an image that differs from it in one of these.
 *
 * @param vm what the VMs themselves need; the traits of an image may promise more than that
 */
export function mismatch(existing: ExistingDefinition, wanted: ImageTraits, vm: ModelTraits): string | undefined {
    const { osType = "Linux", osState = "Generalized" } = existing;
    const found = firstDifference([
        ["OS type", osType, "Linux", same],
        ["OS state", osState, "Generalized", same],
        ...kindOf(existing, { ...wanted, securityType: vm.securityType }),
        ["disk controller", existing.diskControllerTypes ?? "SCSI", vm.diskControllerType ?? "SCSI", controllerFits],
        ["purchase plan", planText(existing.purchasePlan), planText(wanted.purchasePlan), same],
    ]);
    return found && `its ${found.trait} is ${found.has}, the scale set's VMs need ${found.needs}`;
}

type Fits = (has?: string, needs?: string) => boolean;

/** A trait of a definition, what it is there and what it has to be, and whether the one does for the other. */
type Compared = [trait: string, has: string | undefined, needs: string | undefined, fits: Fits];

const same: Fits = (has, needs) => has?.toLowerCase() === needs?.toLowerCase();

/** What kind of disk a definition is for, beside the kind of the disk or VM in question. */
function kindOf(definition: OsDisk, needed: OsDisk): Compared[] {
    return [
        ["generation", definition.hyperVGeneration, needed.hyperVGeneration ?? "V1", same],
        ["architecture", definition.architecture, needed.architecture ?? "x64", same],
        ["security type", definition.securityType ?? "Standard", needed.securityType ?? "Standard", securityFits],
    ];
}

function firstDifference(all: Compared[]): { trait: string; has?: string; needs?: string } | undefined {
    const [trait, has, needs] = all.find(([, is, wanted, fits]) => !fits(is, wanted)) ?? [];
    return trait === undefined ? undefined : { trait, has, needs };
}

/**
 * What no image can be: a disk of generation V1 for VMs of a security type. They need generation V2, whose firmware is
 * UEFI. A pool whose first nodes were made from another model than its next ones looks so.
 * Sources: https://learn.microsoft.com/azure/virtual-machines/trusted-launch#virtual-machines-sizes, Azure/azure-cli#17599
 *
 * @returns the security type, where it is one that asks too much
 */
export function impossibleSecurity({ hyperVGeneration, securityType = "Standard" }: ImageTraits): string | undefined {
    return hyperVGeneration === "V1" && securityType !== "Standard" ? securityType : undefined;
}

/**
 * The first difference between a node's OS disk and the definition that its image would be in, in words; undefined when
 * it fits. A pool's nodes differ where they were made from different models.
 */
export function donorMismatch(disk: OsDisk, { name, traits, securityType }: Pool["definition"]): string | undefined {
    const found = firstDifference(kindOf({ ...traits, securityType }, disk));
    return (
        found &&
        `the ${found.trait} of its OS disk is ${found.needs}, and image definition "${name}" is for ${found.has}`
    );
}

/**
 * Declares each gallery once that this stack makes, however many pools share it. Protected: new nodes boot from what is
 * in it.
 *
 * @returns by gallery id without case; pools of a gallery that existed before have no entry
 */
export function declareGalleries(pools: Pool[]): Map<string, compute.Gallery> {
    const galleries = new Map<string, compute.Gallery>();
    for (const pool of pools) {
        const key = galleryKey(pool.gallery);
        if (pool.gallery.managed && !galleries.has(key)) {
            galleries.set(key, declareGallery(pool.gallery, pool));
        }
    }
    return galleries;
}

/** A gallery's key in the map of `declareGalleries`: its id, without case as Azure compares ids. */
export function galleryKey(gallery: GalleryId): string {
    return galleryId(gallery).toLowerCase();
}

/** The name in the stack that a gallery gets: another subscription may have one of the same name. */
export function galleryResourceName(gallery: GalleryId): string {
    return galleryResourceNames(gallery)[0];
}

/** The names in the stack that a gallery may have, first the one that it gets. */
export function galleryResourceNames({ name, subscriptionId }: GalleryId): string[] {
    const names = [name, `${name}-${subscriptionId.toLowerCase()}`];
    return providerFor(subscriptionId) ? names.reverse() : names;
}

/**
 * What takes into the stack as it is what this stack has made and its state does not have: after a run that was killed,
 * with a state from a backup, for a pool that left the stack and comes back. The next run declares it in full.
 */
function importOf(id: string, imports: boolean | undefined): pulumi.CustomResourceOptions {
    return imports ? { import: id, ignoreChanges: ["*"] } : {};
}

function declareGallery(
    gallery: Extract<Pool["gallery"], ManagedGallery>,
    { stack, tags }: Pick<Pool, "stack" | "tags">,
): compute.Gallery {
    const { name, resourceGroup, location, subscriptionId, resourceName } = gallery;
    return new compute.Gallery(
        resourceName,
        {
            resourceGroupName: resourceGroup,
            galleryName: name,
            location,
            description: "OS images of patched, proven-working Kubernetes nodes",
            tags: { ...tags, [STACK_TAG]: stack },
        },
        { ...RETAINED, provider: providerFor(subscriptionId), ...importOf(galleryId(gallery), gallery.imports) },
    );
}

/** The features of a definition, by Azure's names for them. */
function featuresOf({ securityType, diskControllerTypes }: ImageTraits): { name: string; value: string }[] {
    return [
        ...(securityType ? [{ name: "SecurityType", value: securityType }] : []),
        ...(diskControllerTypes ? [{ name: "DiskControllerTypes", value: diskControllerTypes }] : []),
    ];
}

/** The SKU of a definition's identifier has 64 characters at most, its name 80. */
const LONGEST_SKU = 64;

/**
 * What identifies a definition: within a gallery these three together name one alone.
 * Source: https://learn.microsoft.com/azure/virtual-machines/troubleshooting-shared-images
 */
export function identifierOf(name: string): { publisher: string; offer: string; sku: string } {
    const digest = shortDigest(name);
    const sku = name.length > LONGEST_SKU ? `${name.slice(0, LONGEST_SKU - digest.length - 1)}-${digest}` : name;
    return { publisher: "kamino", offer: "node-image", sku };
}

/** Declares the image definition of one pool. Protected, as its versions are what new nodes boot from. */
export function declareImageDefinition(
    name: string,
    pool: Pool,
    opts: pulumi.CustomResourceOptions,
): compute.GalleryImage {
    const { gallery, definition, location, stack, tags } = pool;
    const { hyperVGeneration, architecture, purchasePlan } = definition.traits;
    const features = featuresOf(definition.traits);
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
            identifier: identifierOf(definition.name),
            ...(features.length > 0 && { features }),
            ...(purchasePlan && { purchasePlan }),
            tags: { ...tags, [STACK_TAG]: stack },
        },
        {
            ...{ ...opts, ...RETAINED },
            provider: providerFor(gallery.subscriptionId),
            // Azure changes neither of a definition: they stay what they were when it was made.
            ignoreChanges: ["features", "identifier"],
            ...importOf(imageDefinitionId(pool), definition.imports),
        },
    );
}
