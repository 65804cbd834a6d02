// Pools of Cluster API in the configuration, and the two clusters that they are about.
import { describe, expect, it, test } from "vitest";
import { readSettings } from "../../../components/config/load";

const read = (changes: Record<string, unknown>) => readSettings({ resourceGroup: "rg", ...changes });

describe("pools of Cluster API", () => {
    const pools = [{ machinePool: "capi/mp1" }];

    it("are named by their MachinePool, keep their bootstrap, and need no resource group", () => {
        const { pools: settings } = readSettings({ pools: JSON.stringify(pools), bootstrap: "remove" });
        expect(settings[0]).toMatchObject({
            name: "mp1",
            machinePool: { namespace: "capi", name: "mp1" },
            scaleSet: { bootstrap: "keep" },
        });
    });

    it("of the same name in two namespaces are two pools", () => {
        const twice = [...pools, { machinePool: "other/mp1", name: "other" }];
        expect(read({ pools: twice }).pools.map(({ name }) => name)).toEqual(["mp1", "other"]);
        expect(() => read({ pools: [...pools, { machinePool: "capi/mp1", name: "other" }] })).toThrow(
            "kamino:pools[1] has MachinePool capi/mp1, as kamino:pools[0] has",
        );
    });

    test.each<[string, object, object]>([
        ["the same one", {}, { kubeconfig: "/k", context: "workload" }],
        ["another context of the same file", { context: "mgmt" }, { kubeconfig: "/k", context: "mgmt" }],
        ["another file's current context", { kubeconfig: "/m" }, { kubeconfig: "/m", context: undefined }],
        ["another file's context", { kubeconfig: "/m", context: "m" }, { kubeconfig: "/m", context: "m" }],
    ])("are in a management cluster: %s", (_, capi, found) => {
        expect(read({ pools, capi, kubeconfig: "/k", context: "workload" }).capi).toEqual(found);
    });

    it("have nodes in a workload cluster whose kubeconfig is read in the management cluster, if asked for", () => {
        const management = { kubeconfig: "/m", context: "m" };
        const { pools: _, ...clusters } = read({ pools, capi: { ...management, workloadCluster: "capi/c1" } });
        const workloadCluster = { namespace: "capi", name: "c1" };
        expect(clusters).toEqual({ ...management, workloadCluster, capi: management });
    });

    test.each([
        ["kubeconfig", { kubeconfig: "/k", context: "c" }],
        ["context", { context: "c" }],
    ])("have their nodes in one cluster: %s is refused beside a workload cluster", (key, more) => {
        expect(() => read({ pools, capi: { workloadCluster: "capi/c1" }, ...more })).toThrow(
            `kamino:${key} and kamino:capi.workloadCluster both say which cluster the nodes are in; take one of them out (kamino:capi.${key} is`,
        );
    });
});
