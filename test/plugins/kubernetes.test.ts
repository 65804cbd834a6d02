// The kubernetes stand-in against a real API server: objects of any kind by server-side apply.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Cluster, startCluster } from "../../sandbox/cluster";
import { UNKNOWN, type Properties, secret } from "../../sandbox/plugins/protocol/values";
import { PluginProcess, type State, urn } from "./pluginProcess";

const NAMESPACE = urn("kubernetes:core/v1:Namespace");
const CONFIG_MAP = urn("kubernetes:core/v1:ConfigMap");
const SECRET = urn("kubernetes:core/v1:Secret");
const CRON_JOB = urn("kubernetes:batch/v1:CronJob");
const ROLE_BINDING = urn("kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding");
const DEFINITION = urn("kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition");

let cluster: Cluster;
let plugin: PluginProcess;

beforeAll(async () => {
    cluster = await startCluster(fs.mkdtempSync(path.join(os.tmpdir(), "kamino cluster ")));
    plugin = await PluginProcess.start("kubernetes", { KUBECONFIG: cluster.kubeconfig });
});

afterAll(async () => {
    plugin?.stop();
    await cluster?.stop();
});

/** As the engine does: checked first, then created. */
async function created(type: string, said: Properties): Promise<State & { inputs: Properties }> {
    const { inputs, failures } = await plugin.check(type, said);
    expect(failures).toEqual([]);
    return { ...(await plugin.create(type, inputs)), inputs };
}

function configMap(name: string, data: Properties): Properties {
    return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data };
}

test("an object is made in the context's namespace, changed, and gone once deleted", async () => {
    const made = await created(CONFIG_MAP, configMap("settings", { a: "1", b: "1" }));
    expect(made.id).toBe("default/settings");
    expect(made.outputs).toMatchObject({ data: { a: "1", b: "1" }, metadata: { namespace: "default" } });
    expect(made.outputs.metadata).not.toHaveProperty("managedFields");

    const updated = await plugin.update(CONFIG_MAP, made, configMap("settings", { a: "2" }));
    expect(updated.outputs.data).toEqual({ a: "2" });

    await plugin.delete(CONFIG_MAP, made);
    expect(await plugin.read(CONFIG_MAP, made.id, made.outputs)).toMatchObject({ id: "" });
});

test("what other managers set stays as they have it", async () => {
    const metadata = { name: "shared", labels: { "kubernetes.io/metadata.name": "shared" } };
    const made = await created(NAMESPACE, { metadata: { name: "shared" } });
    expect(made.id).toBe("shared");
    const updated = await plugin.update(NAMESPACE, made, {
        ...made.inputs,
        metadata: { name: "shared", annotations: { a: "b" } },
    });
    expect(updated.outputs.metadata).toMatchObject({ ...metadata, annotations: { a: "b" } });
    expect(updated.outputs.spec).toEqual({ finalizers: ["kubernetes"] });
});

test("deleting a namespace waits until it and all in it are gone", async () => {
    const made = await created(NAMESPACE, { metadata: { name: "short-lived" } });
    await created(CONFIG_MAP, { metadata: { name: "in-it", namespace: "short-lived" }, data: {} });
    await plugin.delete(NAMESPACE, made);
    expect(await plugin.read(NAMESPACE, made.id, made.outputs)).toMatchObject({ id: "" });
});

test("a preview is the API server's own dry run, with its defaults and its refusals, and changes nothing", async () => {
    const container = { name: "c", image: "i" };
    const job = { template: { spec: { restartPolicy: "Never", containers: [container] } } };
    const cronJob = {
        ...(await plugin.check(CRON_JOB, { metadata: { name: "nightly" } })).inputs,
        spec: { schedule: "0 3 * * *", jobTemplate: { spec: job } },
    };
    const { outputs } = await plugin.create(CRON_JOB, cronJob, { preview: true });
    expect(outputs.spec).toMatchObject({ concurrencyPolicy: "Allow", successfulJobsHistoryLimit: 3 });
    expect(await plugin.read(CRON_JOB, "default/nightly")).toMatchObject({ id: "" });

    const wrong = { ...cronJob, spec: { schedule: "at three", jobTemplate: { spec: job } } };
    await expect(plugin.create(CRON_JOB, wrong, { preview: true })).rejects.toThrow(
        /CronJob nightly: .*spec\.schedule/,
    );
});

test("a preview of what is not known yet, or lives in a namespace that is not there yet, shows the inputs", async () => {
    const unknown = configMap("later", { token: UNKNOWN });
    expect((await plugin.create(CONFIG_MAP, unknown, { preview: true })).outputs.data).toEqual({ token: UNKNOWN });
    const elsewhere = { ...configMap("later", {}), metadata: { name: "later", namespace: "to-be-made" } };
    expect((await plugin.create(CONFIG_MAP, elsewhere, { preview: true })).outputs).toEqual(elsewhere);
});

