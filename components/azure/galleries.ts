// Which galleries a subscription has: their names are unique in it, whatever resource group they are in.
import { computeClient } from "./client";
import { parseArmId } from "./ids";
import { UserError, oneLine, statusOf } from "../core/errors";

/** A gallery of a subscription, as far as a name for another one depends on it. */
export interface NamedGallery {
    name: string;
    resourceGroup: string;
}

const listed = new Map<string, Promise<NamedGallery[] | undefined>>();

/**
 * The galleries of a subscription, asked for once in a run; undefined when this run's identity may not list them (its role may be for a
 * resource group alone).
 * Source: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftcompute; Azure answers
 * 409 to a second gallery of the same name in another group.
 *
 * @throws UserError in one line when Azure cannot be asked
 */
export function galleriesOf(subscriptionId: string): Promise<NamedGallery[] | undefined> {
    let reading = listed.get(subscriptionId);
    if (!reading) {
        reading = readGalleries(subscriptionId);
        listed.set(subscriptionId, reading);
    }
    return reading;
}

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
        throw error instanceof UserError
            ? error
            : new UserError(`the galleries of subscription ${subscriptionId} cannot be read: ${oneLine(error)}`);
    }
}
