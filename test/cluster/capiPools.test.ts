// A pool of Cluster API gets an Event on its object when its image is written, and `npm run status` reads what a
// preview reads, with the rights of deploy/permissions/. The API server is real; the kinds are there without managers.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppsV1Api, CustomObjectsApi, PatchStrategy, setHeaderOptions, type V1Role } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { create as pointMachines } from "../../components/capi/infrastructureRefProvider";
import { create as pointPool } from "../../components/capi/machinePoolImageProvider";
import { CORE, INFRASTRUCTURE } from "../../components/capi/objects";
import {
    machinePoolGateRules,
    machinePoolRules,
    machinesRules,
    type Rule,
} from "../../components/schedule/permissions";
import type { PoolSettings } from "../../components/config/load";
import { readCapi } from "../../runner/status/capi";
import { startCluster, type Cluster } from "../../sandbox/cluster";
import { apiOf, type Api } from "../../sandbox/nodes/api";
import { refusalOf, serviceAccount, type Verb } from "../permissions/support";
import { makeKinds, makeObject } from "./capiKinds";
import { capiPool } from "../unit/capi/facts";
import { capiMachines, templateSpec } from "../unit/capi/machinesFacts";

const namespace = "default";
const MACHINE_POOLS: Verb = { verb: "get", group: CORE, resource: "machinepools", namespace };
const EVENTS: Verb = { verb: "create", group: "", resource: "events", namespace };

let directory: string;
let cluster: Cluster;
let api: Api;

beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "kamino image events "));
    cluster = await startCluster(join(directory, "cluster"));
    api = apiOf(cluster.kubeconfig);
    await makeKinds(api);
    const { machinePool, azureMachinePool } = capiPool();
    await makeObject(api, "MachinePool", machinePool);
    await makeObject(api, "AzureMachinePool", azureMachinePool);
    const relying = capiPool({
        metadata: { namespace, name: "mp2" },
        machinePool: { template: { spec: { infrastructureRef: { kind: "AzureMachinePool", name: "mp2" } } } },
        spec: { strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } } },
    });
    await makeObject(api, "MachinePool", relying.machinePool);
    await makeObject(api, "AzureMachinePool", relying.azureMachinePool);
    const { owner } = capiMachines({ spec: { replicas: 0 }, status: { replicas: 0, observedGeneration: 99 } });
    await makeObject(api, "MachineDeployment", owner);
    await makeObject(api, "AzureMachineTemplate", { metadata: { namespace, name: "md1" }, spec: templateSpec() });
}, 120_000);
afterAll(async () => {
    await cluster?.stop();
    rmSync(directory, { recursive: true, force: true });
});

function account(name: string, rules: Rule[], without?: Verb): Promise<string> {
    const role: V1Role = { kind: "Role", metadata: { name, namespace }, rules };
    return serviceAccount({ nodes: { api }, directory, cluster }, name, [role], without);
}

/** As `kubectl describe` looks for them. */
async function eventsOn(kind: string, name: string) {
    const fieldSelector = `involvedObject.kind=${kind},involvedObject.name=${name},involvedObject.namespace=${namespace}`;
    const { items } = await api.core.listNamespacedEvent({ namespace, fieldSelector });
    return items.sort((a, b) => Number(a.firstTimestamp) - Number(b.firstTimestamp));
}

const gallery = (version: string) => ({
    ...{ subscriptionID: "11111111-1111-1111-1111-111111111111", resourceGroup: "capz" },
    ...{ gallery: "kamino", name: "mp1", version },
});

function pointAt(version: string, kubeconfig: string) {
    return pointPool({
        ...{ configKey: "key", machinePool: "default/mp1", writes: 0, kubernetes: { kubeconfig } },
        ...{ computeGallery: gallery(version), noRollout: { maxSurge: 0, maxUnavailable: "0%" } },
    });
}

test("a MachinePool's images are Events on it, one for each that was written", async () => {
    const kubeconfig = await account("pool", machinePoolRules("up"));
    for (const version of ["2026.1116.0412", "2026.1117.0412", "2026.1117.0412"]) {
        await pointAt(version, kubeconfig);
    }
    const events = await eventsOn("MachinePool", "mp1");
    expect(events.map(({ type, reason, message }) => [type, reason, message])).toEqual([
        ["Normal", "ImageChanged", "image of new machines: 2026.1116.0412 (AzureMachinePool mp1)"],
        ["Normal", "ImageChanged", "image of new machines: 2026.1116.0412 → 2026.1117.0412 (AzureMachinePool mp1)"],
    ]);
    const { metadata } = (await api.config.makeApiClient(CustomObjectsApi).getNamespacedCustomObject({
        ...{ group: CORE, version: "v1beta2", namespace, plural: "machinepools", name: "mp1" },
    })) as { metadata: { uid: string } };
    expect(events[0].involvedObject).toMatchObject({ apiVersion: `${CORE}/v1beta2`, uid: metadata.uid });
});

