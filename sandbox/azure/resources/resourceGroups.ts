// Subscription, its locations (with zones), and resource groups.
import { ArmError, groupNotFound, missingParameter } from "../http/errors";
import type { Route } from "../http/route";
import { BodySchema } from "../http/schema";
import { groupId } from "../ids";
import { reaches } from "../rbac";
import { REGIONS, normalLocation } from "../regions";
import type { Cloud } from "../cloud";
import type { ResourceGroup, Subscription } from "../wire";
import { GROUP, listed } from "./common";

const SUBSCRIPTION = "/subscriptions/:subscriptionId";
const schema = new BodySchema("ResourceGroup", {
    id: "readOnly",
    name: "readOnly",
    type: "readOnly",
    location: "string",
    managedBy: "string",
    tags: { "*": "string" },
    properties: { provisioningState: "readOnly" },
});

function wire(group: ResourceGroup): Record<string, unknown> {
    const { id, name, location, tags } = group;
    return {
        id,
        name,
        type: "Microsoft.Resources/resourceGroups",
        location,
        tags,
        properties: { provisioningState: "Succeeded" },
    };
}

function subscription(cloud: Cloud, { id, subscriptionId, name }: Subscription): Record<string, unknown> {
    return {
        id,
        authorizationSource: "RoleBased",
        managedByTenants: [],
        subscriptionId,
        tenantId: cloud.tenantId,
        displayName: name,
        state: "Enabled",
        subscriptionPolicies: {
            locationPlacementId: "Public_2014-09-01",
            quotaId: "PayAsYouGo_2014-09-01",
            spendingLimit: "Off",
        },
    };
}

// Regions with zones have mappings, regions without have none: the documented way to tell.
function location(subscriptionId: string, region: (typeof REGIONS)[number]): Record<string, unknown> {
    const mappings = ["1", "2", "3"].map((zone) => ({ logicalZone: zone, physicalZone: `${region.name}-az${zone}` }));
    return {
        id: `/subscriptions/${subscriptionId}/locations/${region.name}`,
        name: region.name,
        type: "Region",
        displayName: region.displayName,
        regionalDisplayName: region.displayName,
        metadata: {
            regionType: "Physical",
            regionCategory: region.zones ? "Recommended" : "Other",
            pairedRegion: [{ name: region.paired, id: `/subscriptions/${subscriptionId}/locations/${region.paired}` }],
        },
        ...(region.zones && { availabilityZoneMappings: mappings }),
    };
}

/**
 * Letters and digits of any script, and `-._()`; at most 90, no period at the end
 * (https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules, text as in public issues).
 */
function checkName(name: string): void {
    const invalid = [...new Set(name.match(/[^\p{L}\p{N}_().-]/gu) ?? [])];
    const problem =
        invalid.length > 0
            ? `has these invalid characters: '${invalid.join("")}'. The name can only be a letter, digit, '-', '.', '(', ')' or '_'.`
            : name.endsWith(".")
              ? "ends with an invalid character. The name cannot end with '.'."
              : name.length > 90
                ? "is too long. The maximum length is 90."
                : undefined;
    if (problem === undefined) {
        return;
    }
    throw new ArmError(400, "InvalidResourceGroup", `The provided resource group name '${name}' ${problem}`, {
        gateway: true,
    });
}

/** Routes of subscriptions and resource groups. */
export const routes: Route[] = [
    {
        method: "GET",
        path: "/subscriptions",
        action: undefined,
        type: "resources",
        handle: ({ cloud, principal }) => {
            const mine = cloud.subscriptions.all().filter(({ id }) => reaches(principal, id));
            const value = mine.map((one) => subscription(cloud, one));
            return { status: 200, body: { value, count: { type: "Total", value: value.length } } };
        },
    },
    {
        method: "GET",
        path: SUBSCRIPTION,
        action: "Microsoft.Resources/subscriptions/read",
        type: "resources",
        handle: ({ cloud, subscriptionId }) => {
            const [found] = cloud.subscriptions.all().filter((one) => one.subscriptionId === subscriptionId);
            return { status: 200, body: subscription(cloud, found) };
        },
    },
    {
        method: "GET",
        path: `${SUBSCRIPTION}/locations`,
        action: "Microsoft.Resources/subscriptions/locations/read",
        beyondScope: 1,
        type: "resources",
        handle: ({ subscriptionId }) => ({
            status: 200,
            body: { value: REGIONS.map((region) => location(subscriptionId, region)) },
        }),
    },
    {
        method: "GET",
        path: `${SUBSCRIPTION}/resourceGroups`,
        action: "Microsoft.Resources/subscriptions/resourceGroups/read",
        beyondScope: 1,
        type: "resources",
        handle: (call) => ({ status: 200, body: { value: listed(call, call.cloud.groups).map(wire) } }),
    },
    {
        method: "GET",
        path: GROUP,
        action: "Microsoft.Resources/subscriptions/resourceGroups/read",
        type: "resources",
        handle: ({ cloud, params, subscriptionId }) => {
            const group = cloud.groups.get(groupId(subscriptionId, params.resourceGroupName));
            if (!group) {
                throw groupNotFound(params.resourceGroupName);
            }
            return { status: 200, body: wire(group) };
        },
    },
    {
        method: "PUT",
        path: GROUP,
        action: "Microsoft.Resources/subscriptions/resourceGroups/write",
        type: "resources",
        body: schema,
        handle: ({ cloud, params, body, subscriptionId }) => {
            const name = params.resourceGroupName;
            checkName(name);
            const existing = cloud.groups.get(groupId(subscriptionId, name));
            if (!existing && typeof body.location !== "string") {
                throw missingParameter("location");
            }
            const tags = (body.tags ?? {}) as Record<string, string>;
            const fresh = {
                id: groupId(subscriptionId, name),
                name,
                location: normalLocation(String(body.location)),
                tags,
            };
            const group = cloud.groups.set(existing ? { ...existing, tags } : fresh);
            return { status: existing ? 200 : 201, body: wire(group) };
        },
    },
];
