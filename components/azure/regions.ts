// Regions and their availability zones, as a subscription has them.
import { UserError } from "../core/errors";
import { oncePer } from "../core/once";
import { askResourceManager } from "./arm";
import { readOrUndefined } from "./client";

interface Location {
    name?: string;
    displayName?: string;
    availabilityZoneMappings?: unknown[];
}

const locationsOf = oncePer((subscription: string) => subscription, readLocations);

/**
 * Whether a region has availability zones, without which zone-redundant storage is refused.
 * Source: https://learn.microsoft.com/rest/api/resources/subscriptions/list-locations, `availabilityZoneMappings`.
 *
 * @throws UserError in one line when Azure cannot be asked
 */
export async function regionHasZones(subscription: string, region: string): Promise<boolean> {
    const found = (await locationsOf(subscription)).find(({ name, displayName }) =>
        [name, displayName].map(regionName).includes(regionName(region)),
    );
    return (found?.availabilityZoneMappings ?? []).length > 0;
}

/** A region's name as ARM has it, also for what people write: `West Europe` is `westeurope`. */
export function regionName(region = ""): string {
    return region.toLowerCase().replace(/ /g, "");
}

async function readLocations(subscription: string): Promise<Location[]> {
    const what = `the regions of subscription ${subscription}`;
    const body = await readOrUndefined(what, async () => {
        const path = `/subscriptions/${subscription}/locations?api-version=2022-12-01`;
        const { status, answer } = await askResourceManager<{ value?: Location[] }>(subscription, path);
        if (status !== 200) {
            const advice =
                status === 403
                    ? "; give the role kamino-regions at the subscription, or set kamino:storageAccountType"
                    : "";
            throw new UserError(`${what} cannot be read: ${answer.error?.message ?? `status ${status}`}${advice}`);
        }
        return answer.value;
    });
    return body ?? [];
}
