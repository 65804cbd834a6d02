// Pools whose nodes' kubeconfig is read from the Secret that Cluster API keeps of their Cluster; and what is refused
// because the nodes would be looked for in another Cluster.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { afterAll, beforeAll, expect, test } from "vitest";
import { NO_ROLLOUT, type ClusterApi } from "../../sandbox/capi";
import type { NewObject } from "../../sandbox/capi/kinds";
import { azureMachinePoolOf, machinePoolOf } from "../../sandbox/capi/manifests";
import type { Stack } from "../../sandbox/engine/stack";
import type { Sandbox } from "../../sandbox/sandbox";
import { lineOf } from "../stack/support/pools";
import { npmRun } from "../stack/support/scripts";
import { rebootFirst, startMachinePool, type MachinePoolBed } from "./support";

const VERSION = "2026.1116.0412";
const OWN = { workloadCluster: "default/c1" };

let bed: MachinePoolBed;
let sandbox: Sandbox;
let capi: ClusterApi;
let stack: Stack;

beforeAll(async () => {
    bed = await startMachinePool({ replicas: 2, rollingUpdate: NO_ROLLOUT });
    ({ sandbox, capi, stack } = bed);
    await rebootFirst(bed);
    await stack.configure({ capi: OWN });
}, 600_000);
afterAll(() => bed?.stop());

/** The lines of errors of a preview, which must not go through. */
async function refusalNow(): Promise<string[]> {
    const preview = await stack.preview();
    expect(preview.exitCode).not.toBe(0);
    const lines = preview.messages("error").flatMap((message) => message.trim().split("\n"));
    return lines.filter((line) => line !== "preview failed");
}

test("a MachinePool's nodes are found by the kubeconfig in the Secret of its Cluster", async () => {
    expect(lineOf((await stack.preview()).orFail(), "mp1")).toContain(`image ${VERSION}`);
    (await stack.up("--skip-preview")).orFail();
    const { spec } = await capi.objects.get("AzureMachinePool", "mp1");
    expect(JSON.stringify(spec)).toContain(`"version":"${VERSION}"`);
});

test("npm run init finds it by the same Secret, and writes the key", async () => {
    const file = join(sandbox.directory, "Pulumi.new.yaml");
    const flags = ["--stack", "new", "--config-file", file, "--yes", "--workload-cluster", OWN.workloadCluster];
    const done = await npmRun("init", flags, stack.env);
    expect(done.exitCode, done.all).toBe(0);
    expect((parse(readFileSync(file, "utf8")) as { config: object }).config).toMatchObject({
        "kamino:capi": OWN,
        "kamino:pools": [{ machinePool: "default/mp1" }],
    });
});

test("a MachinePool of another Cluster than the one that is named is refused, by the preview and by the status", async () => {
    const { core } = sandbox.nodes.api;
    const { data } = await core.readNamespacedSecret({ namespace: "default", name: "c1-kubeconfig" });
    await core.createNamespacedSecret({
        namespace: "default",
        body: { metadata: { name: "c2-kubeconfig" }, data },
    });
    await stack.configure({ capi: { workloadCluster: "default/c2" } });
    const why =
        "MachinePool default/mp1 is refused: it belongs to Cluster default/c1, and kamino:capi.workloadCluster says that the nodes are " +
        "in default/c2; keep the pools of each Cluster in a stack for that alone";
    expect(await refusalNow()).toEqual([`kamino:pools[0].machinePool: ${why}`]);
    const status = await npmRun("status", ["--stack", "test", "--config-file", stack.configFile], stack.env);
    expect(status.all).toContain(`kamino:pools: ${why}`);
    await stack.configure({ capi: OWN });
});

test("pools of two Clusters are refused in one stack, also where no Cluster is named", async () => {
    // Its Cluster is not there yet, so that no controller makes anything of it.
    const name = "mp2";
    const ofC2 = (object: NewObject) => JSON.parse(JSON.stringify(object).replaceAll('"c1"', '"c2"')) as NewObject;
    await capi.objects.create("AzureMachinePool", name, ofC2(azureMachinePoolOf({ name })));
    await capi.objects.create("MachinePool", name, ofC2(machinePoolOf({ name })));
    await stack.configure({ capi: {}, pools: [{ machinePool: "default/mp1" }, { machinePool: "default/mp2" }] });
    expect(await refusalNow()).toEqual([
        "kamino:pools[1].machinePool: MachinePool default/mp2 is refused: it belongs to Cluster default/c2, and " +
            "MachinePool default/mp1 (kamino:pools[0].machinePool) to default/c1; keep the pools of each Cluster in a stack for that alone",
    ]);
    await stack.configure({ capi: OWN, pools: [{ machinePool: "default/mp1" }] });
});

test("a pool without nodes is refused where the nodes say that they are of another Cluster", async () => {
    // The workload cluster is this one: as its nodes would be seen by whoever has named the wrong context.
    await capi.scale("mp1", 0);
    await sandbox.nodes.api.core.createNode({
        body: { metadata: { name: "of-c2", annotations: { "cluster.x-k8s.io/cluster-name": "c2" } } },
    });
    await stack.configure({ capi: {} });
    expect((await refusalNow()).join("\n")).toContain(
        "mp1 is refused: it belongs to Cluster c1, and the nodes of the cluster looked at to c2; set kamino:kubeconfig, kamino:context",
    );
});
