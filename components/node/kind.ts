// What a node is there for, and whether it will stay, as its labels and taints tell. Pure.

const CONTROL_PLANE = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];

/**
 * Taints that say that the node will not be there for long, or is shut down. `DeletionCandidateOfClusterAutoscaler` is
 * not among them: the autoscaler sets it on every node that it could do without and takes it away again, and a capture
 * keeps it from the node.
 * Sources: cluster-autoscaler utils/taints, k8s.io/api core/v1 well_known_taints, k8s.io/cloud-provider api, karpenter
 * apis/v1/taints
 */
const GOING_AWAY = [
    "ToBeDeletedByClusterAutoscaler",
    "node.kubernetes.io/out-of-service",
    "node.cloudprovider.kubernetes.io/shutdown",
    "karpenter.sh/disrupted",
    "karpenter.sh/disruption",
];

/** Label and taint of a node on a spot VM. Source: https://learn.microsoft.com/azure/aks/spot-node-pool */
const SPOT = "kubernetes.azure.com/scalesetpriority";

/** Whether a node belongs to the control plane, by the labels of today's and of earlier clusters. */
export function isControlPlane({ labels }: { labels: Record<string, string> }): boolean {
    return CONTROL_PLANE.some((label) => Object.hasOwn(labels, label)) || labels["kubernetes.io/role"] === "master";
}

/** Whether a taint says that the node is going away. */
export function isGoingAway(taint: string): boolean {
    return GOING_AWAY.includes(taint);
}

/** A taint, as far as it is looked at. */
export interface Taint {
    key: string;
    value?: string;
    effect: string;
}

/** Whether Azure may take the node's VM away at any moment. */
export function isSpot({ labels, taints }: { labels: Record<string, string>; taints: Taint[] }): boolean {
    return labels[SPOT] === "spot" || taints.some(({ key, value }) => key === SPOT && value === "spot");
}
