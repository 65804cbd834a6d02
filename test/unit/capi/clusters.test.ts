// Pools whose nodes would be looked for in another Cluster than theirs.
import { describe, expect, it, test } from "vitest";
import {
    clusterOf,
    clustersOfNodes,
    otherClusterRefusals,
    otherNodesRefusal,
    type ClusterMember,
} from "../../../components/capi/clusters";
import { capiPool } from "./facts";
import { capiMachines } from "./machinesFacts";

const member = (index: number, cluster: string, namespace = "default"): ClusterMember => ({
    configKey: `kamino:pools[${index}].machinePool`,
    text: `MachinePool ${namespace}/mp${index}`,
    cluster: { namespace, name: cluster },
});
const c1 = { namespace: "default", name: "c1" };

test("a pool's Cluster is the one that its object names, in the namespace of that", () => {
    expect(clusterOf(capiPool().machinePool)).toEqual(c1);
    expect(clusterOf(capiMachines({ metadata: { namespace: "team" } }).owner)).toEqual({ ...c1, namespace: "team" });
});

describe("pools are refused", () => {
    test.each<[string, ClusterMember[], typeof c1 | undefined, number[]]>([
        ["none of the Cluster that is named", [member(0, "c1"), member(1, "c1")], c1, []],
        ["of another Cluster than the one that is named", [member(0, "c1"), member(1, "c2")], c1, [1]],
        ["of a Cluster of that name in another namespace", [member(0, "c1", "other")], c1, [0]],
        ["all of another Cluster", [member(0, "c2"), member(1, "c2")], c1, [0, 1]],
        ["none where no Cluster is named and all are of one", [member(0, "c2"), member(1, "c2")], undefined, []],
        ["of two Clusters where none is named", [member(0, "c1"), member(1, "c2")], undefined, [1]],
        ["none where Cluster API has none of them", [], c1, []],
        ["none where Cluster API has none of them, and no Cluster is named", [], undefined, []],
    ])("%s", (_, pools, workloadCluster, refused) => {
        const lines = otherClusterRefusals(pools, workloadCluster);
        expect(lines.map((line) => Number(/pools\[(\d)\]/.exec(line)?.[1]))).toEqual(refused);
    });

    it("by a line that says which two Clusters, and what to do", () => {
        expect(otherClusterRefusals([member(0, "c2")], c1)).toEqual([
            "kamino:pools[0].machinePool: MachinePool default/mp0 is refused: it belongs to Cluster default/c2, and " +
                "kamino:capi.workloadCluster says that the nodes are in default/c1; keep the pools of each Cluster in a stack for that alone",
        ]);
        expect(otherClusterRefusals([member(0, "c1"), member(1, "c2")], undefined)).toEqual([
            "kamino:pools[1].machinePool: MachinePool default/mp1 is refused: it belongs to Cluster default/c2, and " +
                "MachinePool default/mp0 (kamino:pools[0].machinePool) to default/c1; keep the pools of each Cluster in a stack for that alone",
        ]);
    });
});

describe("a pool without nodes", () => {
    const node = (cluster?: string): { annotations: Record<string, string> } => ({
        annotations: cluster === undefined ? {} : { "cluster.x-k8s.io/cluster-name": cluster },
    });

    test.each<[string, (string | undefined)[], boolean]>([
        ["is refused where all nodes are of another Cluster", ["c2", "c2"], true],
        ["is refused where some nodes say nothing and the others are of another Cluster", [undefined, "c2"], true],
        ["may be empty where a node is of its Cluster", ["c2", "c1"], false],
        ["may be empty where no node says anything", [undefined], false],
        ["may be empty in a cluster without nodes", [], false],
    ])("%s", (_, nodes, refused) => {
        const clusters = clustersOfNodes(nodes.map(node));
        expect(otherNodesRefusal("c1", clusters) !== undefined).toBe(refused);
    });

    it("is refused by a line that names the keys", () => {
        expect(otherNodesRefusal("c1", ["c2", "c3"])).toBe(
            "it belongs to Cluster c1, and the nodes of the cluster looked at to c2, c3; " +
                "set kamino:kubeconfig, kamino:context or kamino:capi.workloadCluster to where the pool's nodes are",
        );
    });
});
