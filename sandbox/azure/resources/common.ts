// What every resource's routes share: ids, look-ups, accepting answers, merges.
import type { Stored, Wire } from "../wire";
import type { Collection } from "../collection";
import { ArmError, notFound, parentNotFound } from "../http/errors";
import type { Answer, Call } from "../http/route";
import { groupId } from "../ids";
import type { OperationKind } from "../operations";
import { normalLocation, region } from "../regions";
import type { Json } from "../scaleSetRecord";

/** Path of a resource group, the parent of everything here. */
export const GROUP = "/subscriptions/:subscriptionId/resourceGroups/:resourceGroupName";
export const COMPUTE = `${GROUP}/providers/Microsoft.Compute`;
export const NETWORK = `${GROUP}/providers/Microsoft.Network`;

/** Id of what the call names below its group, for example `idOf(call, "galleries", "galleryName")`. */
export function idOf(call: Call, ...pairs: string[]): string {
    return providedBy("Microsoft.Compute", call, pairs);
}

/** The same of the network service. */
export function networkIdOf(call: Call, ...pairs: string[]): string {
    return providedBy("Microsoft.Network", call, pairs);
}

function providedBy(provider: string, call: Call, pairs: string[]): string {
    let id = `${groupId(call.subscriptionId, call.params.resourceGroupName)}/providers/${provider}`;
    for (let i = 0; i < pairs.length; i += 2) {
        id += `/${pairs[i]}/${call.params[pairs[i + 1]]}`;
    }
    return id;
}

/** The stored resource, or ARM's 404, which names the type and the name without the group. */
export function find<T extends { readonly id: string }>(call: Call, collection: Collection<T>, id: string): T {
    const found = collection.get(id);
    if (found) {
        return found;
    }
    const [, rest] = id.split("/providers/");
    throw notFound(rest, call.params.resourceGroupName);
}

/** 404 unless the parent of a child that is to be written is there. */
export function requireParent(collection: Collection<Stored>, id: string): Stored {
    const parent = collection.get(id);
    if (!parent) {
        throw parentNotFound(id.slice(id.indexOf("/providers/") + "/providers/".length));
    }
    return parent;
}

/** Refuses another location than the resource has, as ARM does. */
export function checkLocation(existing: Wire | undefined, wanted: unknown, group: string): void {
    if (typeof wanted !== "string") {
        if (existing) {
            return;
        }
        throw new ArmError(400, "LocationRequired", "The location property is required for this definition.", {
            gateway: true,
        });
    }
    if (!region(wanted)) {
        throw new ArmError(
            400,
            "LocationNotAvailableForResourceType",
            `The provided location '${wanted}' is not available for resource type.`,
            { gateway: true },
        );
    }
    if (!existing || normalLocation(wanted) === existing.location) {
        return;
    }
    const message =
        `The resource '${existing.name}' already exists in location '${existing.location}' in resource group '${group}'. ` +
        `A resource with the same name cannot be created in location '${normalLocation(wanted)}'. Please select a new resource name.`;
    throw new ArmError(409, "InvalidResourceLocation", message, { gateway: true });
}

/** `If-Match` and `If-None-Match: *` against what is stored; 412 as ARM's guidelines say. */
export function checkPreconditions(call: Call, etag: string | undefined): void {
    const wanted = call.headers["if-match"];
    const none = call.headers["if-none-match"];
    const failed = (header: string) =>
        new ArmError(
            412,
            "PreconditionFailed",
            `The condition of the request header '${header}' is not met by the resource's current etag.`,
        );
    if (wanted !== undefined && (etag === undefined || (wanted !== "*" && wanted !== etag))) {
        throw failed("If-Match");
    }
    if (none === "*" && etag !== undefined) {
        throw failed("If-None-Match");
    }
}

/**
 * Objects merged member by member, lists and values replaced, null and absent left alone: what the compute service does
 * with a PUT on what exists (recorded for absent members; null is an inference). `lists` merges named lists its own
 * way.
 */
