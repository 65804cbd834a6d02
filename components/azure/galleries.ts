// Galleries and image definitions, as Azure has them.
import type { GalleryImage } from "@azure/arm-compute";
import { computeClient, readOrUndefined } from "./client";
import { parseArmId } from "./ids";
import { asUserError, orUndefined, statusOf, type UserError } from "../core/errors";
import { oncePer } from "../core/once";

/** What a run has to know of a gallery. */
export interface FoundGallery {
    location: string;
    tags?: Record<string, string>;
}

/** A gallery, or undefined when there is none of this id; read once in a run, whatever the number of its pools. */
export const readGallery = oncePer(
    (id: string) => id.toLowerCase(),
    (id): Promise<FoundGallery | undefined> =>
        readOrUndefined(`gallery ${id}`, async () => {
            const { subscriptionId, resourceGroup, names } = parseArmId(id);
            const { galleries } = await computeClient(subscriptionId);
            const { location, tags } = await galleries.get(resourceGroup, names[0]);
            return { location, tags };
        }),
);

/** A marketplace plan that an image belongs to. */
export interface PurchasePlan {
    name?: string;
    publisher?: string;
    product?: string;
}

/** An image definition, as far as VMs and images must match it. */
export interface ImageDefinition {
    hyperVGeneration: string;
    architecture: string;
    /** As in `TrustedLaunch`; undefined for none in particular. */
    securityType?: string;
    /** As in `SCSI, NVMe`; undefined for SCSI alone. */
    diskControllerTypes?: string;
    purchasePlan?: PurchasePlan;
    osType?: string;
    osState?: string;
    tags?: Record<string, string>;
}

/** What is known of a definition that may be there; nothing where there is none. */
export interface FoundDefinition {
    existing?: ImageDefinition;
    /** Why this run's identity may not read it: Azure says so whether it is there or not. */
    refused?: UserError;
}

/**
 * Looks for an image definition. What Azure leaves out is generation V1 and x64.
 *
 * @throws UserError in one line when Azure cannot be asked
 */
export async function lookForImageDefinition(id: string): Promise<FoundDefinition> {
    const { subscriptionId, resourceGroup, names } = parseArmId(id);
    try {
        const { galleryImages } = await computeClient(subscriptionId);
        const image = await orUndefined(galleryImages.get(resourceGroup, names[0], names[1]));
        return image ? { existing: definitionFrom(image) } : {};
    } catch (error) {
        const refused = asUserError(error, (reason) => `image definition ${id} cannot be read: ${reason}`);
        if (statusOf(error) === 403) {
            return { refused };
        }
        throw refused;
    }
}

function definitionFrom({ features, osType, osState, purchasePlan, tags, ...image }: GalleryImage): ImageDefinition {
    const featureOf = (wanted: string) => features?.find(({ name }) => name === wanted)?.value;
    return {
        hyperVGeneration: image.hyperVGeneration ?? "V1",
        architecture: image.architecture ?? "x64",
        securityType: featureOf("SecurityType"),
        diskControllerTypes: featureOf("DiskControllerTypes"),
        osType,
        osState,
        purchasePlan,
        tags,
    };
}

/** A gallery of a subscription, as far as a name for another one depends on it. */
export interface NamedGallery {
    name: string;
    resourceGroup: string;
}

/**
 * The galleries of a subscription, read once in a run. Their names are unique in it, whatever resource group they are
 * in; undefined when this run's identity may not list them (its role may be for a resource group alone).
 * Source: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftcompute;
 * Azure answers 409 to a second gallery of the same name in another group.
 *
 * @throws UserError in one line when Azure cannot be asked
 */
export const galleriesOf = oncePer((subscriptionId: string) => subscriptionId, readGalleries);

async function readGalleries(subscriptionId: string): Promise<NamedGallery[] | undefined> {
    const found: NamedGallery[] = [];
    try {
        for await (const { id = "", name = "" } of (await computeClient(subscriptionId)).galleries.list()) {
            found.push({ name, resourceGroup: parseArmId(id).resourceGroup });
        }
        return found;
    } catch (error) {
        if (statusOf(error) === 403) {
            return undefined;
        }
        throw asUserError(
            error,
            (reason) => `the galleries of subscription ${subscriptionId} cannot be read: ${reason}`,
        );
    }
}