test("names that a program leaves out are made up, and stay", async () => {
    const { inputs } = await plugin.check(CONFIG_MAP, { data: { a: "1" } });
    expect(inputs).toMatchObject({ apiVersion: "v1", kind: "ConfigMap" });
    expect((inputs.metadata as Properties).name).toMatch(/^it-[0-9a-f]{8}$/);
    expect((await plugin.check(CONFIG_MAP, { data: { a: "2" } }, inputs)).inputs.metadata).toEqual(inputs.metadata);
});

test("a diff replaces only for what cannot be changed", async () => {
    const role = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" };
    const made = await created(ROLE_BINDING, { metadata: { name: "viewers" }, roleRef: role, subjects: [] });
    const subjects = [{ kind: "ServiceAccount", name: "a", namespace: "default" }];
    const changed = await plugin.diff(ROLE_BINDING, made, { ...made.inputs, subjects });
    expect(changed).toMatchObject({ detailed: { "subjects[0]": "ADD" }, replaces: [] });

    const other = await plugin.diff(ROLE_BINDING, made, { ...made.inputs, roleRef: { ...role, name: "edit" } });
    expect(other).toMatchObject({ detailed: { "roleRef.name": "UPDATE_REPLACE" }, deleteBeforeReplace: true });
    const renamed = await plugin.diff(ROLE_BINDING, made, { ...made.inputs, metadata: { name: "others" } });
    expect(renamed).toMatchObject({ replaces: ["metadata.name"], deleteBeforeReplace: false });
});

test("a refresh sees what was changed behind the stack's back, and an import takes what a program would say", async () => {
    const made = await created(CONFIG_MAP, configMap("drifting", { a: "1" }));
    const unchanged = await plugin.read(CONFIG_MAP, made.id, made.outputs, made.inputs);
    expect(unchanged.inputs).toEqual(made.inputs);

    await plugin.update(CONFIG_MAP, made, configMap("drifting", { a: "by hand" }));
    const refreshed = await plugin.read(CONFIG_MAP, made.id, made.outputs, made.inputs);
    expect(refreshed.inputs).toEqual({ ...made.inputs, data: { a: "by hand" } });

    const imported = await plugin.read(CONFIG_MAP, made.id);
    expect(imported.inputs).toEqual({
        ...{ apiVersion: "v1", kind: "ConfigMap", data: { a: "by hand" } },
        metadata: { name: "drifting", namespace: "default" },
    });
});

test("a secret's data is a secret in the state, also where the API server has it under another name", async () => {
    const stringData = secret({ token: "hush" });
    const made = await created(SECRET, { metadata: { name: "token" }, stringData });
    expect(made.outputs.__inputs).toEqual(
        secret(expect.objectContaining({ stringData: { token: "hush" } }) as Properties),
    );
    expect(made.outputs.data).toEqual(secret({ token: Buffer.from("hush").toString("base64") }));
    const refreshed = await plugin.read(SECRET, made.id, made.outputs, made.inputs);
    expect(refreshed.inputs.stringData).toEqual(stringData);
});

test("kinds that the cluster learned in the same run are served, too", async () => {
    const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
    const version = { name: "v1", served: true, storage: true, schema };
    const definition = await created(DEFINITION, {
        metadata: { name: "fruits.example.com" },
        spec: {
            group: "example.com",
            scope: "Namespaced",
            names: { plural: "fruits", kind: "Fruit" },
            versions: [version],
        },
    });
    const fruit = urn("kubernetes:example.com/v1:Fruit");
    const inputs = { apiVersion: "example.com/v1", kind: "Fruit", metadata: { name: "apple" }, taste: { sweet: true } };
    // The API server serves a new kind a moment after it has accepted its definition.
    await expect.poll(() => plugin.create(fruit, inputs).catch(() => undefined)).toBeTruthy();
    expect(await plugin.read(fruit, "default/apple")).toMatchObject({ inputs: { taste: { sweet: true } } });
    await plugin.delete(DEFINITION, definition);
});

test("no cluster, an unknown context and a kind that is not served are said in one line", async () => {
    const home = fs.mkdtempSync(path.join(os.tmpdir(), "kamino home "));
    const cases: [NodeJS.ProcessEnv, Record<string, string>, RegExp][] = [
        [{ HOME: home }, {}, /no cluster to talk to: set kubernetes:kubeconfig or KUBECONFIG/],
        [{ KUBECONFIG: "/nowhere" }, {}, /the kubeconfig \/nowhere is not there/],
        [{ KUBECONFIG: cluster.kubeconfig }, { context: "moon" }, /the kubeconfig has no context "moon"/],
    ];
    for (const [env, config, message] of cases) {
        const lost = await PluginProcess.start("kubernetes", env, config);
        await expect(lost.read(CONFIG_MAP, "default/x")).rejects.toThrow(message);
        lost.stop();
    }
    await expect(plugin.read(urn("kubernetes:core/v1:PodList"), "default/x")).rejects.toThrow(/PodList is not served/);
    const thing = { apiVersion: "nowhere.io/v1", kind: "Thing", metadata: { name: "x" } };
    const making = plugin.create(urn("kubernetes:nowhere.io/v1:Thing"), thing);
    await expect(making).rejects.toThrow(/Thing x: the cluster has no kind Thing in nowhere.io\/v1/);
});
