// Empties a node as kured does: by evictions, which PodDisruptionBudgets can hold back.
import { ApiException, type V1Pod } from "@kubernetes/client-node";
import { isNotFound, waitFor, type Api } from "./api";

const TOO_MANY_REQUESTS = 429;

/** Evicts all pods of a node but those of DaemonSets and mirror pods, and waits until they are gone. */
export async function drain(api: Api, node: string): Promise<void> {
    await waitFor(`the pods of ${node} to leave`, async () => {
        const { items } = await api.core.listPodForAllNamespaces({ fieldSelector: `spec.nodeName=${node}` });
        const left = items.filter(leaves);
        await Promise.all(left.filter(({ metadata }) => !metadata?.deletionTimestamp).map((pod) => evict(api, pod)));
        return left.length === 0 ? true : undefined;
    });
}

function leaves({ metadata, status }: V1Pod): boolean {
    const owned = metadata?.ownerReferences?.some(({ kind }) => kind === "DaemonSet" || kind === "Node");
    const mirror = metadata?.annotations?.["kubernetes.io/config.mirror"] !== undefined;
    return !owned && !mirror && status?.phase !== "Succeeded" && status?.phase !== "Failed";
}

async function evict({ core }: Api, { metadata }: V1Pod): Promise<void> {
    const { name = "", namespace = "" } = metadata ?? {};
    await core
        .createNamespacedPodEviction({ name, namespace, body: { metadata: { name, namespace } } })
        .catch((error: unknown) => {
            const heldBack = error instanceof ApiException && error.code === TOO_MANY_REQUESTS;
            if (!heldBack && !isNotFound(error)) throw error;
        });
}
