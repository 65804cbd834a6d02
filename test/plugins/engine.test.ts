// Both provider stand-ins under the real engine: adopt, change, refresh, replace and destroy, as a person would type it.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AzureSandbox, ScaleSet } from "../../sandbox/azure";
import { type Cluster, startCluster } from "../../sandbox/cluster";
import { Stack } from "../../sandbox/engine/stack";
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
        ["create note", "create gallery", "create plugins-test", "import pool"].sort(),
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
    expect(JSON.stringify(await stack.resources())).not.toContain("hush");
});

test("a refresh of what nobody changed finds nothing", async () => {
    const refreshed = (await stack.refresh()).orFail();
    expect(refreshed.summary.update ?? 0).toBe(0);
    expect((await stack.preview()).orFail().changes).toEqual([]);
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
