// ARM ids: how they are put together and taken apart.

/** Id of a resource group. */
export function groupId(subscriptionId: string, name: string): string {
    return `/subscriptions/${subscriptionId}/resourceGroups/${name}`;
}

/** The resource group's part of an id, `/subscriptions/…/resourceGroups/…`, as it is written there. */
export function groupOf(id: string): string {
    return id.split("/").slice(0, 5).join("/");
}

/** An id with its group in capitals, as lists that ARM aggregates show it (recorded). */
export function capitalGroup(id: string): string {
    return id.replace(
        /(\/resourceGroups\/)([^/]+)/i,
        (_, prefix: string, group: string) => prefix + group.toUpperCase(),
    );
}
