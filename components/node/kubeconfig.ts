// Reads kubeconfig files as kubectl does: a list of them merged, paths relative to their file, proxies of the
// environment.
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, isAbsolute, join } from "node:path";
import { loadYaml, type KubeConfig } from "@kubernetes/client-node";
import { UserError, oneLine } from "../core/errors";
import { EXEC_PLUGIN, ExecPlugin } from "./execPlugin";
import { KeepAliveKubeConfig } from "./keepAlive";
import { proxyFor } from "./proxy";

/** An entry of a list in a kubeconfig: a name, and under `cluster`, `user` or `context` what has it. */
interface Entry {
    name: string;
    [kind: string]: unknown;
}

interface File {
    clusters?: Entry[] | null;
    users?: Entry[] | null;
    contexts?: Entry[] | null;
    "current-context"?: string;
}

const POD_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/**
 * The configuration in a kubeconfig file; without one named, in the files of KUBECONFIG or in ~/.kube/config; where
 * none of these is there, that of the pod that this process runs in.
 *
 * @param path of a kubeconfig file; `~/` is the home directory
 * @throws UserError in one line that says what is missing and what to set
 */
export function loadKubeConfig(path: string | undefined): KubeConfig {
    const config = new KeepAliveKubeConfig();
    config.addAuthenticator(new ExecPlugin());
    const files = filesFor(path);
    if (files.length > 0) {
        const what = path ? "kamino:kubeconfig" : "the kubeconfig";
        config.loadFromString(JSON.stringify(merge(files.map((file) => readFile(file, what)))));
    } else if (existsSync(POD_TOKEN)) {
        config.loadFromCluster();
    } else {
        const searched = process.env.KUBECONFIG
            ? `none of the files of KUBECONFIG (${process.env.KUBECONFIG}) is there`
            : `KUBECONFIG is not set, there is no ${join("~", ".kube", "config")}`;
        throw new UserError(
            `no Kubernetes cluster is configured: ${searched}, and this is not a pod; set kamino:kubeconfig to the path of a kubeconfig file`,
        );
    }
    return withProxies(config);
}

/** The same configuration with the environment's proxies, for clusters that do not name theirs. */
export function withProxies(config: KubeConfig): KubeConfig {
    for (const cluster of config.clusters) {
        const proxy =
            cluster.proxyUrl ?? (URL.canParse(cluster.server) ? proxyFor(cluster.server, process.env) : undefined);
        Object.assign(cluster, { proxyUrl: proxy });
    }
    return config;
}

/** A file that is named must be there; of KUBECONFIG's those that are there count. */
function filesFor(path: string | undefined): string[] {
    if (path) {
        return [path.replace(/^~(?=\/)/, homedir())];
    }
    const listed = process.env.KUBECONFIG?.split(delimiter).filter(Boolean) ?? [];
    const candidates = listed.length > 0 ? listed : [join(homedir(), ".kube", "config")];
    return candidates.filter((file) => existsSync(file));
}

function readFile(file: string, what: string): File {
    let content: File | null;
    try {
        content = loadYaml<File | null>(readFileSync(file, "utf8"));
    } catch (error) {
        throw new UserError(
            `${what} "${file}" cannot be read: ${oneLine(error)}; set kamino:kubeconfig to the path of a kubeconfig file`,
        );
    }
    if (typeof content !== "object") {
        throw new UserError(
            `${what} "${file}" is not a kubeconfig; set kamino:kubeconfig to the path of a kubeconfig file`,
        );
    }
    const folder = dirname(file);
    return {
        ...content,
        clusters: content?.clusters?.map((entry) =>
            change(entry, "cluster", (it) => absolute(it, folder, CLUSTER_FILES)),
        ),
        users: content?.users?.map((entry) => change(entry, "user", (it) => userOf(it, folder))),
    };
}

const CLUSTER_FILES = ["certificate-authority"];
const USER_FILES = ["client-certificate", "client-key", "tokenFile"];

type Values = Record<string, unknown>;

function change(entry: Entry, kind: string, to: (values: Values) => Values): Entry {
    return { ...entry, [kind]: to((entry[kind] ?? {}) as Values) };
}

/** Paths in a kubeconfig are relative to its folder. */
function absolute(values: Values, folder: string, names: string[]): Values {
    const found = names.filter((name) => typeof values[name] === "string" && values[name] !== "");
    const paths = found.map((name) => [
        name,
        isAbsolute(String(values[name])) ? values[name] : join(folder, String(values[name])),
    ]);
    return { ...values, ...(Object.fromEntries(paths) as Values) };
}

/** What runs the credential plugin of a user is this program's own, which bounds its time. */
function userOf(values: Values, folder: string): Values {
    const { exec, ...user } = absolute(values, folder, USER_FILES);
    if (typeof user.tokenFile === "string" && user.tokenFile !== "") {
        // It goes before a token in the kubeconfig, and is read anew when it changes.
        const { tokenFile, token: _, ...rest } = user;
        return { ...rest, "auth-provider": { name: "tokenFile", config: { tokenFile } } };
    }
    if (typeof exec !== "object" || exec === null) {
        return user;
    }
    const { command = "" } = exec as { command?: string };
    // A name alone is looked up on PATH.
    const program = command.includes("/") && !isAbsolute(command) ? join(folder, command) : command;
    return { ...user, "auth-provider": { name: EXEC_PLUGIN, config: { plugin: { ...exec, command: program } } } };
}

/**
 * What to do about an auth provider that Kubernetes has removed in 1.26.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
 */
const REMOVED: Record<string, string> = {
    azure: "run kubelogin convert-kubeconfig (https://azure.github.io/kubelogin)",
    gcp: "let gcloud write an entry for gke-gcloud-auth-plugin",
};

/**
 * Refuses the user of the current context if it signs in by an auth provider that Kubernetes has removed.
 *
 * @throws UserError in one line with what to run
 */
export function refuseRemovedProvider(config: KubeConfig): void {
    const user = config.getCurrentUser();
    const name = (user?.authProvider as { name?: string } | undefined)?.name ?? "";
    if (name in REMOVED) {
        throw new UserError(
            `user "${user?.name}" of the kubeconfig signs in by the auth provider "${name}", which Kubernetes has removed; ${REMOVED[name]}`,
        );
    }
}

/** The first file that has a name keeps it, and so with the current context, as kubectl does. */
function merge(files: File[]): File {
    const all = (kind: "clusters" | "users" | "contexts") => {
        const entries = new Map<string, Entry>();
        for (const entry of files.flatMap((file) => file[kind] ?? [])) {
            if (!entries.has(entry.name)) {
                entries.set(entry.name, entry);
            }
        }
        return [...entries.values()];
    };
    return {
        clusters: all("clusters"),
        users: all("users"),
        contexts: all("contexts"),
        "current-context": files.map((file) => file["current-context"]).find(Boolean),
    };
}
