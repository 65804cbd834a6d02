// Plain requests beside the SDK's own: of the metadata host and of OIDC tokens. HTTPS_PROXY and NO_PROXY count, as in
// the SDK.
import {
    createDefaultHttpClient,
    createHttpHeaders,
    createPipelineFromOptions,
    createPipelineRequest,
} from "@azure/core-rest-pipeline";

const TIMEOUT_MS = 30_000;

/**
 * The JSON that a GET answers.
 *
 * @throws Error whose message says why there is none: the reason of the network, or the status
 */
export async function getJson<T>(url: string, headers: Record<string, string> = {}): Promise<T> {
    const pipeline = createPipelineFromOptions({ retryOptions: { maxRetries: 2 } });
    const request = createPipelineRequest({
        url,
        headers: createHttpHeaders({ accept: "application/json", ...headers }),
    });
    request.timeout = TIMEOUT_MS;
    // Without TLS only on this machine, where agents of CI systems offer their tokens.
    request.allowInsecureConnection = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(url).hostname);
    const { status, bodyAsText } = await pipeline.sendRequest(createDefaultHttpClient(), request);
    if (status !== 200) {
        throw new Error(`it answered ${status}`);
    }
    try {
        return JSON.parse(bodyAsText ?? "") as T;
    } catch {
        throw new Error("it did not answer JSON");
    }
}
