// Requests to Azure Resource Manager: reading, writing and deleting one resource, long operations waited for.
import { type Client, type PathUncheckedResponse, getClient } from "@azure-rest/core-client";
import { createHttpPoller } from "@azure/core-lro";
import type { Properties } from "../protocol/values";
import type { Account } from "./account";
import { conflictRetryPolicy } from "./conflictRetry";

/** Azure refused a request; the message is one line with status, code and Azure's own words. */
export class RequestFailed extends Error {
    constructor(
        readonly status: number,
        readonly code: string,
        text: string,
        readonly body: unknown,
    ) {
        super(`Status=${status} Code=${JSON.stringify(code)} Message=${JSON.stringify(text)}`);
    }
}

/** Azure accepted a write, so that the resource exists, but the operation did not succeed. */
export class OperationFailed extends Error {}

/** A write succeeded, and the resource could not be read afterwards. */
export class ReadFailed extends Error {
    constructor(
        reason: string,
        /** What Azure answered to the write. */
        readonly answer: Properties,
    ) {
        super(reason);
    }
}

/** How often an operation is asked for when Azure does not say (`Retry-After`), in milliseconds. */
const POLLING_INTERVAL = 1000;

/** What requests are sent with: an account and its own client. */
export interface Connection {
    account: Account;
    arm: ResourceManager;
}

/** Azure Resource Manager, as an account sees it. */
export class ResourceManager {
    private readonly client: Client;

    constructor({ cloud, credential }: Account) {
        this.client = getClient(cloud.resourceManager, credential, {
            credentials: { scopes: [cloud.scope] },
            userAgentOptions: { userAgentPrefix: "pulumi-azure-native-stand-in" },
        });
        this.client.pipeline.addPolicy(conflictRetryPolicy(), { phase: "Retry" });
    }

    /** A resource, or undefined when it is not there. */
    async get(id: string, query: Query, signal: AbortSignal): Promise<Properties | undefined> {
        const response = await this.send("get", id, query, signal);
        return response.status === "404" ? undefined : (accepted(response).body as Properties);
    }

    /** A resource that has to be there. @throws RequestFailed when it is not */
    async read(id: string, query: Query, signal: AbortSignal): Promise<Properties> {
        return accepted(await this.send("get", id, query, signal)).body as Properties;
    }

    /**
     * Writes a resource, waits until its operation has ended, and reads it again.
     *
     * @throws RequestFailed when Azure refuses it; OperationFailed when it accepted it and the operation failed;
     *     ReadFailed
     */
    put(id: string, body: Properties, query: Query, signal: AbortSignal): Promise<Properties> {
        return this.write("put", id, body, query, signal);
    }

    /** As `put`, by PATCH: what the body leaves out stays, and what is null in it goes. */
    patch(id: string, body: Properties, query: Query, signal: AbortSignal): Promise<Properties> {
        return this.write("patch", id, body, query, signal);
    }

    /** Deletes a resource and waits until it is gone; one that is not there is fine. */
    async delete(id: string, query: Query, signal: AbortSignal): Promise<void> {
        const response = await this.send("delete", id, query, signal);
        if (response.status !== "404") {
            await this.finish(accepted(response), signal);
        }
    }

    private async write(
        method: "put" | "patch",
        id: string,
        body: Properties,
        query: Query,
        signal: AbortSignal,
    ): Promise<Properties> {
        const response = accepted(await this.send(method, id, query, signal, body));
        try {
            await this.finish(response, signal);
        } catch (error) {
            throw new OperationFailed(messageOf(error));
        }
        try {
            return await this.read(id, query, signal);
        } catch (error) {
            throw new ReadFailed(messageOf(error), { ...(response.body as Properties), id });
        }
    }

    private async send(
        method: "get" | "put" | "patch" | "delete",
        id: string,
        queryParameters: Query,
        abortSignal: AbortSignal,
        body?: Properties,
    ): Promise<PathUncheckedResponse> {
        const resource = this.client.pathUnchecked(encodeURI(id));
        const options = { queryParameters, abortSignal, body, contentType: "application/json" };
        return unlessAborted(resource[method](options), abortSignal);
    }

    private async finish(first: PathUncheckedResponse, signal: AbortSignal): Promise<void> {
        const poller = createHttpPoller(
            {
                sendInitialRequest: () => Promise.resolve(operation(first)),
                sendPollRequest: async (url, options) => {
                    const abortSignal = (options?.abortSignal as AbortSignal | undefined) ?? signal;
                    return operation(accepted(await this.client.pathUnchecked(url).get({ abortSignal })));
                },
            },
            // The resource itself is read once the operation has ended.
            { intervalInMs: POLLING_INTERVAL, skipFinalGet: true },
        );
        await unlessAborted(poller.pollUntilDone({ abortSignal: signal }), signal);
    }
}

/** Query parameters: the API version, and what a function passes on. */
export type Query = { "api-version": string } & Record<string, string>;

function operation(response: PathUncheckedResponse) {
    const { request, headers } = response;
    const body: unknown = response.body;
    return { flatResponse: response, rawResponse: { request, statusCode: Number(response.status), headers, body } };
}

function accepted(response: PathUncheckedResponse): PathUncheckedResponse {
    const status = Number(response.status);
    if (status < 400) {
        return response;
    }
    const { error } = (response.body ?? {}) as { error?: { code?: string; message?: string } };
    throw new RequestFailed(status, error?.code ?? "", error?.message ?? "", response.body);
}

function messageOf(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}

// Libraries say only that something was aborted; the signal knows why.
async function unlessAborted<T>(work: PromiseLike<T>, signal: AbortSignal): Promise<T> {
    try {
        return await work;
    } catch (error) {
        signal.throwIfAborted();
        throw error;
    }
}