export function merge(
    stored: Json,
    given: Json,
    special: Record<string, (before: unknown, after: unknown) => unknown> = {},
): Json {
    const result: Json = { ...stored };
    for (const [name, value] of Object.entries(given)) {
        if (value === undefined || value === null) {
            continue;
        }
        if (name in special) {
            result[name] = special[name](stored[name], value);
        } else if (isObject(value) && isObject(stored[name])) {
            result[name] = merge(stored[name], value, special);
        } else {
            result[name] = structuredClone(value);
        }
    }
    return result;
}

export function isObject(value: unknown): value is Json {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A writing call on a simple resource: its answer now, its final state when the operation ends. */
export interface SimpleWrite {
    call: Call;
    status: number;
    stored: Stored;
    operation: {
        kind: OperationKind;
        milliseconds: number;
        withLocation?: boolean;
        notification?: boolean;
    };
    /** Body of the accepting answer; default the resource. */
    body?: unknown;
    /** Done when the time is up; may throw an ArmError to fail the operation. */
    finish?: () => void | Promise<void>;
    /** What a finished disk operation embeds. */
    output?: () => unknown;
}

/** Accepts a write: the operation ends with the resource's state Succeeded, or Failed. */
export function accept(write: SimpleWrite): Answer {
    const { call, stored, operation } = write;
    const { headers } = call.cloud.operations.start({
        ...operation,
        group: groupId(call.subscriptionId, call.params.resourceGroupName),
        location: (call.body.location as string | undefined) ?? stored.wire.location,
        apiVersion: call.apiVersion,
        ...call.cloud.faults.ofOperation(call.method, call.path),
        run: async () => {
            await write.finish?.();
            stored.wire.properties.provisioningState = "Succeeded";
            return write.output?.();
        },
        failed: () => {
            stored.wire.properties.provisioningState = "Failed";
        },
    });
    return { status: write.status, body: write.body ?? view(stored), headers };
}

/** Accepts a delete: gone when the operation ends. */
export function acceptDelete(
    call: Call,
    stored: { wire: Wire },
    operation: { kind: OperationKind; milliseconds: number },
    remove: () => void | Promise<void>,
): Answer {
    const before = stored.wire.properties.provisioningState;
    stored.wire.properties.provisioningState = "Deleting";
    const { headers } = call.cloud.operations.start({
        ...operation,
        group: groupId(call.subscriptionId, call.params.resourceGroupName),
        location: stored.wire.location,
        apiVersion: call.apiVersion,
        withLocation: true,
        ...call.cloud.faults.ofOperation(call.method, call.path),
        run: remove,
        failed: () => {
            stored.wire.properties.provisioningState = before;
        },
    });
    return { status: 202, headers };
}

/** A copy of a stored resource as it is sent. */
export function view(stored: { wire: Wire }): Wire {
    return structuredClone(stored.wire);
}

/** What of one type is in the group that the call names, or in its subscription if it names none. */
export function listed<T extends { readonly id: string }>(
    call: Call,
    collection: Collection<T>,
    { wholeSubscription = false } = {},
): T[] {
    const group = call.params.resourceGroupName as string | undefined;
    const subscription = `/subscriptions/${call.subscriptionId}`;
    return collection.below(
        group === undefined || wholeSubscription ? subscription : groupId(call.subscriptionId, group),
    );
}

// Azure does not document how many it answers at a time.
const PAGE = 50;

/** A page of a list, each of it as it is shown, and where the next one is if there is one. */
export function paged<T>({ cloud, path, apiVersion, query }: Call, all: T[], show: (one: T) => unknown): Answer {
    const from = Number(query.$skiptoken ?? 0);
    const next = from + PAGE;
    const parameters = new URLSearchParams({ "api-version": apiVersion, $skiptoken: String(next) });
    const nextLink = next < all.length ? `${cloud.url()}${encodeURI(path)}?${parameters}` : undefined;
    return { status: 200, body: { value: all.slice(from, next).map(show), nextLink } };
}
