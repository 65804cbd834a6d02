// All that the local Azure keeps: settings, resources, disks' folders, machines. Every route gets it with its call.
import type { Collection } from "./collection";
import type { Faults } from "./faults";
import type { Fleet } from "./fleet";
import type { Folders } from "./folders";
import type { RateLimits } from "./http/headers";
import type { TokenService } from "./http/tokens";
import type { Operations } from "./operations";
import type { Policies } from "./policies";
import type { Principals } from "./rbac";
import type { RequestLog } from "./requestLog";
import type { ScaleSetRecord } from "./scaleSetRecord";
import type { Durations } from "./types";

/** A resource in the shape that it is sent in. */
export interface Wire {
    id: string;
    name: string;
    type: string;
    location: string;
    tags?: Record<string, string>;
    properties: Record<string, unknown>;
    [member: string]: unknown;
}

/** A resource with the folder of files that it holds (disks, snapshots, image versions) or none. */
export interface Stored {
    readonly id: string;
    wire: Wire;
    folder?: string;
}

export interface ResourceGroup {
    readonly id: string;
    readonly name: string;
    location: string;
    tags: Record<string, string>;
}

/** A subscription of the tenant. */
export interface Subscription {
    /** Its ARM id, `/subscriptions/…`. */
    readonly id: string;
    readonly subscriptionId: string;
    readonly name: string;
}

/** The whole local Azure. */
export interface Cloud {
    /** The first subscription, which signed-in processes are pointed at. */
    readonly subscriptionId: string;
    readonly subscriptions: Collection<Subscription>;
    readonly tenantId: string;
    readonly durations: Durations;
    url(): string;
    now(): Date;
    readonly groups: Collection<ResourceGroup>;
    readonly disks: Collection<Stored>;
    readonly snapshots: Collection<Stored>;
    readonly encryptionSets: Collection<Stored>;
    readonly galleries: Collection<Stored>;
    readonly definitions: Collection<Stored>;
    readonly versions: Collection<Stored>;
    readonly scaleSets: Collection<ScaleSetRecord>;
    readonly folders: Folders;
    readonly fleet: Fleet;
    readonly operations: Operations;
    readonly principals: Principals;
    readonly tokens: TokenService;
    readonly faults: Faults;
    readonly policies: Policies;
    readonly requests: RequestLog;
    readonly limits: RateLimits;
}
