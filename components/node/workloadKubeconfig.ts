// The kubeconfig of a workload cluster, which Cluster API keeps in a Secret of the management cluster. It stays in the
// memory of the process that reads it.
import { CoreV1Api, loadYaml, type KubeConfig } from "@kubernetes/client-node";
import { UserError, oneLine, orUndefined } from "../core/errors";
import { withRetries } from "../core/retry";
import { KeepAliveKubeConfig } from "./keepAlive";

/** A Cluster of Cluster API, whose kubeconfig is asked for. */
export interface WorkloadCluster {
    namespace: string;
    name: string;
}

/** The setting that asks for it. */
const CONFIG_KEY = "kamino:capi.workloadCluster";

/** The member of the Secret's data. */
const DATA_KEY = "value";

/**
 * Name of the Secret, in the Cluster's namespace.
 * Source: https://github.com/kubernetes-sigs/cluster-api/blob/main/util/secret/consts.go
 */
export function kubeconfigSecretOf({ name }: WorkloadCluster): string {
    return `${name}-kubeconfig`;
}

/**
 * Reads the kubeconfig of a workload cluster.
 *
 * @param management the management cluster's configuration
 * @throws UserError in one line when it is not there, may not be read, or cannot be used; nothing of what is in the
 *     Secret is in the line
 */
export async function readWorkloadKubeConfig(management: KubeConfig, cluster: WorkloadCluster): Promise<KubeConfig> {
    const { namespace } = cluster;
    const name = kubeconfigSecretOf(cluster);
    const what = `${CONFIG_KEY}: Secret ${namespace}/${name}`;
    const core = management.makeApiClient(CoreV1Api);
    const read = () => orUndefined(withRetries(() => core.readNamespacedSecret({ namespace, name })));
    const secret = await read().catch((error: unknown) => {
        throw new UserError(`${what} cannot be read: ${oneLine(error)}`);
    });
    if (!secret) {
        const server = management.getCurrentCluster()?.server;
        throw new UserError(
            `${what} is not there; kubectl get clusters -A lists the Clusters of the management cluster (${server})`,
        );
    }
    const value = secret.data?.[DATA_KEY];
    if (!value) {
        throw new UserError(`${what} has nothing in its key "${DATA_KEY}", where Cluster API keeps the kubeconfig`);
    }
    return embeddedKubeConfig(Buffer.from(value, "base64").toString("utf8"), what);
}

type Values = Record<string, unknown>;

/** What is taken of a cluster and of a user; whatever else is there is left out, or refused. */
const TAKEN = {
    cluster: ["server", "certificate-authority-data", "tls-server-name", "insecure-skip-tls-verify", "proxy-url"],
    user: ["client-certificate-data", "client-key-data", "token", "username", "password"],
};

/**
 * What would run a program or read a file of this machine: who writes the Secret must not decide on that. And what
 * would make the user another one.
 */
const NOT_TAKEN = [
    ...["exec", "auth-provider", "tokenFile", "client-certificate", "client-key", "certificate-authority"],
    ...["as", "as-uid", "as-groups", "as-user-extra"],
];

/**
 * A kubeconfig that has its credentials in itself: the cluster and the user of its current context, and nothing else.
 *
 * @param what begins the line
 * @throws UserError in one line, without any of the text
 */
export function embeddedKubeConfig(text: string, what: string): KubeConfig {
    const refuse = (why: string) => new UserError(`${what} ${why}; set kamino:kubeconfig in place of ${CONFIG_KEY}`);
    const { cluster, user } = current(parsed(text)) ?? {};
    if (!cluster || !user) {
        throw refuse("does not hold a kubeconfig whose current context has a cluster and a user");
    }
    const barred = NOT_TAKEN.find((key) => Object.hasOwn(user, key) || Object.hasOwn(cluster, key));
    if (barred !== undefined) {
        throw refuse(`holds a kubeconfig with "${barred}": only certificates, keys, tokens and passwords are taken`);
    }
    if (!isAddress(cluster.server) || !isSignedIn(user) || !isPemOrNone(cluster["certificate-authority-data"])) {
        throw refuse("holds a kubeconfig without an https address or without usable credentials");
    }
    const config = new KeepAliveKubeConfig();
    const name = "workload";
    const content = {
        ...{ apiVersion: "v1", kind: "Config", "current-context": name },
        clusters: [{ name, cluster: only(cluster, TAKEN.cluster) }],
        users: [{ name, user: only(user, TAKEN.user) }],
        contexts: [{ name, context: { cluster: name, user: name } }],
    };
    config.loadFromString(JSON.stringify(content));
    return config;
}

/** The data; undefined for text that is not YAML, whose error would quote it. */
function parsed(text: string): Values | undefined {
    try {
        return asObject(loadYaml(text));
    } catch {
        return undefined;
    }
}

function current(content: Values = {}): { cluster?: Values; user?: Values } | undefined {
    const named = (list: string, kind: string, name: unknown) => {
        const entries = Array.isArray(content[list]) ? (content[list] as unknown[]) : [];
        const found = entries.map((entry) => asObject(entry)).find((entry) => entry?.name === name);
        return asObject(found?.[kind]);
    };
    const context = named("contexts", "context", content["current-context"]);
    return (
        context && {
            cluster: named("clusters", "cluster", context.cluster),
            user: named("users", "user", context.user),
        }
    );
}

function asObject(value: unknown): Values | undefined {
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Values) : undefined;
}

/** Credentials go to no address without TLS, and no address with a password in it stands in a message. */
function isAddress(server: unknown): boolean {
    if (typeof server !== "string" || !URL.canParse(server)) {
        return false;
    }
    const { protocol, username, password } = new URL(server);
    return protocol === "https:" && username === "" && password === "";
}

/** Text that a header cannot hold would stand in the HTTP client's error. */
function isSignedIn(user: Values): boolean {
    const { token, username, password } = user;
    const [certificate, key] = [user["client-certificate-data"], user["client-key-data"]];
    if (token !== undefined) {
        return typeof token === "string" && /^[\x21-\x7e]+$/.test(token);
    }
    if (certificate !== undefined || key !== undefined) {
        return isPem(certificate) && isPem(key);
    }
    return [username, password].every((each) => typeof each === "string" && each !== "");
}

function isPemOrNone(data: unknown): boolean {
    return data === undefined || isPem(data);
}

function isPem(data: unknown): boolean {
    return typeof data === "string" && /-----BEGIN [A-Z ]+-----/.test(Buffer.from(data, "base64").toString("latin1"));
}

function only(values: Values, keys: string[]): Values {
    return Object.fromEntries(Object.entries(values).filter(([key]) => keys.includes(key)));
}
