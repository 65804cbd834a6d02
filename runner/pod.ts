// What is different in the scheduled pod: who it is, how it reaches its own cluster, which folders it may write to.
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";

/** The pod that this runs in, as the CronJob's pod template tells it (components/schedule/pod.ts). */
export interface Pod {
    name: string;
    namespace: string;
    /** The Lease that the pods of this schedule take in turns. */
    lease: string;
    /** The ConfigMap that the report goes to. */
    report: string;
    /** The folder with the service account's token, which Kubernetes renews, and the cluster's certificate. */
    serviceAccount: string;
    /** Address of the API server. */
    server: string;
}

/** The pod that this runs in; undefined on a laptop or in CI. */
export function podFrom(env: NodeJS.ProcessEnv): Pod | undefined {
    const { POD_NAME, POD_NAMESPACE, KAMINO_LEASE, KAMINO_REPORT_CONFIG_MAP, KAMINO_SERVICE_ACCOUNT } = env;
    if (!POD_NAME || !POD_NAMESPACE || !KAMINO_LEASE || !KAMINO_REPORT_CONFIG_MAP || !KAMINO_SERVICE_ACCOUNT) {
        return undefined;
    }
    const host = env.KUBERNETES_SERVICE_HOST ?? "kubernetes.default.svc";
    const port = env.KUBERNETES_SERVICE_PORT_HTTPS ?? env.KUBERNETES_SERVICE_PORT ?? "443";
    return {
        name: POD_NAME,
        namespace: POD_NAMESPACE,
        lease: KAMINO_LEASE,
        report: KAMINO_REPORT_CONFIG_MAP,
        serviceAccount: KAMINO_SERVICE_ACCOUNT,
        server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    };
}

/** The kubeconfig of the pod's own service account. The token is read from its file when it is used: it is renewed hourly. */
export function kubeConfigOf(pod: Pod): KubeConfig {
    const config = new KubeConfig();
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
 * Makes what a run in a read-only container writes to, all below `scratch`, and the environment that points there: a kubeconfig of
 * the pod's own service account, a home for pulumi whose plugins are those of the image.
 *
 * @returns variables to add for the pulumi commands
 */
export async function furnish(pod: Pod, scratch: string, env: NodeJS.ProcessEnv): Promise<NodeJS.ProcessEnv> {
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

/** The stack's settings, copied to where pulumi may write: the ConfigMap that they come from is mounted read-only. */
export async function writableCopy(configFile: string, scratch: string): Promise<string> {
    const copy = join(scratch, "settings.yaml");
    await writeFile(copy, await readFile(configFile, "utf8"));
    return copy;
}
