// Subscription, its locations (with zones), and resource groups.
import { groupNotFound, missingParameter } from "../http/errors";
import type { Route } from "../http/route";
import { BodySchema } from "../http/schema";
import { REGIONS, normalLocation } from "../regions";
import type { Cloud, ResourceGroup } from "../cloud";
import { GROUP } from "./common";

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

/** Id of a group. */
export function groupId(cloud: Cloud, name: string): string {
    return `/subscriptions/${cloud.subscriptionId}/resourceGroups/${name}`;
}

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

function subscription(cloud: Cloud): Record<string, unknown> {
    return {
        id: `/subscriptions/${cloud.subscriptionId}`,
        authorizationSource: "RoleBased",
        managedByTenants: [],
        subscriptionId: cloud.subscriptionId,
        tenantId: cloud.tenantId,
        displayName: "kamino sandbox",
        state: "Enabled",
        subscriptionPolicies: {
            locationPlacementId: "Public_2014-09-01",
            quotaId: "PayAsYouGo_2014-09-01",
            spendingLimit: "Off",
        },
    };
}

// Regions with zones have mappings, regions without have none: the documented way to tell.
function location(cloud: Cloud, region: (typeof REGIONS)[number]): Record<string, unknown> {
    const mappings = ["1", "2", "3"].map((zone) => ({ logicalZone: zone, physicalZone: `${region.name}-az${zone}` }));
    return {
        id: `/subscriptions/${cloud.subscriptionId}/locations/${region.name}`,
        name: region.name,
        type: "Region",
        displayName: region.displayName,
        regionalDisplayName: region.displayName,
        metadata: {
            regionType: "Physical",
            regionCategory: region.zones ? "Recommended" : "Other",
            pairedRegion: [
                { name: region.paired, id: `/subscriptions/${cloud.subscriptionId}/locations/${region.paired}` },
            ],
        },
        ...(region.zones && { availabilityZoneMappings: mappings }),
    };
}

/** Routes of subscriptions and resource groups. */
export const routes: Route[] = [
    {
        method: "GET",
        path: "/subscriptions",
        action: undefined,
        type: "resources",
        handle: ({ cloud }) => ({
            status: 200,
            body: { value: [subscription(cloud)], count: { type: "Total", value: 1 } },
        }),
    },
    {
        method: "GET",
        path: SUBSCRIPTION,
        action: "Microsoft.Resources/subscriptions/read",
        type: "resources",
        handle: ({ cloud }) => ({ status: 200, body: subscription(cloud) }),
    },
    {
        method: "GET",
        path: `${SUBSCRIPTION}/locations`,
        action: "Microsoft.Resources/subscriptions/locations/read",
        beyondScope: 1,
        type: "resources",
        handle: ({ cloud }) => ({ status: 200, body: { value: REGIONS.map((region) => location(cloud, region)) } }),
    },
    {
        method: "GET",
        path: `${SUBSCRIPTION}/resourceGroups`,
        action: "Microsoft.Resources/subscriptions/resourceGroups/read",
        beyondScope: 1,
        type: "resources",
        handle: ({ cloud }) => ({ status: 200, body: { value: cloud.groups.all().map(wire) } }),
    },
    {
        method: "GET",
        path: GROUP,
        action: "Microsoft.Resources/subscriptions/resourceGroups/read",
        type: "resources",
        handle: ({ cloud, params }) => {
            const group = cloud.groups.get(groupId(cloud, params.resourceGroupName));
            if (!group) throw groupNotFound(params.resourceGroupName);
            return { status: 200, body: wire(group) };
        },
    },
    {
        method: "PUT",
        path: GROUP,
        action: "Microsoft.Resources/subscriptions/resourceGroups/write",
        type: "resources",
        body: schema,
        handle: ({ cloud, params, body }) => {
            const name = params.resourceGroupName;
            const existing = cloud.groups.get(groupId(cloud, name));
            if (!existing && typeof body.location !== "string") throw missingParameter("location");
            const tags = (body.tags ?? {}) as Record<string, string>;
            const fresh = { id: groupId(cloud, name), name, location: normalLocation(String(body.location)), tags };
            const group = cloud.groups.set(existing ? { ...existing, tags } : fresh);
            return { status: existing ? 200 : 201, body: wire(group) };
        },
    },
];
