// Polling of long-running operations.
import { ArmError } from "../http/errors";
import type { Answer, Call, ResourceType, Route } from "../http/route";
import { operationBody } from "../operations";

const HOLD_MILLISECONDS = 100;
const ENDPOINTS: [provider: string, kind: string, type: ResourceType][] = [
    ["Microsoft.Compute", "operations", "scaleSets"],
    ["Microsoft.Compute", "diskOperations", "disks"],
    ["Microsoft.Compute", "capsOperations", "galleries"],
    ["Microsoft.Network", "operations", "network"],
];

async function poll(call: Call): Promise<Answer> {
    const { operations } = call.cloud;
    const operation = operations.get(call.params.operationId);
    if (!operation) {
        throw new ArmError(404, "NotFound", `The operation '${call.params.operationId}' was not found.`);
    }
    // Work that takes milliseconds is answered when it is done: without this, a client told "Retry-After: 0" would ask
    // in a tight loop.
    if (operation.status === "InProgress" && operations.retryAfter(operation) === 0) {
        await Promise.race([operation.done, new Promise((resolve) => setTimeout(resolve, HOLD_MILLISECONDS))]);
    }
    const headers: Record<string, string> =
        operation.status === "InProgress" ? { "retry-after": String(operations.retryAfter(operation)) } : {};
    if (call.query.monitor !== "true") {
        return { status: 200, body: operationBody(operation), headers };
    }
    if (operation.status === "InProgress") {
        return {
            status: 202,
            headers: {
                ...headers,
                location:
                    call.cloud.url() +
                    call.path +
                    "?" +
                    new URLSearchParams(call.query as Record<string, string>).toString(),
            },
        };
    }
    if (operation.error) {
        throw new ArmError(409, operation.error.code, operation.error.message);
    }
    return { status: 200, body: operation.output };
}

/**
 * One route for each of the endpoints. The URL is the subscription's, and permission at the resource group is
 * what it takes
 * (https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations#permission-for-tracking-async-status).
 */
export const routes: Route[] = ENDPOINTS.map(([provider, kind, type]) => ({
    method: "GET",
    path: `/subscriptions/:subscriptionId/providers/${provider}/locations/:location/${kind}/:operationId`,
    action: `${provider}/locations/${kind}/read`,
    scope: ({ cloud, params, path }) => cloud.operations.get(params.operationId)?.scope ?? path,
    type,
    handle: poll,
}));
