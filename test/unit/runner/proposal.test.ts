// What `npm run init` proposes for a cluster.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { listing, poolsOf, propose, withProposal, type Finding } from "../../../runner/init/proposal";

const id = (name: string, group = "my-cluster", subscription = "s1") =>
    `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.Compute/virtualMachineScaleSets/${name}`;
const node = (scaleSetId: string, instance: number) => ({
    providerID: `azure://${scaleSetId}/virtualMachines/${instance}`,
});
const master = {
    providerID: "azure:///subscriptions/s1/resourceGroups/my-cluster/providers/Microsoft.Compute/virtualMachines/m-0",
};

test("nodes are grouped by scale set, whatever the letter case of their provider ids", () => {
    const found = poolsOf([node(id("b"), 0), node(id("a"), 7), node(id("B", "MY-CLUSTER"), 1), master, {}]);
    expect(found).toEqual({
        pools: [
            { scaleSetId: id("a"), nodes: 1 },
            { scaleSetId: id("b"), nodes: 2 },
        ],
        others: 2,
    });
});

test("no node is lost or counted twice", () => {
    const provider = fc.oneof(
        fc.tuple(fc.constantFrom("a", "b", "c"), fc.nat(50)).map(([name, instance]) => node(id(name), instance)),
        fc.constantFrom(master, {}, { providerID: "kind://docker/x/y" }),
    );
    fc.assert(
        fc.property(fc.array(provider), (providers) => {
            const { pools, others } = poolsOf(providers);
            expect(pools.reduce((sum, { nodes }) => sum + nodes, others)).toBe(providers.length);
        }),
    );
});

const finding = (scaleSetId: string, refusal?: string): Finding => ({ scaleSetId, nodes: 3, refusal });

test("a pool in the stack's group and subscription is given by name, another one by its id", () => {
    const others = [id("c", "other"), id("d", "my-cluster", "s2")];
    const findings = [id("a"), id("b", "My-Cluster"), ...others].map((each) => finding(each));
    expect(propose([...findings, finding(id("e"), "its nodes run Windows")], "S1")).toEqual({
        resourceGroup: "my-cluster",
        pools: ["a", "b", ...others].map((scaleSet) => ({ scaleSet })),
    });
});

test("a pool of Cluster API is given by the MachinePool that its nodes name", () => {
    const annotations = {
        "cluster.x-k8s.io/cluster-namespace": "capi",
        "cluster.x-k8s.io/owner-kind": "MachinePool",
        "cluster.x-k8s.io/owner-name": "mp1",
    };
    const { pools } = poolsOf([{ ...node(id("a"), 0), annotations }, node(id("a"), 1)]);
    expect(pools).toEqual([{ scaleSetId: id("a"), nodes: 2, machinePool: "capi/mp1" }]);
    expect(propose(pools, "s1").pools).toEqual([{ machinePool: "capi/mp1" }]);
    const owned = { ...annotations, "cluster.x-k8s.io/owner-kind": "MachineSet" };
    expect(poolsOf([{ ...node(id("a"), 0), annotations: owned }]).pools).toEqual([{ scaleSetId: id("a"), nodes: 1 }]);
});

describe("single VMs of Cluster API", () => {
    const RESOURCES = "/subscriptions/s1/resourceGroups/capz/providers/Microsoft.Compute";
    const vm = (name: string, kind: string, owner: string) => ({
        providerID: `azure://${RESOURCES}/virtualMachines/${name}`,
        annotations: {
            "cluster.x-k8s.io/cluster-namespace": "capi",
            "cluster.x-k8s.io/owner-kind": kind,
            "cluster.x-k8s.io/owner-name": owner,
        },
    });
    const deployments = new Map(["capi/md1-aaa", "capi/md1-bbb"].map((set) => [set, "md1"]));

    test("are given by their MachineDeployment, whichever of its MachineSets made them, or by a MachineSet alone", () => {
        const nodes = [
            ...[vm("a", "MachineSet", "md1-aaa"), vm("b", "MachineSet", "md1-bbb"), vm("c", "MachineSet", "alone")],
            vm("d", "KubeadmControlPlane", "cp"),
        ];
        const { pools, others } = poolsOf(nodes, { deployments });
        expect(pools.map(({ nodes, machines }) => [nodes, machines])).toEqual([
            [1, { kind: "MachineSet", namespace: "capi", name: "alone" }],
            [2, { kind: "MachineDeployment", namespace: "capi", name: "md1" }],
        ]);
        expect(others).toBe(1);
        expect(propose(pools, "s1")).toEqual({
            resourceGroup: "capz",
            pools: [{ machineSet: "capi/alone" }, { machineDeployment: "capi/md1" }],
        });
        expect(listing(pools, 0)).toBe(["  capi/alone     1 node   fits", "  capi/md1       2 nodes  fits"].join("\n"));
    });
});

