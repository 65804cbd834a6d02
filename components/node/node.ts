// The Kubernetes side of a node: reading it, and the few fields of it that a capture changes.
import { PatchStrategy, setHeaderOptions, type V1Node } from "@kubernetes/client-node";
import { orUndefined, statusOf } from "../core/errors";
import type { Kubernetes } from "./kubernetes";
import { withRetries } from "../core/retry";

/**
 * Keeps the cluster autoscaler from removing a node:
 * https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md
 */
export const SCALE_DOWN_DISABLED = "cluster-autoscaler.kubernetes.io/scale-down-disabled";

/** By this name an object's `metadata.managedFields` tell what this program wrote. */
export const FIELD_MANAGER = "kamino";

/** What is changed of a node; null removes. With a resource version only if the node is still that one. */
export interface NodeChange {
    metadata?: { resourceVersion?: string; annotations?: Record<string, string | null> };
    spec?: { unschedulable: true | null };
}

/** The node, or undefined when the cluster has none of this name. */
export function readNode({ core }: Kubernetes, name: string): Promise<V1Node | undefined> {
    return orUndefined(withRetries(() => core.readNode({ name })));
}

/** Changes the node, and nothing else of it than what is named. */
export async function patchNode({ core }: Kubernetes, name: string, body: NodeChange): Promise<V1Node> {
    const options = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
    return withRetries(() => core.patchNode({ name, body, fieldManager: FIELD_MANAGER }, options));
}

/**
 * Gives an annotation that a node has another value. One that somebody has removed does not come back, however late the
 * request arrives: it names the value that it was made for.
 *
 * @param renewed the new value, of the one that is there
 */
export async function renewAnnotation(
    cluster: Kubernetes,
    name: string,
    annotation: string,
    renewed: (value: string) => string,
): Promise<void> {
    const value = (await readNode(cluster, name))?.metadata?.annotations?.[annotation];
    if (value === undefined) {
        return;
    }
    const path = `/metadata/annotations/${annotation.replace(/~/g, "~0").replace(/\//g, "~1")}`;
    // The API server carries out `replace` where there is nothing, too.
    const body = [
        { op: "test", path, value },
        { op: "replace", path, value: renewed(value) },
    ];
    const options = setHeaderOptions("Content-Type", PatchStrategy.JsonPatch);
    try {
        await withRetries(() => cluster.core.patchNode({ name, body, fieldManager: FIELD_MANAGER }, options));
    } catch (error) {
        // Another value stands there: somebody else's, or this one, and the answer to the first attempt was lost.
        if (statusOf(error) !== 422) {
            throw error;
        }
    }
}

function readyCondition(node: V1Node) {
    return node.status?.conditions?.find(({ type }) => type === "Ready");
}

/** Whether kubelet says, as far as the API server knows, that the node is Ready. */
export function isReady(node: V1Node): boolean {
    return readyCondition(node)?.status === "True";
}

/**
 * Put on a node by a person, or by Azure's cloud provider for a VM that it finds switched off: what it held may be
 * taken from it.
 * Source: https://github.com/kubernetes-sigs/cloud-provider-azure/pull/4522
 */
const OUT_OF_SERVICE = "node.kubernetes.io/out-of-service";

/**
 * Why a node's kubelet will not end a pod nor unmount a volume, as far as the API server knows; undefined for a node
 * whose kubelet will.
 */
export function whyDead(node: V1Node | undefined): "is gone" | "is out of service" | "is not Ready" | undefined {
    if (!node) {
        return "is gone";
    }
    if (node.spec?.taints?.some(({ key }) => key === OUT_OF_SERVICE)) {
        return "is out of service";
    }
    return isReady(node) ? undefined : "is not Ready";
}

/**
 * Whether the node has become Ready since it was read the first time. The API server takes a node for Ready until
 * kubelet has been silent for 40 seconds, so Ready alone does not tell that the machine has come up again: kubelet must
 * have spoken since.
 */
export function isReadyAgain(node: V1Node, before: V1Node): boolean {
    const [now, then] = [readyCondition(node), readyCondition(before)];
    const later = (a?: Date, b?: Date) => a !== undefined && (b === undefined || new Date(a) > new Date(b));
    return (
        isReady(node) &&
        (!isReady(before) ||
            later(now?.lastHeartbeatTime, then?.lastHeartbeatTime) ||
            later(now?.lastTransitionTime, then?.lastTransitionTime))
    );
}
