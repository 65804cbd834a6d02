// What is different in the scheduled pod: its name, how it reaches its own cluster, which folders it may write to.
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node";
import { KeepAliveKubeConfig } from "../components/node/keepAlive";
import { RUN_ENVIRONMENT } from "../components/schedule/environment";

/** The pod that this runs in, from the environment that the CronJob sets (components/schedule/environment.ts). */
export interface Pod {
    name: string;
    namespace: string;
    /** The Lease that the pods of this schedule acquire in turn. */
    lease: string;
    /** The ConfigMap for the report. */
    report: string;
    /** The folder with the service account's token, which Kubernetes renews, and the cluster's certificate. */
    serviceAccount: string;
    /** Address of the API server. */
    server: string;
}

/** Reads from the environment which pod this is; undefined on a laptop or in CI. */
export function podFrom(env: NodeJS.ProcessEnv): Pod | undefined {
    const name = env[RUN_ENVIRONMENT.podName];
    const namespace = env[RUN_ENVIRONMENT.podNamespace];
    const lease = env[RUN_ENVIRONMENT.lease];
    const report = env[RUN_ENVIRONMENT.report];
    const serviceAccount = env[RUN_ENVIRONMENT.serviceAccount];
    if (!name || !namespace || !lease || !report || !serviceAccount) {
        return undefined;
    }
    const host = env.KUBERNETES_SERVICE_HOST ?? "kubernetes.default.svc";
    const port = env.KUBERNETES_SERVICE_PORT_HTTPS ?? env.KUBERNETES_SERVICE_PORT ?? "443";
    const server = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
    return { name, namespace, lease, report, serviceAccount, server };
}

/**
 * The kubeconfig of the pod's own service account. It names the token's file, because Kubernetes renews the token
 * hourly.
 */
export function kubeConfigOf(pod: Pod): KubeConfig {
    const config = new KeepAliveKubeConfig();
    config.loadFromOptions({
        clusters: [
            { name: "own", server: pod.server, caFile: join(pod.serviceAccount, "ca.crt"), skipTLSVerify: false },
        ],
        users: [
            {
                name: "own",
                authProvider: { name: "tokenFile", config: { tokenFile: join(pod.serviceAccount, "token") } },
            },
        ],
        contexts: [{ name: "own", cluster: "own", user: "own", namespace: pod.namespace }],
        currentContext: "own",
    });
    return config;
}

/**
 * Prepares what a run in a read-only container writes to, below `scratch`: a kubeconfig of the pod's own service
 * account, and a home for pulumi with the plugins of the image.
 *
 * @returns variables to add for the pulumi commands, which point there
 */
export async function prepareHome(pod: Pod, scratch: string, env: NodeJS.ProcessEnv): Promise<NodeJS.ProcessEnv> {
    const kubeconfig = join(scratch, "kubeconfig");
    await writeFile(kubeconfig, kubeConfigOf(pod).exportConfig(), { mode: 0o600 });
    const home = join(scratch, "pulumi");
    await mkdir(home, { recursive: true });
    if (env.KAMINO_PLUGINS) {
        await symlink(env.KAMINO_PLUGINS, join(home, "plugins"), "dir");
    }
    // An image's user may have no name; pulumi asks for one when it locks a stack.
    return { KUBECONFIG: kubeconfig, PULUMI_HOME: home, HOME: scratch, USER: env.USER ?? "kamino" };
}

/** Copies the stack's settings to where pulumi may write: their ConfigMap is mounted read-only. */
export async function writableCopy(configFile: string, scratch: string): Promise<string> {
    const copy = join(scratch, "settings.yaml");
    await writeFile(copy, await readFile(configFile, "utf8"));
    return copy;
}
