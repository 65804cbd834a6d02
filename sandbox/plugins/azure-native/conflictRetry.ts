// Tries again when Azure says that another operation on the same resource is still under way, as the official plugin
// does.
import { type PipelinePolicy, type PipelineResponse } from "@azure/core-rest-pipeline";

/** As many retries as the official plugin makes, which waits 20, 60 and 120 s between them. */
const DELAYS_SECONDS = [1, 3, 6];

/** A policy for the retry phase. Throttling and outages are the default policy's, which honours `Retry-After`. */
export function conflictRetryPolicy(): PipelinePolicy {
    return {
        name: "conflictRetryPolicy",
        async sendRequest(request, next) {
            let response = await next(request);
            for (const delay of DELAYS_SECONDS) {
                if (!isConflict(response) || request.abortSignal?.aborted) {
                    break;
                }
                const seconds = Number(response.headers.get("retry-after")) || delay;
                await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
                response = await next(request);
            }
            return response;
        },
    };
}

function isConflict({ status, bodyAsText }: PipelineResponse): boolean {
    return status === 409 && /"AnotherOperationInProgress"/.test(bodyAsText ?? "");
}