test("without the right to Events the image is written all the same, and a warning names the right", async () => {
    const said = vi.spyOn(console, "error").mockImplementation(() => undefined);
    try {
        await pointAt("2026.1118.0412", await account("silent", machinePoolRules("up"), EVENTS));
        const lines = said.mock.calls.flat().join("\n");
        expect(lines).toContain("MachinePool default/mp1 has no Event about its image, which is written: ");
        expect(lines).toContain(refusalOf(EVENTS));
    } finally {
        said.mockRestore();
    }
    expect(await eventsOn("MachinePool", "mp1")).toHaveLength(2);
});

test("a MachineDeployment that is pointed at another template has an Event with image and template", async () => {
    const kubeconfig = await account("machines", machinesRules("up"));
    const name = "md1-2026.1116.0412";
    const spec = templateSpec({ image: { computeGallery: gallery("2026.1116.0412") } });
    await makeObject(api, "AzureMachineTemplate", { metadata: { namespace, name }, spec });
    await pointMachines({
        ...{ configKey: "key", writes: 0, strategy: "OnDelete", infrastructureRef: { name } },
        machines: "MachineDeployment default/md1",
        at: { kind: "MachineDeployment", namespace, name: "md1", kubernetes: { kubeconfig } },
    });
    expect((await eventsOn("MachineDeployment", "md1")).map(({ message }) => message)).toEqual([
        "image of new machines: 2026.1116.0412 (AzureMachineTemplate md1-2026.1116.0412)",
    ]);
});

const statusOf = (pool: Partial<PoolSettings>, kubeconfig: string) => readCapi(pool as PoolSettings, { kubeconfig });

test("npm run status reads what a preview reads of a pool, with the rights of a preview", async () => {
    const pool = await statusOf(
        { machinePool: { namespace, name: "mp1" } },
        await account("pool-reader", machinePoolRules("preview")),
    );
    expect(pool).toMatchObject({
        facts: { refusal: undefined, waitsFor: undefined, kubelet: "v1.34.2" },
        live: { image: expect.stringMatching(/\/images\/mp1\/versions\/2026\.1118\.0412$/) as string },
    });
    const machines = await statusOf(
        { machines: { kind: "MachineDeployment", namespace, name: "md1" } },
        await account("machines-reader", machinesRules("preview")),
    );
    expect(machines).toMatchObject({ facts: { kubelet: "v1.34.2" }, singleVms: [] });
});

test("of a pool that relies on CAPZ's gate the refusal names the right to see it, which a scheduled run has", async () => {
    const at = { machinePool: { namespace, name: "mp2" } };
    const missing = "the right to get Deployment capz-system/capz-controller-manager is missing";
    const refusal = (said: object) => ({ facts: { refusal: said } });
    const without = await account("without-gate", machinePoolRules("preview"));
    expect(await statusOf(at, without)).toMatchObject(refusal(expect.stringContaining(missing) as object));
    const gate = { kind: "ClusterRole", metadata: { name: "gate" }, rules: machinePoolGateRules };
    const pools = { kind: "Role", metadata: { name: "pools", namespace }, rules: machinePoolRules("preview") };
    const scheduled = await serviceAccount({ nodes: { api }, directory, cluster }, "with-gate", [pools, gate]);
    expect(await statusOf(at, scheduled)).toMatchObject(refusal(expect.not.stringContaining(missing) as object));

    const metadata = { namespace: "capz-system", name: "capz-controller-manager" };
    await api.core.createNamespace({ body: { metadata: { name: metadata.namespace } } });
    const labels = { app: "capz" };
    const args = ["--feature-gates=SkipMachinePoolModelReconciliation=true"];
    const template = { metadata: { labels }, spec: { containers: [{ name: "manager", image: "capz", args }] } };
    const apps = api.config.makeApiClient(AppsV1Api);
    const spec = { selector: { matchLabels: labels }, template };
    await apps.createNamespacedDeployment({ namespace: metadata.namespace, body: { metadata, spec } });
    expect(await statusOf(at, scheduled)).toMatchObject({ facts: { refusal: undefined } });
});

test("npm run status says what it may not read of a MachinePool, and that it is refused as a preview would", async () => {
    const at = { machinePool: { namespace, name: "mp1" } };
    expect(await statusOf(at, await account("nobody", machinePoolRules("preview"), MACHINE_POOLS))).toEqual({
        unknown: expect.stringContaining(refusalOf(MACHINE_POOLS)) as string,
    });
    const body = { spec: { strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } } };
    await api.config
        .makeApiClient(CustomObjectsApi)
        .patchNamespacedCustomObject(
            { group: INFRASTRUCTURE, version: "v1beta1", namespace, plural: "azuremachinepools", name: "mp1", body },
            setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
        );
    const refused = await statusOf(at, await account("reader", machinePoolRules("preview")));
    expect(refused).toMatchObject({
        facts: { refusal: expect.stringContaining("MachinePool default/mp1 is refused: CAPZ would replace") as string },
    });
});
