// Polling of long-running operations. The URLs are signed, so any authenticated caller may ask.
import { ArmError } from "../http/errors";
import type { Answer, Call, Route } from "../http/route";
import { operationBody, retryAfter } from "../operations";

const HOLD_MILLISECONDS = 100;

async function poll(call: Call): Promise<Answer> {
    const operation = call.cloud.operations.get(call.params.operationId);
    if (!operation) {
        throw new ArmError(404, "NotFound", `The operation '${call.params.operationId}' was not found.`);
    }
    // Work that takes milliseconds is answered when it is done: without this, a client told "Retry-After: 0" would ask in a tight loop.
    if (operation.status === "InProgress" && retryAfter(operation) === 0) {
        await Promise.race([operation.done, new Promise((resolve) => setTimeout(resolve, HOLD_MILLISECONDS))]);
    }
    const headers: Record<string, string> =
        operation.status === "InProgress" ? { "retry-after": String(retryAfter(operation)) } : {};
    if (call.query.monitor !== "true") return { status: 200, body: operationBody(operation), headers };
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
    if (operation.error) throw new ArmError(409, operation.error.code, operation.error.message);
    return { status: 200, body: operation.output };
}

/** One route for each of the three endpoints. */
export const routes: Route[] = (["operations", "DiskOperations", "capsOperations"] as const).map((kind) => ({
    method: "GET",
    path: `/subscriptions/:subscriptionId/providers/Microsoft.Compute/locations/:location/${kind}/:operationId`,
    action: undefined,
    type: kind === "operations" ? "scaleSets" : kind === "DiskOperations" ? "disks" : "galleries",
    handle: poll,
}));
