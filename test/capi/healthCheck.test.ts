// A MachineHealthCheck on the machines of a pool: it does not notice a capture by a copy, replaces a machine that is
// really unhealthy, and leaves machines of an older template alone; with the real managers.
import { Watch } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CLUSTER, DEPLOYMENT_LABEL, GROUP, NAMESPACE, type ClusterApi, type KindObject } from "../../sandbox/capi";
import type { Stack } from "../../sandbox/engine/stack";
import { waitFor } from "../../sandbox/nodes/api";
import type { Sandbox } from "../../sandbox/sandbox";
import { computeClient } from "../azure/support";
import { changesIn } from "../stack/support/pools";
import { machinesStack, startBed, type Bed } from "./support";

/** The pool, and a deployment that the program does not know. */
const [NAME, OTHER] = ["md1", "md2"];
const MINUTES = 60_000;

let bed: Bed;
let sandbox: Sandbox;
let capi: ClusterApi;
let stack: Stack;
/** What the health check has said of each Machine since the last look, as `NAME STATUS`. */
let said: string[] = [];
let watching: AbortController;

beforeAll(async () => {
    bed = await startBed({ pools: [] });
    ({ sandbox, capi } = bed);
    await capi.deployments.create({ name: NAME, replicas: 2, bootstrap: "secret", failureDomain: "1" });
    await capi.deployments.create({ name: OTHER, replicas: 1, bootstrap: "secret", failureDomain: "1" });
    stack = await machinesStack(sandbox, { machineDeployment: `default/${NAME}` });
    const [{ nodeName }] = capi.deployments.vms(NAME);
    await sandbox.nodes.patchAndReboot(nodeName, { at: new Date("2026-11-16T04:12:00Z"), utcOffsetMinutes: 0 });
    watching = await watchMachines();
    await capi.objects.create("MachineHealthCheck", "impatient", {
        spec: {
            clusterName: CLUSTER,
            selector: { matchLabels: { "cluster.x-k8s.io/cluster-name": CLUSTER } },
            // Less than anybody would set: a node that is away for a moment counts.
            checks: {
                unhealthyNodeConditions: ["Unknown", "False"].map((status) => ({
                    ...{ type: "Ready", status, timeoutSeconds: 1 },
                })),
            },
        },
    });
    await waitFor("the health check to find all well", async () =>
        (await healthy()).join() === "3,3" ? true : undefined,
    );
}, 10 * MINUTES);
afterAll(async () => {
    watching?.abort();
    await bed?.stop();
});

/** How many machines the health check looks at, and how many of them are well. */
async function healthy(): Promise<unknown[]> {
    const { status } = await capi.objects.get("MachineHealthCheck", "impatient");
    return [status?.expectedMachines, status?.currentHealthy];
}

function watchMachines(): Promise<AbortController> {
    const path = `/apis/cluster.x-k8s.io/v1beta2/namespaces/${NAMESPACE}/machines`;
    const record = (_phase: string, { metadata, status }: KindObject) => {
        const condition = status?.conditions?.find(({ type }) => type === "HealthCheckSucceeded");
        said.push(`${metadata.name} ${condition?.status}`);
    };
    return new Watch(sandbox.nodes.api.config).watch(path, {}, record, () => undefined);
}

const names = (deployment: string) => capi.deployments.vms(deployment).map(({ instanceId }) => instanceId);
const deletedMachines = () =>
    capi.deletions().flatMap(({ path }) => /virtualMachines\/([^/]+)$/.exec(path)?.slice(1) ?? []);
const powerOff = (name: string) => computeClient(sandbox.azure).virtualMachines.powerOff(GROUP, name);

/** Waits until a deployment has as many machines again, without this one. */
async function replaced(deployment: string, name: string, replicas: number): Promise<void> {
    await expect.poll(() => names(deployment), { timeout: 3 * MINUTES, interval: 500 }).not.toContain(name);
    await capi.deployments.settled(deployment, replicas);
    expect(deletedMachines()).toContain(name);
}

test("a machine whose disk is captured by a copy stays healthy all the while, and nothing is deleted", async () => {
    const before = names(NAME);
    expect(said).toEqual(expect.arrayContaining(before.map((name) => `${name} True`)));
    said = [];
    const up = (await stack.up("--skip-preview")).orFail();
    expect(up.output).toMatch(/captured the OS disk of node \S+ in .*; the node has never left service/);
    expect(changesIn(up)).toContain(`create InfrastructureRef ${NAME}`);
    await capi.deployments.looksAfter(NAME, 3);
    expect(said.filter((line) => line.endsWith(" False"))).toEqual([]);
    expect(await healthy()).toEqual([3, 3]);
    expect(names(NAME)).toEqual(before);
    expect(deletedMachines()).toEqual([]);
});

test("the same health check replaces a machine whose node is away", async () => {
    const [name] = names(OTHER);
    await powerOff(name);
    await replaced(OTHER, name, 1);
    expect(said).toContain(`${name} False`);
});

test("of the pool it leaves a machine of an older template alone, and says so on the Machine", async () => {
    const [name] = names(NAME);
    await powerOff(name);
    const remediation = async () => {
        const { status } = await capi.objects.get("Machine", name);
        return status?.conditions?.find(({ type }) => type === "OwnerRemediated");
    };
    await expect
        .poll(remediation, { timeout: 2 * MINUTES, interval: 500 })
        .toMatchObject({ status: "False", reason: "CannotBeRemediated" });
    await capi.deployments.looksAfter(NAME, 3);
    expect(names(NAME)).toContain(name);
    expect(deletedMachines()).not.toContain(name);
    await computeClient(sandbox.azure).virtualMachines.start(GROUP, name);
    await capi.deployments.settled(NAME, 2);
});

test("of the pool it replaces a machine of the newest template, by one from the same image", async () => {
    const before = names(NAME);
    await capi.deployments.scale(NAME, 3);
    const [added] = names(NAME).filter((name) => !before.includes(name));
    expect(await capi.objects.list("Machine", `${DEPLOYMENT_LABEL}=${NAME}`)).toHaveLength(3);
    await powerOff(added);
    await replaced(NAME, added, 3);
    expect(names(NAME)).toEqual(expect.arrayContaining(before));
});
