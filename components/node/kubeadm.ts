// Nodes that joined by kubeadm: each by its own cloud-init, with a certificate of its own.

/**
 * What kubeadm writes to a node that it initializes or joins, unless it keeps that in a file of the node: from 1.34 on
 * it does by default, and then only the disk tells.
 * Source: AnnotationKubeadmCRISocket and NodeLocalCRISocket in https://github.com/kubernetes/kubernetes/tree/master/cmd/kubeadm
 */
const CRI_SOCKET = "kubeadm.alpha.kubernetes.io/cri-socket";

/** Whether a node is known to have joined by kubeadm. */
export function joinedByKubeadm({ annotations }: { annotations: Record<string, string> }): boolean {
    return Object.hasOwn(annotations, CRI_SOCKET);
}
