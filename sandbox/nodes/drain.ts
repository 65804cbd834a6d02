// Empties a node as kured does: by evictions, which PodDisruptionBudgets can hold back.
import { setTimeout as sleep } from "node:timers/promises";
import { ApiException, type V1Pod } from "@kubernetes/client-node";
import { isNotFound, type Api } from "./api";

const FORBIDDEN = 403;
const TOO_MANY_REQUESTS = 429;
const POLL_MS = 100;

/**
 * Evicts all pods of a node but those of DaemonSets and mirror pods, and waits until they are gone: true.
 * False if they are not gone after `timeoutMs` (0: no limit). Ends early, with false, when the signal is aborted.
 */
export async function drain(api: Api, node: string, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    const deadline = timeoutMs > 0 ? Date.now() + timeoutMs : Infinity;
    while (!signal.aborted) {
        const { items } = await api.core.listPodForAllNamespaces({ fieldSelector: `spec.nodeName=${node}` });
        const left = items.filter(leaves);
        if (left.length === 0) {
            return true;
        }
        if (Date.now() > deadline) {
            return false;
        }
        await Promise.all(left.filter(({ metadata }) => !metadata?.deletionTimestamp).map((pod) => evict(api, pod)));
        await sleep(POLL_MS);
    }
    return false;
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
            const refusal = error instanceof ApiException ? (error as ApiException<unknown>) : undefined;
            // A namespace that is going takes its pods with it.
            const goesAnyway =
                refusal?.code === FORBIDDEN && JSON.stringify(refusal.body).includes("NamespaceTerminating");
            if (refusal?.code !== TOO_MANY_REQUESTS && !goesAnyway && !isNotFound(error)) {
                throw error;
            }
        });
}
