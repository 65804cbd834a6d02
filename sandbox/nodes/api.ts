// Clients of the sandbox's API server, and the few calls that the client library makes long.
import {
    ApiException,
    AppsV1Api,
    CoreV1Api,
    type KubeConfig,
    PatchStrategy,
    setHeaderOptions,
    StorageV1Api,
    type V1Node,
    type V1NodeCondition,
    type V1Pod,
} from "@kubernetes/client-node";
import { KeepAliveKubeConfig } from "../../components/node/keepAlive";

/** Clients of one cluster. */
export interface Api {
    config: KubeConfig;
    core: CoreV1Api;
    apps: AppsV1Api;
    storage: StorageV1Api;
}

export const mergePatch = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
const strategicPatch = setHeaderOptions("Content-Type", PatchStrategy.StrategicMergePatch);

/** Clients for the user of a kubeconfig file. */
export function apiOf(kubeconfig: string): Api {
    const config = new KeepAliveKubeConfig();
    config.loadFromFile(kubeconfig);
    return apiFrom(config);
}

/** Clients for whoever a configuration signs in as. */
export function apiFrom(config: KubeConfig): Api {
    return {
        config,
        core: config.makeApiClient(CoreV1Api),
        apps: config.makeApiClient(AppsV1Api),
        storage: config.makeApiClient(StorageV1Api),
    };
}

/** Whether the API server said that it does not have it. */
export function isNotFound(error: unknown): boolean {
    return error instanceof ApiException && error.code === 404;
}

/** The node, or nothing if there is none. */
export async function findNode({ core }: Api, name: string): Promise<V1Node | undefined> {
    return core.readNode({ name }).catch((error: unknown) => {
        if (isNotFound(error)) {
            return undefined;
        }
        throw error;
    });
}

/** Changes labels, annotations (null removes one) or spec of a node. */
export async function patchNode({ core }: Api, name: string, body: object): Promise<V1Node> {
    return core.patchNode({ name, body }, mergePatch);
}

/** Changes members of a node's status; conditions are merged by their type. */
export async function patchNodeStatus({ core }: Api, name: string, status: object): Promise<V1Node> {
    return core.patchNodeStatus({ name, body: { status } }, strategicPatch);
}

/** Changes members of a pod's status; nothing happens if the pod is gone. */
export async function patchPodStatus({ core }: Api, pod: V1Pod, status: object): Promise<void> {
    const { name = "", namespace = "", uid } = pod.metadata ?? {};
    // The uid makes sure that it is this pod and not its successor of the same name.
    await core
        .patchNamespacedPodStatus({ name, namespace, body: { metadata: { uid }, status } }, strategicPatch)
        .catch((error: unknown) => {
            if (!isNotFound(error) && !(error instanceof ApiException && error.code === 409)) {
                throw error;
            }
        });
}

export function readyCondition(node: V1Node | undefined): V1NodeCondition | undefined {
    return node?.status?.conditions?.find(({ type }) => type === "Ready");
}

/**
 * Tries until the answer is something other than undefined. Throws, naming what was waited for, when the time is over.
 */
export async function waitFor<T>(what: string, attempt: () => Promise<T | undefined>, timeoutMs = 60_000): Promise<T> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
        const result = await attempt();
        if (result !== undefined) {
            return result;
        }
        if (Date.now() > deadline) {
            throw new Error(`waited ${timeoutMs / 1000} s in vain for ${what}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
}
