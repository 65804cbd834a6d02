// To which Cluster of Cluster API a pool's machines belong: a stack looks for the nodes of all its pools in one. Pure.
import type { ObjectName } from "./objects";

/** A pool, and the Cluster that its objects name. */
export interface ClusterMember {
    configKey: string;
    /** `MachinePool NAMESPACE/NAME`. */
    text: string;
    cluster: ObjectName;
}

/** The Cluster of a MachinePool, MachineDeployment or MachineSet, which is in the namespace of that. */
export function clusterOf({
    metadata,
    spec,
}: {
    metadata: { namespace?: string };
    spec: { clusterName: string };
}): ObjectName {
    return { namespace: metadata.namespace ?? "", name: spec.clusterName };
}

/**
 * Why pools are refused whose nodes would be looked for in another Cluster than theirs, a line for each of them. Where
 * no key names the Cluster it is that of the first pool.
 *
 * @param workloadCluster the Cluster that `kamino:capi.workloadCluster` names
 */
export function otherClusterRefusals(pools: ClusterMember[], workloadCluster: ObjectName | undefined): string[] {
    const [first] = pools;
    const of = ({ namespace, name }: ObjectName) => `${namespace}/${name}`;
    const wanted = of(workloadCluster ?? first?.cluster ?? { namespace: "", name: "" });
    const why = workloadCluster
        ? `kamino:capi.workloadCluster says that the nodes are in ${wanted}`
        : `${first?.text} (${first?.configKey}) to ${wanted}`;
    return pools
        .filter(({ cluster }) => of(cluster) !== wanted)
        .map(
            ({ configKey, text, cluster }) =>
                `${configKey}: ${text} is refused: it belongs to Cluster ${of(cluster)}, and ${why}; keep the pools of each Cluster in a stack for that alone`,
        );
}

/**
 * Annotation of a node: the name of its Cluster, written by Cluster API's controllers.
 * Source: https://github.com/kubernetes-sigs/cluster-api/blob/main/api/core/v1beta2/common_types.go (ClusterNameAnnotation)
 */
const CLUSTER_NAME = "cluster.x-k8s.io/cluster-name";

/** The names of the Clusters that these nodes say they belong to. */
export function clustersOfNodes(nodes: { annotations: Record<string, string> }[]): string[] {
    return [...new Set(nodes.flatMap(({ annotations }) => annotations[CLUSTER_NAME] || []))].sort();
}

/**
 * Why a pool that has no node in a cluster surely looks for its nodes in the wrong one: these say that they belong to
 * other Clusters. Undefined where none of them says so, or one belongs to the pool's.
 *
 * @param cluster the name of the pool's Cluster
 * @param ofNodes the names that the cluster's nodes say
 */
export function otherNodesRefusal(cluster: string, ofNodes: string[]): string | undefined {
    return ofNodes.length === 0 || ofNodes.includes(cluster)
        ? undefined
        : `it belongs to Cluster ${cluster}, and the nodes of the cluster looked at to ${ofNodes.join(", ")}; ` +
              "set kamino:kubeconfig, kamino:context or kamino:capi.workloadCluster to where the pool's nodes are";
}
