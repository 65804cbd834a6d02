// What keeps a MachinePool's machines: pools that are refused, what is said before an image is written, and what is
// waited for, with the real managers and their webhooks.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readMachinePool } from "../../components/capi/machinePool";
import { create } from "../../components/capi/machinePoolImageProvider";
import { noRolloutOf } from "../../components/capi/refusals";
import { oneLine } from "../../components/core/errors";
import { machinePoolRules } from "../../components/schedule/permissions";
import { NO_ROLLOUT, type ClusterApi } from "../../sandbox/capi";
import type { Stack } from "../../sandbox/engine/stack";
import type { Sandbox } from "../../sandbox/sandbox";
import { serviceAccount, textOf, verbsOf } from "../permissions/support";
import { lineOf } from "../stack/support/pools";
import { npmRun } from "../stack/support/scripts";
import { rebootFirst, startMachinePool, type MachinePoolBed } from "./support";

let bed: MachinePoolBed;
let sandbox: Sandbox;
let capi: ClusterApi;
let stack: Stack;

beforeAll(async () => {
    bed = await startMachinePool({ replicas: 2, rollingUpdate: NO_ROLLOUT });
    ({ sandbox, capi, stack } = bed);
    await rebootFirst(bed);
}, 600_000);
afterAll(() => bed?.stop());

const setAzurePool = (spec: object) => capi.objects.patch("AzureMachinePool", "mp1", { spec });
const setStrategy = (rollingUpdate: object) => setAzurePool({ strategy: { rollingUpdate } });
const annotate = (key: string, value: string | null) =>
    capi.objects.patch("MachinePool", "mp1", { metadata: { annotations: { [key]: value } } });
const label = (key: string, value: string | null) =>
    capi.objects.patch("MachinePool", "mp1", { metadata: { labels: { [key]: value } } });

/** What a preview says of a pool that it refuses. */
async function refusalNow(): Promise<string> {
    const preview = await stack.preview();
    expect(preview.exitCode).not.toBe(0);
    return preview.messages("error").join("\n");
}

test("a pool that would replace its machines is refused, and CAPZ's own webhook takes the advice", async () => {
    await setStrategy({ maxSurge: 1, maxUnavailable: 0 });
    const line = await refusalNow();
    const [, patch] = /kubectl -n default patch azuremachinepool mp1 --type merge -p '(.+?)'/.exec(line) ?? [];
    await capi.objects.patch("AzureMachinePool", "mp1", JSON.parse(patch) as object);
    expect(lineOf((await stack.preview()).orFail(), "mp1")).toContain("image 2026.1116.0412");
});

test("machines that may be unavailable need CAPZ's gate, which is seen at its manager alone", async () => {
    await setStrategy({ maxSurge: 0, maxUnavailable: 1 });
    expect(await refusalNow()).toContain("CAPZ is not seen to run with SkipMachinePoolModelReconciliation");
    await capzManager(false);
    expect(await refusalNow()).toContain("CAPZ runs without SkipMachinePoolModelReconciliation");
    await capzManager(true);
    (await stack.preview()).orFail();
    await setStrategy(NO_ROLLOUT);
});

test("a number of machines that another program sets lets any strategy through", async () => {
    await setStrategy({ maxSurge: 1, maxUnavailable: 0 });
    await annotate("cluster.x-k8s.io/replicas-managed-by", "external-autoscaler");
    (await stack.preview()).orFail();
    await annotate("cluster.x-k8s.io/replicas-managed-by", null);
    expect(await refusalNow()).toContain("CAPZ would replace its machines");
    await setStrategy(NO_ROLLOUT);
});

test("a pool of a ClusterClass and a paused one are refused", async () => {
    await label("topology.cluster.x-k8s.io/owned", "");
    expect(await refusalNow()).toContain("it belongs to a ClusterClass");
    await label("topology.cluster.x-k8s.io/owned", null);
    await annotate("cluster.x-k8s.io/paused", "");
    expect(await refusalNow()).toContain("it or its Cluster is paused");
    await annotate("cluster.x-k8s.io/paused", null);
});

test("a pool that is not there, and the scale set itself, are refused with what to write instead", async () => {
    await stack.configure({ pools: [{ machinePool: "default/none" }] });
    expect(await refusalNow()).toMatch(/pools\[0\]\.machinePool: MachinePool default\/none is not there/);
    await stack.configure({ pools: [{ scaleSet: capi.scaleSet("mp1").id }] });
    expect(await refusalNow()).toMatch(/it belongs to Cluster API .*name its MachinePool instead/);
    await stack.configure({ pools: [{ machinePool: "default/mp1" }] });
});

