// Tries again when Azure says that another operation on the same resource is still under way, as the official plugin does.
import { type PipelinePolicy, type PipelineResponse } from "@azure/core-rest-pipeline";

const ATTEMPTS = 5;
const DELAY_SECONDS = 2;

/** A policy for the retry phase. Throttling and outages are the default policy's, which honours `Retry-After`. */
export function conflictRetryPolicy(): PipelinePolicy {
    return {
        name: "conflictRetryPolicy",
        async sendRequest(request, next) {
            for (let attempt = 1; ; attempt++) {
                const response = await next(request);
                if (!isConflict(response) || attempt === ATTEMPTS || request.abortSignal?.aborted) {
                    return response;
                }
                await new Promise((resolve) => setTimeout(resolve, retryAfter(response) * 1000));
            }
        },
    };
}

function isConflict({ status, bodyAsText }: PipelineResponse): boolean {
    return status === 409 && /"AnotherOperationInProgress"/.test(bodyAsText ?? "");
}

function retryAfter({ headers }: PipelineResponse): number {
    return Number(headers.get("retry-after") ?? DELAY_SECONDS) || DELAY_SECONDS;
}
