// The azure-native stand-in and the official Kubernetes provider under the real engine: adopt, change, refresh, replace
// and destroy, as a person would type it.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AzureSandbox, ScaleSet } from "../../sandbox/azure";
import { type Cluster, startCluster } from "../../sandbox/cluster";
import { Stack } from "../../sandbox/engine/stack";
import { apiOf } from "../../sandbox/nodes/api";
import { startForTest } from "../azure/support";

let azure: AzureSandbox;
let close: () => Promise<void>;
let cluster: Cluster;
let pool: ScaleSet;
let stack: Stack;
let runDirectory: string;

beforeAll(async () => {
    runDirectory = fs.mkdtempSync(path.join(os.tmpdir(), "kamino plugins "));
    [{ azure, close }, cluster] = await Promise.all([startForTest(), startCluster(path.join(runDirectory, "cluster"))]);
    azure.createResourceGroup("engine", "westeurope");
    pool = await azure.createScaleSet({ name: "pool1", resourceGroup: "engine", capacity: 1 });
    stack = await Stack.create({
        ...{ runDirectory, program: path.join(__dirname, "program") },
        env: { ...process.env, ...azure.env, KUBECONFIG: cluster.kubeconfig },
        config: { group: "engine", scaleSet: pool.name, gallery: "images" },
        secrets: { description: "hush" },
    });
});

afterAll(async () => {
    await cluster?.stop();
    await close?.();
    fs.rmSync(runDirectory, { recursive: true, force: true });
});

test("a preview creates and imports, changes nothing, and warns of nothing", async () => {
    azure.requests.clear();
    const preview = (await stack.preview()).orFail();
    expect(preview.changes.sort()).toEqual(
        ["create note", "create token", "create gallery", "create plugins-test", "import pool"].sort(),
    );
    expect(preview.output).not.toMatch(/warning/i);
    expect(azure.requests.writes()).toEqual([]);
});

test("an update adopts the scale set without touching it, and a second one finds all unchanged", async () => {
    azure.requests.clear();
    (await stack.up()).orFail();
    expect(azure.requests.writes().map(({ method, path: at }) => `${method} ${at.split("/").pop()}`)).toEqual([
        "PUT images",
    ]);
    const again = (await stack.up()).orFail();
    expect(again.changes).toEqual([]);
    const [state, encoded] = [JSON.stringify(await stack.resources()), Buffer.from("hush").toString("base64")];
    expect(state).not.toContain("hush");
    expect(state).not.toContain(encoded);
    expect(await stack.outputs()).toMatchObject({ note: expect.stringMatching(/^note-[0-9a-f]{8}$/) as string });
});

test("a provider of another subscription makes its resources there", async () => {
    const other = azure.addSubscription("other");
    azure.createResourceGroup("engine", "westeurope", other);
    azure.requests.clear();
    await stack.configure({ otherSubscription: other });
    expect((await stack.up("--skip-preview")).orFail().changes).toEqual(["create elsewhere"]);
    expect(azure.requests.writes().map(({ path: at }) => at)).toEqual([
        `/subscriptions/${other}/resourceGroups/engine/providers/Microsoft.Compute/galleries/images`,
    ]);
    await stack.configure({ otherSubscription: undefined });
    expect((await stack.up("--skip-preview")).orFail().changes).toEqual(["delete elsewhere"]);
});

test("a preview asks the API server, which refuses what it would not take", async () => {
    await stack.configure({ schedule: "at three" });
    const refused = await stack.preview();
    expect(refused.exitCode).not.toBe(0);
    expect(refused.output).toMatch(/nightly.*spec\.schedule: Invalid value: "at three"/s);
    await stack.configure({ schedule: "0 3 * * *" });
    expect((await stack.preview()).orFail().changes).toEqual(["create nightly"]);
    await stack.configure({ schedule: undefined });
});

test("a command ends when its work is done: every plugin leaves when the engine asks it to", async () => {
    const { stderr } = (await stack.preview("--logtostderr", "-v=9")).orFail();
    const lines = stderr.split("\n").filter((line) => line.startsWith("{"));
    const times = lines.map((line) => JSON.parse(line) as { time: string; msg: string });
    const asked = times.filter(({ msg }) => msg.startsWith("killing plugin")).map(({ time }) => Date.parse(time));
    // The language host is asked once more before: it told the engine about the program.
    expect(asked.length).toBeGreaterThanOrEqual(3);
    // The engine kills a plugin that stays for five seconds, one after the other.
    expect(Date.parse(times.at(-1)?.time ?? "") - Math.min(...asked.slice(-3))).toBeLessThan(4000);
});

test("a refresh of what nobody changed finds nothing", async () => {
    const refreshed = (await stack.refresh()).orFail();
    expect(refreshed.summary.update ?? 0).toBe(0);
    expect((await stack.preview()).orFail().changes).toEqual([]);
});

test("a refresh finds what was deleted in the cluster behind the stack's back, and the next run makes it again", async () => {
    const { note } = await stack.outputs<{ note: string }>();
    await apiOf(cluster.kubeconfig).core.deleteNamespacedConfigMap({ name: note, namespace: "default" });
    expect((await stack.refresh()).orFail().summary.delete).toBe(1);
    expect((await stack.up("--skip-preview")).orFail().changes).toEqual(["create note"]);
});

test("a preview names the property of the model that changes, by its whole path", async () => {
    await stack.configure({
        imageId: `${pool.id.split("/virtualMachineScaleSets")[0]}/galleries/images/images/i/versions/1.0.0`,
    });
    const preview = (await stack.preview()).orFail();
    const step = preview.steps.find(({ name }) => name === "pool");
    expect(step?.op).toBe("update");
    expect(step?.diffs).toContain("virtualMachineProfile.storageProfile.imageReference.id");
    await stack.configure({ imageId: undefined });
});

test("a new name replaces, the old one deleted first", async () => {
    await stack.configure({ gallery: "others" });
    const up = (await stack.up()).orFail();
    expect(up.changes.filter((change) => change.endsWith(" gallery"))).toEqual([
        "delete-replaced gallery",
        "replace gallery",
        "create-replacement gallery",
    ]);
    expect(await stack.outputs()).toMatchObject({ gallery: expect.stringMatching(/galleries\/others$/) as unknown });
});

test("a failure is Azure's own words, without a stack trace, and the next run mends it", async () => {
    azure.faults.failOperation({
        method: "PUT",
        path: /galleries\/mended$/,
        times: 1,
        code: "Broken",
        message: "Try again.",
    });
    await stack.configure({ gallery: "mended" });
    const failed = await stack.up();
    expect(failed.exitCode).not.toBe(0);
    expect(failed.output).toContain("Try again.");
    expect(failed.output).not.toMatch(/\n\s+at \S+ \(/);
    (await stack.up()).orFail();
    expect(await stack.outputs()).toMatchObject({ gallery: expect.stringMatching(/galleries\/mended$/) as unknown });
});

test("destroy takes away what the stack made", async () => {
    const state = await stack.resources();
    const adopted = state.find(({ type }) => type.endsWith(":VirtualMachineScaleSet"));
    (await stack.run("state", "delete", adopted?.urn ?? "", "--yes", "--target-dependents")).orFail();
    (await stack.destroy()).orFail();
    expect(azure.scaleSets().map(({ name }) => name)).toEqual([pool.name]);
});
