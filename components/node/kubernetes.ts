// Clients of the Kubernetes API, by kamino:kubeconfig and kamino:context, KUBECONFIG, ~/.kube/config, or the pod that
// this runs in.
import {
    ApiException,
    AppsV1Api,
    CoreV1Api,
    CustomObjectsApi,
    HttpMethod,
    IsomorphicFetchHttpLibrary,
    KubeConfig,
    RequestContext,
    type V1ObjectMeta,
} from "@kubernetes/client-node";
import { UserError, asUserError, isUnanswered, oneLine, statusOf } from "../core/errors";
import { withRetries } from "../core/retry";
import { ANSWER_MS } from "./keepAlive";
import { loadKubeConfig, refuseRemovedProvider, withProxies } from "./kubeconfig";
import { readWorkloadKubeConfig, type WorkloadCluster } from "./workloadKubeconfig";

/** How to reach the cluster; the usual places where left out. Paths and names only, never a credential. */
export interface KubernetesSettings {
    kubeconfig?: string;
    context?: string;
    /**
     * Then the two are those of a management cluster of Cluster API, and the cluster is this one, by the kubeconfig in
     * its Secret there.
     */
    workloadCluster?: WorkloadCluster;
}

/** Clients of one cluster, all with the same credentials. */
export interface Kubernetes {
    config: KubeConfig;
    /** Address of the API server, for messages. */
    server: string;
    core: CoreV1Api;
    apps: AppsV1Api;
    custom: CustomObjectsApi;
}

/**
 * Objects as far as their metadata and the columns of `kubectl get`, and when the API server answered by its own clock.
 */
export interface Table {
    rows: { metadata: V1ObjectMeta; cells: Record<string, unknown> }[];
    now: Date;
}

const clients = new Map<string, Promise<Kubernetes>>();

/**
 * Clients for the cluster that the settings name; made once per process and cluster.
 *
 * @throws UserError in one line when there is no usable kubeconfig
 */
export function kubernetes(settings: KubernetesSettings): Promise<Kubernetes> {
    const { kubeconfig, context, workloadCluster } = settings;
    const key = JSON.stringify([kubeconfig, context, workloadCluster, process.env.KUBECONFIG]);
    const known = clients.get(key);
    if (known) {
        return known;
    }
    const made = connect(settings);
    clients.set(key, made);
    made.catch(() => clients.delete(key));
    return made;
}

async function connect(settings: KubernetesSettings): Promise<Kubernetes> {
    const { workloadCluster } = settings;
    const named = kubeConfig(settings);
    const config = workloadCluster ? withProxies(await readWorkloadKubeConfig(named, workloadCluster)) : named;
    return {
        config,
        server: config.getCurrentCluster()?.server ?? "",
        core: config.makeApiClient(CoreV1Api),
        apps: config.makeApiClient(AppsV1Api),
        custom: config.makeApiClient(CustomObjectsApi),
    };
}

/**
 * The kubeconfig that the settings name: `kubeconfig`, else KUBECONFIG, else ~/.kube/config, else the service account
 * of the pod that this runs in; with the context named, else its current one.
 *
 * @throws UserError in one line that says what is missing and what to set
 */
export function kubeConfig({ kubeconfig, context }: Omit<KubernetesSettings, "workloadCluster">): KubeConfig {
    const config = loadKubeConfig(kubeconfig);
    const source = kubeconfig ? `kamino:kubeconfig "${kubeconfig}"` : "KUBECONFIG or ~/.kube/config";
    if (context) {
        const known = (config.getContexts() ?? []).map(({ name }) => name);
        if (!known.includes(context)) {
            throw new UserError(
                `kamino:context: there is no context "${context}" in ${source}; it has ${known.join(", ") || "none"}`,
            );
        }
        config.setCurrentContext(context);
    }
    if (!config.getCurrentCluster()?.server) {
        throw new UserError(
            `${source} has no current context with a cluster; set kamino:context, or choose one with kubectl config use-context`,
        );
    }
    refuseRemovedProvider(config);
    return config;
}

/**
 * All objects that a path lists as `kubectl get` shows them, from the API server's cache: each one's columns and its
 * metadata. That costs two thirds of the time of the objects themselves by the typed clients (docs/performance.md).
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
 *
 * @param path as in `/api/v1/nodes`
 * @throws UserError in one line when the API server is away or refuses
 */
