// Cluster API on the sandbox: the unmodified managers, real webhooks, one cluster that manages itself, and machine
// pools and deployments whose machines are the local Azure's.
import { mkdirSync } from "node:fs";
import type { AzureSandbox } from "../azure";
import type { Cluster } from "../cluster";
import { apiOf } from "../nodes/api";
import { Handle } from "./handle";
import { startManagers } from "./managers";
import { startProxy, type AzureProxy } from "./proxy";
import type { ClusterApi, ClusterApiOptions } from "./types";

export { NAMESPACE, Objects, ofPool, type Kind, type KindObject } from "./kinds";
export { CLUSTER, GROUP, NO_ROLLOUT, type MachinePoolOptions, type RollingUpdate } from "./manifests";
export { DEPLOYMENT_LABEL, type MachineDeploymentOptions } from "./machineManifests";
export type { Looks, MachineDeployments } from "./machineDeployments";
export type { Manager } from "./modules";
export type { Pass } from "./passes";
export type { ClusterApi, ClusterApiOptions } from "./types";

/** Starts the managers against this Azure and cluster; they end with this process at the latest. */
export async function startClusterApi(options: ClusterApiOptions): Promise<ClusterApi> {
    const { azure, cluster, directory, featureGates = {}, kubeadmBootstrap = false } = options;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const api = apiOf(cluster.kubeconfig);
    const proxy = await startProxy(azure.url);
    try {
        const managers = await startManagers({
            ...{ api, directory, featureGates },
            names: ["capi", "capz", ...(kubeadmBootstrap ? (["kubeadm-bootstrap"] as const) : [])],
            env: environment(directory, cluster, azure, proxy),
        });
        const handle = new Handle(options, api, managers, proxy);
        await handle.untilWebhooksWork();
        return handle;
    } catch (error) {
        await proxy.close();
        throw error;
    }
}

/** All that a manager finds; only the cluster, and Azure by its public names, can be reached. */
function environment(directory: string, cluster: Cluster, azure: AzureSandbox, proxy: AzureProxy): NodeJS.ProcessEnv {
    return {
        PATH: process.env.PATH,
        HOME: directory,
        KUBECONFIG: cluster.kubeconfig,
        SSL_CERT_FILE: azure.caFile,
        HTTPS_PROXY: proxy.url,
        NO_PROXY: "127.0.0.1,localhost",
    };
}
