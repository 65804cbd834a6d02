// Requests to the API server for objects of any kind, as plain JSON: nothing that this client's models don't know gets lost.
import {
    HttpMethod,
    type KubeConfig,
    KubernetesObjectApi,
    type RequestContext,
    type ResponseContext,
} from "@kubernetes/client-node";
import type { Properties } from "../protocol/values";

/** Names an object: kind, API version, name, and namespace where its kind has one. */
export interface ObjectReference {
    apiVersion: string;
    kind: string;
    name: string;
    namespace?: string;
}

/** The API server refused a request. */
export class ApiFailed extends Error {
    constructor(
        readonly status: number,
        text: string,
    ) {
        super(text);
    }
}

type Query = Record<string, string>;

/** Objects of a cluster. */
export class ObjectApi extends KubernetesObjectApi {
    private namespaceOfContext = "default";

    /** An API client for the kubeconfig's current context. */
    static of(config: KubeConfig, namespace: string | undefined): ObjectApi {
        const api = config.makeApiClient(ObjectApi);
        const context = config.getContextObject(config.getCurrentContext());
        api.namespaceOfContext = namespace ?? context?.namespace ?? "default";
        return api;
    }

    /** The namespace that an object of this kind is in: the one given, else the context's; undefined for cluster-wide kinds. */
    async namespaceOf({ apiVersion, kind, namespace }: ObjectReference): Promise<string | undefined> {
        return (await this.kindOf(apiVersion, kind)).namespaced ? (namespace ?? this.namespaceOfContext) : undefined;
    }

    /** An object, or undefined when it is not there. */
    async find(reference: ObjectReference): Promise<Properties | undefined> {
        return this.send(HttpMethod.GET, reference).catch(ignoreMissing);
    }

    /** Server-side apply: the object becomes what is said, and what is not said stays as others have it. */
    async apply(object: Properties, reference: ObjectReference, manager: string, dryRun: boolean): Promise<Properties> {
        // Like the official plugin, and kubectl's first apply, not against other managers' wishes.
        const query: Query = { fieldManager: manager, force: "false", ...(dryRun && { dryRun: "All" }) };
        return this.send(HttpMethod.PATCH, reference, query, object);
    }

    /** Asks for an object to be deleted, what it owns with it; one that is not there is fine. */
    async remove(reference: ObjectReference): Promise<void> {
        await this.send(HttpMethod.DELETE, reference, { propagationPolicy: "Background" }).catch(ignoreMissing);
    }

    /** The answer as it came, instead of the client's models. */
    protected override async processResponse<T>(response: ResponseContext): Promise<T> {
        const text = await response.body.text();
        if (response.httpStatusCode < 300) {
            return JSON.parse(text) as T;
        }
        throw new ApiFailed(response.httpStatusCode, messageOf(text) ?? `status ${response.httpStatusCode}`);
    }

    private async kindOf(apiVersion: string, kind: string) {
        const found = await this.resource(apiVersion, kind).catch((error: unknown) => {
            throw error instanceof ApiFailed && error.status === 404 ? unknownKind(apiVersion, kind) : error;
        });
        if (!found) {
            throw unknownKind(apiVersion, kind);
        }
        return found;
    }

    private async send(method: HttpMethod, at: ObjectReference, query: Query = {}, body?: Properties) {
        const resource = await this.kindOf(at.apiVersion, at.kind);
        const namespace = resource.namespaced ? (at.namespace ?? this.namespaceOfContext) : undefined;
        const place = namespace ? `/namespaces/${encodeURIComponent(namespace)}` : "";
        const path = `${this.apiVersionPath(at.apiVersion)}${place}/${resource.name}/${encodeURIComponent(at.name)}`;
        const request: RequestContext = this.configuration.baseServer.makeRequestContext(path, method);
        request.setHeaderParam("Accept", "application/json");
        Object.entries(query).forEach(([name, value]) => request.setQueryParam(name, value));
        if (body) {
            // JSON is YAML.
            request.setHeaderParam("Content-Type", "application/apply-patch+yaml");
            request.setBody(JSON.stringify(body));
        }
        return this.requestPromise<Properties>(request);
    }
}

function unknownKind(apiVersion: string, kind: string): ApiFailed {
    return new ApiFailed(404, `the cluster has no kind ${kind} in ${apiVersion}`);
}

function messageOf(text: string): string | undefined {
    try {
        return (JSON.parse(text) as { message?: string }).message;
    } catch {
        return text.trim() || undefined;
    }
}

function ignoreMissing(error: unknown): undefined {
    if (!(error instanceof ApiFailed && error.status === 404)) {
        throw error;
    }
}