test("single VMs of a Flexible scale set are given by that, and others by nothing", () => {
    const vm = (name: string) =>
        `/subscriptions/s1/resourceGroups/My-Cluster/providers/Microsoft.Compute/virtualMachines/${name}`;
    const scaleSets = new Map(["a", "b"].map((name) => [vm(`flex_0000000${name}`).toLowerCase(), id("flex")]));
    const nodes = ["flex_0000000a", "FLEX_0000000B", "m-0"].map((name) => ({ providerID: `azure://${vm(name)}` }));
    const { pools, others } = poolsOf(nodes, { scaleSets });
    expect([pools, others]).toEqual([[{ scaleSetId: id("flex"), nodes: 2 }], 1]);
    expect(propose(pools, "s1").pools).toEqual([{ scaleSet: "flex" }]);
});

test("without a pool that fits there is nothing to propose", () => {
    expect(() => propose([finding(id("a"), "its nodes run Windows")], "s1")).toThrow(
        "no pool of this cluster can be kept",
    );
});

test("the listing says for each scale set whether it fits, or why not", () => {
    const text = listing([finding(id("pool1")), { ...finding(id("win"), "its nodes run Windows"), nodes: 1 }], 1);
    expect(text).toBe(
        [
            "  pool1     3 nodes  fits",
            "  win       1 node   its nodes run Windows",
            "  1 node is not in a scale set.",
        ].join("\n"),
    );
});

describe("the settings", () => {
    const proposal = { resourceGroup: "my-cluster", pools: [{ scaleSet: "a" }] };
    const expected = { "kamino:resourceGroup": "my-cluster", "kamino:pools": [{ scaleSet: "a" }] };

    test("of a new stack are the proposal", () => {
        const text = withProposal("", proposal, "f");
        expect(text).toBe("config:\n    kamino:resourceGroup: my-cluster\n    kamino:pools:\n        - scaleSet: a\n");
    });

    test("keep everything that was there", () => {
        const before = "encryptionsalt: v1:abc\nconfig:\n    azure-native:location: westeurope # here\n";
        const text = withProposal(before, proposal, "f");
        expect(text).toContain("westeurope # here\n");
        expect(parse(text)).toEqual({
            encryptionsalt: "v1:abc",
            config: { "azure-native:location": "westeurope", ...expected },
        });
    });

    test("say where the nodes are, where a workload cluster was named", () => {
        const capi = { kubeconfig: undefined, context: "management", workloadCluster: "default/c1" };
        expect(parse(withProposal("", { ...proposal, capi }, "f"))).toEqual({
            config: { ...expected, "kamino:capi": { context: "management", workloadCluster: "default/c1" } },
        });
    });

    test("say which cluster was looked at, where it was named: the next preview looks at the same one", () => {
        const cluster = { kubeconfig: "/home/ann/kubeconfig", context: "prod" };
        expect(parse(withProposal("", { ...proposal, cluster }, "f"))).toEqual({
            config: { ...expected, "kamino:kubeconfig": cluster.kubeconfig, "kamino:context": "prod" },
        });
        const unnamed = { kubeconfig: undefined, context: undefined };
        expect(parse(withProposal("", { ...proposal, cluster: unnamed }, "f"))).toEqual({ config: expected });
    });

    test.each(["kamino:pools: []", "kamino:schedule: {}"])("with %s are left alone", (key) => {
        expect(() => withProposal(`config:\n    ${key}\n`, proposal, "Pulumi.prod.yaml")).toThrow(
            /^Pulumi.prod.yaml is configured already; /,
        );
    });
});
