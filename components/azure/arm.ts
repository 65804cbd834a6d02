// Requests to Resource Manager for which the compute SDK has no function, through its own pipeline: signed in, tried
// again when Azure is busy.
import { createDefaultHttpClient, createHttpHeaders, createPipelineRequest } from "@azure/core-rest-pipeline";
import { computeClient } from "./client";
import { cloud } from "./cloud";

/** What Resource Manager says of a failure. */
interface Failure {
    error?: { message?: string };
}

/**
 * What Resource Manager answers, whatever its status.
 *
 * @param path from `/subscriptions/` on, with `api-version`
 * @param body of a POST; a GET without it
 * @throws Error when it cannot be reached, does not sign the caller in, or answers with what is not JSON
 */
export async function askResourceManager<T extends object>(
    subscriptionId: string,
    path: string,
    body?: object,
): Promise<{ status: number; answer: T & Failure }> {
    const { pipeline } = await computeClient(subscriptionId);
    const request = createPipelineRequest({
        url: (await cloud()).resourceManager + path,
        ...(body && {
            method: "POST",
            headers: createHttpHeaders({ "Content-Type": "application/json" }),
            body: JSON.stringify(body),
        }),
    });
    const { status, bodyAsText } = await pipeline.sendRequest(createDefaultHttpClient(), request);
    return { status, answer: JSON.parse(bodyAsText ?? "{}") as T & Failure };
}
