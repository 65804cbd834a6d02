// One row of the table that the local Azure is: where it listens, what it needs, what it does.
import type { Cloud } from "../cloud";
import type { LinkedAccess, Principal } from "../rbac";
import type { BodySchema } from "./schema";

/** A request that has passed authentication, with what its route needs to know. */
export interface Call {
    cloud: Cloud;
    method: string;
    /** Path without query, as the caller wrote it. */
    path: string;
    /** The subscription that the path names, as it was made; the first one for paths that name none. */
    subscriptionId: string;
    /** Path parameters in the caller's casing. */
    params: Record<string, string>;
    query: Record<string, string | undefined>;
    headers: Record<string, string | undefined>;
    apiVersion: string;
    principal: Principal;
    body: Record<string, unknown>;
}

/** What a handler answers; errors are thrown as ArmError. */
export interface Answer {
    status: number;
    body?: unknown;
    headers?: Record<string, string>;
}

/** A row of the table. */
export interface Route {
    method: "GET" | "PUT" | "PATCH" | "POST" | "DELETE";
    /** Path with `:parameters`; matched without case, as ARM does. */
    path: string;
    /** RBAC action checked at the path's scope; undefined for what any authenticated caller may ask. */
    action: string | undefined;
    /** Where the action is checked, if not at what the path names. */
    scope?(call: Call): string;
    /** Last path segments that are not part of the scope: 1 for `…/start`, 1 for a list below its parent. */
    beyondScope?: number;
    /** Key of the api-version table: the resource type whose versions count here. */
    type: ResourceType;
    body?: BodySchema;
    /** Other resources that this call uses, and the action needed on each. */
    linked?(call: Call): LinkedAccess[];
    handle(call: Call): Answer | Promise<Answer>;
}

/** Which api-versions a route takes. */
export type ResourceType =
    "resources" | "scaleSets" | "virtualMachines" | "disks" | "galleries" | "skus" | "policyInsights" | "network";

/** Of what `ComputeRP` has in the REST API specifications: scale sets, VMs, availability sets. */
const COMPUTE_VERSIONS = [
    ...["2019-03-01", "2019-07-01", "2019-12-01", "2020-06-01", "2020-12-01", "2021-03-01", "2021-04-01"],
    ...["2021-07-01", "2021-11-01", "2022-03-01", "2022-08-01", "2022-11-01", "2023-03-01", "2023-07-01"],
    ...["2023-09-01", "2024-03-01", "2024-07-01", "2024-11-01", "2025-04-01", "2025-11-01", "2026-03-01"],
    "2026-04-01",
];

/** Stable versions of each resource provider's type (from the REST API specifications' folders), newest last. */
export const API_VERSIONS: Record<ResourceType, string[]> = {
    resources: [
        "2016-06-01",
        "2019-10-01",
        "2020-01-01",
        "2021-01-01",
        "2021-04-01",
        "2022-09-01",
        "2022-12-01",
        "2023-07-01",
        "2024-03-01",
        "2024-11-01",
        "2025-04-01",
    ],
    scaleSets: COMPUTE_VERSIONS,
    virtualMachines: COMPUTE_VERSIONS,
    network: [
        ...["2020-11-01", "2021-02-01", "2021-05-01", "2021-08-01", "2022-01-01", "2022-05-01", "2022-07-01"],
        ...["2022-09-01", "2022-11-01", "2023-02-01", "2023-04-01", "2023-05-01", "2023-06-01", "2023-09-01"],
        ...["2023-11-01", "2024-01-01", "2024-03-01", "2024-05-01", "2024-07-01", "2024-10-01", "2025-01-01"],
    ],
    disks: [
        ...[
            "2020-12-01",
            "2021-04-01",
            "2021-08-01",
            "2021-12-01",
            "2022-03-02",
            "2022-07-02",
            "2023-01-02",
            "2023-04-02",
            "2023-10-02",
        ],
        ...["2024-03-02", "2025-01-02", "2026-03-02"],
    ],
    galleries: [
        "2020-09-30",
        "2021-07-01",
        "2021-10-01",
        "2022-01-03",
        "2022-03-03",
        "2022-08-03",
        "2023-07-03",
        "2024-03-03",
        "2025-03-03",
        "2026-03-03",
    ],
    policyInsights: ["2020-07-01", "2022-03-01", "2023-03-01", "2024-10-01"],
    skus: ["2017-09-01", "2019-04-01", "2021-07-01"],
};

/** The id that the call's path names, in the caller's casing, without the segments beyond its scope. */
export function scopeOf(route: Route, path: string): string {
    const segments = path.split("/");
    return segments.slice(0, segments.length - (route.beyondScope ?? 0)).join("/");
}
