// The image of an AzureMachinePool: what its field says, and how this program writes it. Pure.
import { imageVersionId, type ComputeId } from "../azure/ids";

/** A version in a gallery, as `spec.template.image.computeGallery` has it. All of it is spelled as Azure spells it. */
export interface ComputeGallery {
    subscriptionID: string;
    resourceGroup: string;
    gallery: string;
    /** Name of the image definition. */
    name: string;
    version: string;
}

/** `spec.template.image` of an AzureMachinePool: one of four kinds. */
export interface CapzImage {
    id?: string;
    marketplace?: { publisher?: string; offer?: string; sku?: string; version?: string };
    /** Without subscription and resource group it is a community gallery. */
    computeGallery?: Partial<ComputeGallery>;
    sharedGallery?: Partial<ComputeGallery>;
}

/**
 * The image as a scale set's model refers to it. Undefined where the field is empty: then CAPZ takes an image of its
 * own by the Kubernetes version.
 */
export function imageReferenceOf(image: CapzImage | undefined): Record<string, string | undefined> | undefined {
    const { id, marketplace, computeGallery, sharedGallery } = image ?? {};
    if (id !== undefined) {
        return { id };
    }
    if (marketplace) {
        const { publisher, offer, sku, version } = marketplace;
        return { publisher, offer, sku, version };
    }
    const gallery = computeGallery ?? sharedGallery;
    return gallery && galleryReference(gallery);
}

function galleryReference(image: Partial<ComputeGallery>) {
    const { subscriptionID: subscriptionId, resourceGroup = "", gallery = "", name = "", version = "" } = image;
    return subscriptionId
        ? {
              id: imageVersionId(
                  { gallery: { subscriptionId, resourceGroup, name: gallery }, definition: { name } },
                  version,
              ),
          }
        : { communityGalleryImageId: `/CommunityGalleries/${gallery}/images/${name}/versions/${version}` };
}

/**
 * The field's value for one version of an image definition.
 *
 * Always `computeGallery`: of `sharedGallery` CAPZ never believes that a machine has it, since it reads the machine's
 * image back as `computeGallery`, and it would replace machines without end.
 */
export function computeGalleryOf(gallery: ComputeId, definition: string, version: string): ComputeGallery {
    const { subscriptionId, resourceGroup, name } = gallery;
    return { subscriptionID: subscriptionId, resourceGroup, gallery: name, name: definition, version };
}

/** Whether the field says this version already, and nothing else. CAPZ compares with case, and so does this. */
export function isImage(image: CapzImage | undefined, wanted: ComputeGallery): boolean {
    const { computeGallery, ...others } = image ?? {};
    const keys = Object.keys(wanted) as (keyof ComputeGallery)[];
    return (
        computeGallery !== undefined &&
        Object.values(others).every((other) => other === undefined) &&
        Object.keys(computeGallery).length === keys.length &&
        keys.every((key) => computeGallery[key] === wanted[key])
    );
}

/**
 * The change that points an AzureMachinePool at a version, as a JSON merge patch: the other kinds of image go in the
 * same request, since the webhook takes one kind alone. Only if the object is still that of `resourceVersion`.
 */
export function imagePatch(image: CapzImage | undefined, wanted: ComputeGallery, resourceVersion: string) {
    const others = Object.keys(image ?? {}).filter((kind) => kind !== "computeGallery");
    // What the old value has beyond the new one (a purchase plan, say) goes as well.
    const more = Object.keys(image?.computeGallery ?? {}).filter((key) => !(key in wanted));
    return {
        metadata: { resourceVersion },
        spec: {
            template: {
                image: {
                    ...Object.fromEntries(others.map((kind) => [kind, null])),
                    computeGallery: { ...Object.fromEntries(more.map((key) => [key, null])), ...wanted },
                },
            },
        },
    };
}
