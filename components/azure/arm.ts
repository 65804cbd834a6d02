// Requests to Resource Manager for which the compute SDK has no function, through its own pipeline: signed in, tried
// again when Azure is busy.
import {
    RestError,
    createDefaultHttpClient,
    createHttpHeaders,
    createPipelineRequest,
} from "@azure/core-rest-pipeline";
import { computeClient } from "./client";
import { cloud } from "./cloud";
import { parseArmId } from "./ids";

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

/**
 * A resource as Resource Manager answers it in an API version.
 *
 * @throws RestError with its status when it is not there or the request is refused
 */
export async function getResource(id: string, apiVersion: string): Promise<object> {
    const path = `${encodeURI(id)}?api-version=${apiVersion}`;
    const { status, answer } = await askResourceManager(parseArmId(id).subscriptionId, path);
    if (status !== 200) {
        throw new RestError(answer.error?.message ?? "no reason given", { statusCode: status });
    }
    return answer;
}