export async function listTable(cluster: Pick<Kubernetes, "config" | "server">, path: string): Promise<Table> {
    // "0": whatever the API server has cached will do. No quorum read from etcd for each preview.
    const query = { resourceVersion: "0" };
    const accept = "application/json;as=Table;g=meta.k8s.io;v=v1";
    const { body, headers } = await get(cluster, { path, query, accept });
    const { columnDefinitions, rows } = body as {
        columnDefinitions: { name: string }[];
        // A list with nothing in it is null, as Go writes an empty slice.
        rows: { cells: unknown[]; object: { metadata: V1ObjectMeta } }[] | null;
    };
    const columns = columnDefinitions.map(({ name }) => name);
    return {
        rows: (rows ?? []).map(({ cells, object }) => ({
            metadata: object.metadata,
            cells: Object.fromEntries(columns.map((name, index) => [name, cells[index]])),
        })),
        now: dateOf(headers),
    };
}

/**
 * What a path answers, as plain data. For large lists: the typed clients take twice as long to make objects of it.
 *
 * @throws UserError in one line when the API server is away or refuses
 */
export async function getJson<T>(
    cluster: Pick<Kubernetes, "config" | "server">,
    path: string,
    query: Record<string, string>,
): Promise<T> {
    return (await get(cluster, { path, query, accept: "application/json" })).body as T;
}

/**
 * One object, and when the API server answered by its own clock.
 *
 * @throws what the API server answers, 404 too, once it is known not to pass in a moment
 */
export async function readWithTime<T>(
    cluster: Pick<Kubernetes, "config" | "server">,
    path: string,
): Promise<{ object: T; now: Date }> {
    const { body, headers } = await withRetries(() => send(cluster, { path, query: {}, accept: "application/json" }));
    return { object: body as T, now: dateOf(headers) };
}

/** A GET: its path, its query, and the media type that is wanted. */
interface Read {
    path: string;
    query: Record<string, string>;
    accept: string;
}

/** Reads; a failure that may pass in a moment is tried again, as kubectl does. */
async function get(cluster: Pick<Kubernetes, "config" | "server">, read: Read) {
    try {
        return await withRetries(() => send(cluster, read).catch(sayAtOnce));
    } catch (error) {
        throw asUserError(error, () => describe(error, cluster.server));
    }

    /** A wrong address or certificate stays wrong: nobody has to wait for that to be said. */
    function sayAtOnce(error: unknown): never {
        const mayPass = statusOf(error) !== undefined || isUnanswered(error) || isLostConnection(error);
        throw mayPass ? error : new UserError(describe(error, cluster.server));
    }
}

/** A GET, authenticated and sent by the client library. */
async function send(
    { config, server }: Pick<Kubernetes, "config" | "server">,
    { path, query, accept }: Read,
): Promise<{ body: unknown; headers: Record<string, string> }> {
    const request = new RequestContext(server.replace(/\/$/, "") + path, HttpMethod.GET);
    Object.entries(query).forEach(([name, value]) => request.setQueryParam(name, value));
    request.setHeaderParam("Accept", accept);
    await config.applySecurityAuthentication(request);
    const response = await new IsomorphicFetchHttpLibrary().send(request).toPromise();
    const body = await response.body.text();
    if (response.httpStatusCode !== 200) {
        throw new ApiException(response.httpStatusCode, "", body, {});
    }
    return { body: JSON.parse(body) as unknown, headers: response.headers };
}

function isLostConnection(error: unknown): boolean {
    const { code } = error as { code?: unknown };
    return code === "ECONNRESET" || code === "EPIPE";
}

/** A failed call to this API server in one line; what is not a refusal names the server's address. */
export function describe(error: unknown, server: string): string {
    if (error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError")) {
        return `the Kubernetes API server at ${server} did not answer within ${ANSWER_MS / 1000} s; check kamino:kubeconfig, kamino:context or KUBECONFIG, and the network`;
    }
    const line = oneLine(error);
    return line.includes("Kubernetes API server")
        ? line.replace("the Kubernetes API server answered", `the Kubernetes API server at ${server} answered`)
        : `the Kubernetes API server at ${server} cannot be used: ${line}`;
}

/** "Now" as the cluster sees it, to the second: the machine that this runs on may be off. */
function dateOf(headers: Record<string, string>): Date {
    const now = new Date(headers.date ?? "");
    return Number.isNaN(now.getTime()) ? new Date() : now;
}