test("npm run init gives the pool by its MachinePool, which its nodes name", async () => {
    const file = join(sandbox.directory, "Pulumi.new.yaml");
    const flags = ["--stack", "new", "--config-file", file, "--yes"];
    const done = await npmRun("init", flags, sandbox.env);
    expect(done.all).toMatch(/^ {2}mp1 +2 nodes {2}fits$/m);
    expect((parse(readFileSync(file, "utf8")) as { config: object }).config).toMatchObject({
        "kamino:pools": [{ machinePool: "default/mp1" }],
    });
});

test("what CAPZ would write along with the image is named, and then is written", async () => {
    await setAzurePool({ template: { osDisk: { diskSizeGB: 64 } } });
    const preview = (await stack.preview()).orFail();
    expect(preview.messages("warning").join("\n")).toContain(
        "mp1: with the image CAPZ also writes what it has left waiting in the scale set's model: the OS disk's size (30 → 64)",
    );
    (await stack.up("--skip-preview")).orFail();
    const model = () => JSON.stringify(capi.scaleSet("mp1").model);
    await expect.poll(model, { timeout: 60_000 }).toContain('"diskSizeGB":64');
    expect(model()).toContain("/versions/2026.1116.0412");
});

const place = () => ({ nodes: sandbox.nodes, directory: sandbox.directory, cluster: sandbox.cluster });

/** Points the pool at a version, with an account that has these rules in the pool's namespace, or all but one verb. */
async function pointAt(version: string, account?: string): Promise<void> {
    const pool = await readMachinePool({ kubeconfig: capi.kubeconfig }, { namespace: "default", name: "mp1" }, "key");
    const { computeGallery } = pool.azureMachinePool.spec.template.image!;
    await create({
        ...{ configKey: "key", machinePool: "default/mp1", noRollout: noRolloutOf(pool), writes: 0 },
        computeGallery: { ...(computeGallery as Parameters<typeof create>[0]["computeGallery"]), version },
        kubernetes: { kubeconfig: account ?? capi.kubeconfig },
    });
}

async function version(): Promise<string> {
    const { spec } = await capi.objects.get("AzureMachinePool", "mp1");
    return (spec as { template: { image: { computeGallery: { version: string } } } }).template.image.computeGallery
        .version;
}

test("the rights in machine-pools.yaml are enough, and none of them is superfluous", async () => {
    const role = (name: string) => ({
        kind: "Role",
        metadata: { name, namespace: "default" },
        rules: machinePoolRules("up"),
    });
    await pointAt("1.0.1", await serviceAccount(place(), "enough", [role("enough")]));
    expect(await version()).toBe("1.0.1");
    const [events, verbs] = [true, false].map((are) =>
        verbsOf([role("x")]).filter(({ resource }) => (resource === "events") === are),
    );
    expect(events).toHaveLength(1);
    for (const [index, verb] of verbs.entries()) {
        const name = `without-${index}`;
        const account = await serviceAccount(place(), name, [role(name)], verb);
        const refusal = () => pointAt("1.0.2", account).catch(oneLine);
        // The API server takes a moment to know a new role.
        await expect
            .poll(refusal, { timeout: 30_000, message: textOf(verb) })
            .toContain(`cannot ${verb.verb} resource "${verb.resource}"`);
    }
    expect(await version()).toBe("1.0.1");
    // Without the Event all the rest is done.
    await pointAt("1.0.2", await serviceAccount(place(), "without-events", [role("without-events")], events[0]));
    expect(await version()).toBe("1.0.2");
});

test("the image waits until the pool is at rest", async () => {
    await pointAt("2026.1116.0412");
    await capi.objects.patch("MachinePool", "mp1", { spec: { replicas: 3 } });
    await pointAt("1.0.3");
    expect(await version()).toBe("1.0.3");
    expect((await capi.objects.get("AzureMachinePool", "mp1")).status).toMatchObject({ replicas: 3 });
});

/** CAPZ's manager where `clusterctl init` puts it. Here it is a process, and the Deployment only says its gates. */
async function capzManager(gate: boolean): Promise<void> {
    const { core, apps } = sandbox.nodes.api;
    const namespace = "capz-system";
    const labels = { app: "capz" };
    await core.createNamespace({ body: { metadata: { name: namespace } } }).catch(() => undefined);
    const args = [`--feature-gates=MachinePool=true,SkipMachinePoolModelReconciliation=${gate}`];
    const body = {
        metadata: { name: "capz-controller-manager", namespace },
        spec: {
            replicas: 0,
            selector: { matchLabels: labels },
            template: { metadata: { labels }, spec: { containers: [{ name: "manager", image: "capz:1", args }] } },
        },
    };
    const at = { name: body.metadata.name, namespace };
    await apps
        .createNamespacedDeployment({ namespace, body })
        .catch(() => apps.replaceNamespacedDeployment({ ...at, body }));
}
