// The client of Azure's compute service for what this program reads and does by itself; the resources that it declares
// go through azure-native.
import { ComputeManagementClient } from "@azure/arm-compute";
import { RestError, type PipelinePolicy } from "@azure/core-rest-pipeline";
import { cloud } from "./cloud";
import { credential } from "./login";
import { asUserError, orUndefined } from "../core/errors";

const clients = new Map<string, Promise<ComputeManagementClient>>();

/**
 * A client of the compute service, one for each subscription.
 *
 * It tries again after throttling (as long as `Retry-After` says), server errors and lost connections; an address that
 * answers nothing at all fails within about 10 seconds.
 */
export function computeClient(subscription: string): Promise<ComputeManagementClient> {
    let client = clients.get(subscription);
    if (!client) {
        client = makeClient(subscription);
        clients.set(subscription, client);
    }
    return client;
}

const REQUEST_TIMEOUT_MS = 60_000;

async function makeClient(subscription: string): Promise<ComputeManagementClient> {
    const { resourceManager, scope } = await cloud();
    const client = new ComputeManagementClient(await credential(), subscription, {
        endpoint: resourceManager,
        credentials: { scopes: [scope] },
        retryOptions: { maxRetries: 4, retryDelayInMs: 500, maxRetryDelayInMs: 60_000 },
        userAgentOptions: { userAgentPrefix: "kamino" },
    });
    // The library itself waits forever for an answer.
    client.pipeline.addPolicy({
        name: "kaminoTimeout",
        sendRequest: (request, next) => {
            request.timeout ||= REQUEST_TIMEOUT_MS;
            return next(request);
        },
    });
    client.pipeline.addPolicy(AZURES_MESSAGE);
    return client;
}

/**
 * When a list request fails, the library reports only a paging error. This policy throws Azure's own message instead.
 */
const AZURES_MESSAGE: PipelinePolicy = {
    name: "kaminoAzuresMessage",
    sendRequest: async (request, next) => {
        const response = await next(request);
        if (request.method === "GET" && response.status >= 400) {
            const { code, message } = saidIn(response.bodyAsText);
            if (message) {
                throw new RestError(message, { code, statusCode: response.status, request, response });
            }
        }
        return response;
    },
};

/** What Azure says in a refusal; nothing where something else has answered, such as a proxy. */
function saidIn(body: string | null | undefined): { code?: string; message?: string } {
    try {
        return (JSON.parse(body ?? "") as { error?: { code?: string; message?: string } } | null)?.error ?? {};
    } catch {
        return {};
    }
}

/** All that a list has, page by page. */
export async function collect<T>(pages: AsyncIterable<T>): Promise<T[]> {
    const all: T[] = [];
    for await (const each of pages) {
        all.push(each);
    }
    return all;
}

/** The same list for several readers: each page is asked for once, and only when a reader has come to it. */
export function shared<T>(list: AsyncIterable<T>): AsyncIterable<T> {
    const source = list[Symbol.asyncIterator]();
    const read: Promise<IteratorResult<T>>[] = [];
    return {
        async *[Symbol.asyncIterator]() {
            for (let index = 0; ; index++) {
                const next = await (read[index] ??= source.next());
                if (next.done) {
                    return;
                }
                yield next.value;
            }
        },
    };
}

/**
 * What Azure answers; undefined when it has nothing of that name.
 *
 * @param what begins the message, as in `gallery ID`
 * @throws UserError in one line when it cannot be read
 */
export async function readOrUndefined<T>(what: string, read: () => Promise<T>): Promise<T | undefined> {
    try {
        return await orUndefined(read());
    } catch (error) {
        throw asUserError(error, (reason) => `${what} cannot be read: ${reason}`);
    }
}
