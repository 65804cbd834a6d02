// Resources as the local Azure keeps them: what is sent, and what lies behind it.

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
    /** The regions that an image version is in by now, as it was last replicated. */
    replicatedTo?: string[];
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
