// What goes wrong while the whole program runs, and what others do to the pool meanwhile: nothing is lost, overwritten
// or rolled out.
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Outcome } from "../../sandbox/engine/outcome";
import type { Stack } from "../../sandbox/engine/stack";
import { FAST } from "../../sandbox/azure";
import { ConnectionReset } from "../../sandbox/azure/faults";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { computeClient } from "../azure/support";
import { IN_SERVICE, guardedPod, serviceOf } from "./support/capture";
import {
    changesIn,
    imageOf,
    machinesOf,
    patch,
    poolStack,
    scaleSetOf,
    versionsInGallery,
    writes,
} from "./support/pools";
import { killAll } from "./support/processes";

const MINUTE = 60_000;
const FIRST = "2026.1116.0412";
const SECOND = "2026.1116.0600";

let sandbox: Sandbox;
let stack: Stack;

beforeAll(async () => {
    sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 4 }] });
    await patch(sandbox, "pool1", 0, "2026-11-16T04:12:00Z");
    stack = await poolStack(sandbox, ["pool1"], { drainTimeout: "3s" });
}, 10 * MINUTE);
afterAll(() => sandbox?.stop());
beforeEach(() => sandbox.azure.requests.clear());
afterEach(() => {
    sandbox.azure.faults.clear();
    Object.assign(sandbox.azure.durations, FAST);
});

async function expectInService(index: number) {
    await sandbox.nodes.settled();
    expect(await serviceOf(sandbox, machinesOf(sandbox, "pool1")[index])).toMatchObject(IN_SERVICE);
}

/** What a failed run says of its failures, without a stack trace. */
function errorIn({ exitCode, output }: Outcome): string {
    expect(exitCode).not.toBe(0);
    expect(output).not.toMatch(/^\s+at .*:\d+:\d+/m);
    return output.slice(output.indexOf("Diagnostics:"));
}

const scaleSets = () => computeClient(sandbox.azure).virtualMachineScaleSets;

test("a first up that fails half-way leaves the pool as it was, and the next one starts over and adopts", async () => {
    const { model } = scaleSetOf(sandbox, "pool1");
    const message = "the replication broke off";
    sandbox.azure.faults.failOperation({ path: /\/versions\//, method: "PUT", times: 1, code: "Internal", message });
    const failed = await stack.up("--skip-preview");
    expect(errorIn(failed)).toContain(message);
    expect(scaleSetOf(sandbox, "pool1").model).toEqual(model);
    await expectInService(0);

    const preview = (await stack.preview()).orFail();
    expect(changesIn(preview)).toContain("import VirtualMachineScaleSet pool1");
    (await stack.up("--skip-preview")).orFail();
    expect(await versionsInGallery(sandbox, "pool1")).toEqual([FIRST]);
    expect(scaleSetOf(sandbox, "pool1").model).toEqual(model);
    (await stack.up("--skip-preview")).orFail();
    expect(imageOf(sandbox, "pool1")).toBe(FIRST);
});

test("a version that Azure failed to make goes when a newer node takes its place", async () => {
    sandbox.azure.faults.failOperation({
        path: /\/versions\//,
        method: "PUT",
        times: 1,
        code: "Internal",
        message: "no",
    });
    await patch(sandbox, "pool1", 3, "2026-11-16T05:00:00Z");
    expect((await stack.up("--skip-preview")).exitCode).not.toBe(0);
    await patch(sandbox, "pool1", 2, "2026-11-16T06:00:00Z");
    (await stack.up("--skip-preview")).orFail();
    expect(await versionsInGallery(sandbox, "pool1")).toEqual([FIRST, SECOND]);
    expect(imageOf(sandbox, "pool1")).toBe(SECOND);
});

test("what the autoscaler and the cloud provider do to the scale set while an image is made stays", async () => {
    await patch(sandbox, "pool1", 1, "2026-11-17T04:12:00Z");
    sandbox.azure.faults.neverEnd({ path: /\/versions\//, method: "PUT", times: 1 });
    const { id, name, resourceGroup } = scaleSetOf(sandbox, "pool1");
    const running = stack.start("up", "--skip-preview");
    await running.said("the node is back in service");
    await sandbox.azure.setCapacity(id, 6);
    const meanwhile = await scaleSets().get(resourceGroup, name);
    const [nic] = meanwhile.virtualMachineProfile?.networkProfile?.networkInterfaceConfigurations ?? [];
    const pools = nic.ipConfigurations?.[0].loadBalancerBackendAddressPools;
    const internal = {
        id: `${pools?.[0].id?.replace(/[^/]+\/backendAddressPools.*/, "")}internal/backendAddressPools/internal`,
    };
    pools?.push(internal);
    await scaleSets().beginCreateOrUpdateAndWait(resourceGroup, name, { ...meanwhile, sku: undefined });
    expect(imageOf(sandbox, "pool1")).toBe(SECOND);
    await expect.poll(() => writes(sandbox), { timeout: MINUTE }).toContain("PUT versions/2026.1117.0412");

    sandbox.azure.faults.clear();
    (await running.outcome).orFail();
    expect(imageOf(sandbox, "pool1")).toBe("2026.1117.0412");
    const after = await scaleSets().get(resourceGroup, name);
    expect(after.sku?.capacity).toBe(6);
    const [nicAfter] = after.virtualMachineProfile?.networkProfile?.networkInterfaceConfigurations ?? [];
    expect(nicAfter.ipConfigurations?.[0].loadBalancerBackendAddressPools).toContainEqual(internal);
    expect(machinesOf(sandbox, "pool1")).toHaveLength(6);
});

test("with a plan file a model that was changed since the review stops the update instead of being overwritten", async () => {
    await patch(sandbox, "pool1", 2, "2026-11-18T04:12:00Z");
    const plan = join(sandbox.directory, "plan.json");
    (await stack.preview("--save-plan", plan)).orFail();
    const { name, resourceGroup, model } = scaleSetOf(sandbox, "pool1");
    await scaleSets().beginUpdateAndWait(resourceGroup, name, {
        tags: { ...(model.tags as Record<string, string>), owner: "someone else" },
    });
    sandbox.azure.requests.clear();
    const up = await stack.up("--plan", plan, "--skip-preview");
    expect(up.exitCode).not.toBe(0);
    expect(up.output).toMatch(/violates plan/);
    expect(writes(sandbox).filter((write) => write.includes("virtualMachineScaleSets/"))).toEqual([]);
    expect(imageOf(sandbox, "pool1")).toBe("2026.1117.0412");
    await expectInService(2);
});

test("a model that Azure does not take is one line, and the next up writes it; the image is not made again", async () => {
    sandbox.azure.faults.fail({
        ...{ path: /virtualMachineScaleSets\/[^/]+$/, method: "PUT", times: 1 },
        ...{ status: 409, code: "OperationNotAllowed", message: "Another operation is in progress on this scale set." },
    });
    const failed = await stack.up("--skip-preview");
    expect(errorIn(failed)).toContain("Another operation is in progress");
    sandbox.azure.requests.clear();
    (await stack.up("--skip-preview")).orFail();
    expect(writes(sandbox)).toEqual([
        `PUT virtualMachineScaleSets/${scaleSetOf(sandbox, "pool1").name}`,
        `DELETE versions/${FIRST}`,
    ]);
    expect(imageOf(sandbox, "pool1")).toBe("2026.1118.0412");
});

test("throttling is waited for", async () => {
    await patch(sandbox, "pool1", 3, "2026-11-19T04:12:00Z");
    sandbox.azure.faults.throttle({ path: /virtualMachines\/\d+\/instanceView/, times: 2 });
    sandbox.azure.faults.throttle({ path: /\/versions\//, method: "PUT", times: 1 });
    (await stack.up("--skip-preview")).orFail();
    expect(imageOf(sandbox, "pool1")).toBe("2026.1119.0412");
});

test("a disruption budget that never lets go ends the run in one line, with the node in service and the model as it was", async () => {
    await patch(sandbox, "pool1", 0, "2026-11-20T04:12:00Z");
    const lift = await guardedPod(sandbox, machinesOf(sandbox, "pool1")[0]);
    const failed = await stack.up("--skip-preview");
    expect(errorIn(failed)).toMatch(
        /pool1: capturing node \S+ failed: at step "drain": .*web.*; the node is back in service/,
    );
    expect(imageOf(sandbox, "pool1")).toBe("2026.1119.0412");
    await expectInService(0);
    await lift();
    (await stack.up("--skip-preview")).orFail();
    expect(imageOf(sandbox, "pool1")).toBe("2026.1120.0412");
    await expectInService(0);
});

test("Ctrl-C in the middle of a capture restores the node, and the next up takes it", async () => {
    await patch(sandbox, "pool1", 1, "2026-11-21T04:12:00Z");
    sandbox.azure.durations.snapshot = 6000;
    const running = stack.start("up", "--skip-preview");
    await running.said("taking a snapshot");
    running.interrupt();
    const stopped = await running.outcome;
    expect(stopped.exitCode).not.toBe(0);
    expect(stopped.output).not.toMatch(/^\s+at .*:\d+:\d+/m);
    await expectInService(1);
    Object.assign(sandbox.azure.durations, FAST);
    (await stack.up("--skip-preview")).orFail();
    expect(imageOf(sandbox, "pool1")).toBe("2026.1121.0412");
});

test("a run that is killed while Azure makes the image leaves one that no stack knows: the next run makes it anew", async () => {
    await patch(sandbox, "pool1", 2, "2026-11-22T04:12:00Z");
    sandbox.azure.faults.neverEnd({ path: /\/versions\//, method: "PUT", times: 1 });
    const running = stack.start("up", "--skip-preview");
    await expect.poll(() => writes(sandbox), { timeout: MINUTE }).toContain("PUT versions/2026.1122.0412");
    running.kill();
    await running.outcome;
    (await stack.run("cancel", "--yes")).orFail();
    // Azure goes on, and is asked to make it only once at a time.
    const meanwhile = await stack.up("--skip-preview");
    expect(errorIn(meanwhile)).toContain(
        "image version 2026.1122.0412, left by a run that was interrupted, is still being made",
    );
    sandbox.azure.faults.clear();
    await sandbox.azure.settled();
    sandbox.azure.requests.clear();
    (await stack.up("--skip-preview")).orFail();
    expect(await versionsInGallery(sandbox, "pool1")).toContain("2026.1122.0412");
    expect(writes(sandbox).filter((write) => write.endsWith("versions/2026.1122.0412"))).toEqual([
        "DELETE versions/2026.1122.0412",
        "PUT versions/2026.1122.0412",
    ]);
    expect((await stack.preview()).orFail().messages("warning")).toEqual([]);
});

/** An update whose processes are all killed at its deletion of the snapshot that the image was made of. */
async function upKilledAtDeletion(phase: "before" | "after"): Promise<void> {
    const running = stack.start("up", "--skip-preview");
    const strike = (at: typeof phase) => (request: { method: string; path: string }) => {
        if (at === phase && request.method === "DELETE" && request.path.includes("/snapshots/")) {
            killAll(running.pid ?? 0);
            throw new ConnectionReset();
        }
    };
    sandbox.azure.faults.watcher = { before: strike("before"), after: strike("after") };
    await running.outcome;
    sandbox.azure.faults.watcher = undefined;
    (await stack.run("cancel", "--yes")).orFail();
}

async function snapshotsOf(pool: string): Promise<(string | undefined)[]> {
    const { resourceGroup } = scaleSetOf(sandbox, pool);
    const names = [];
    for await (const { name } of computeClient(sandbox.azure).snapshots.listByResourceGroup(resourceGroup)) {
        names.push(name);
    }
    return names;
}

test("a run that is killed once it has deleted what the image was made of leaves an image that the next one knows", async () => {
    await patch(sandbox, "pool1", 3, "2026-11-23T04:12:00Z");
    await upKilledAtDeletion("after");
    expect(await snapshotsOf("pool1")).toEqual([]);
    sandbox.azure.requests.clear();
    (await stack.up("--skip-preview")).orFail();
    expect(writes(sandbox)[0]).toBe(`PUT virtualMachineScaleSets/${scaleSetOf(sandbox, "pool1").name}`);
    expect(imageOf(sandbox, "pool1")).toBe("2026.1123.0412");
});

test("a run that is killed before it has deleted that leaves it to the next one, which is the last to look for it", async () => {
    await patch(sandbox, "pool1", 0, "2026-11-24T04:12:00Z");
    await upKilledAtDeletion("before");
    expect(await snapshotsOf("pool1")).toHaveLength(1);
    (await stack.up("--skip-preview")).orFail();
    expect(imageOf(sandbox, "pool1")).toBe("2026.1124.0412");
    expect(await snapshotsOf("pool1")).toEqual([]);
    sandbox.azure.requests.clear();
    (await stack.up("--skip-preview")).orFail();
    expect(sandbox.azure.requests.all().filter(({ path }) => path.includes("/snapshots"))).toEqual([]);
});

test("a snapshot that Azure does not delete is a warning, and the next run tries again", async () => {
    await patch(sandbox, "pool1", 1, "2026-11-25T04:12:00Z");
    const refusal = { status: 409, code: "ScopeLocked", message: "the scope is locked" };
    sandbox.azure.faults.fail({ path: /\/snapshots\//, method: "DELETE", ...refusal });
    const up = (await stack.up("--skip-preview")).orFail();
    expect(up.messages("warning").join("\n")).toMatch(
        /snapshot .* cannot be deleted: .*the scope is locked.*; it will be tried again, or delete it yourself/,
    );
    expect(imageOf(sandbox, "pool1")).toBe("2026.1125.0412");
    expect(await snapshotsOf("pool1")).toHaveLength(1);
    sandbox.azure.faults.clear();
    expect(changesIn((await stack.preview()).orFail())).toEqual([]);
    (await stack.up("--skip-preview")).orFail();
    expect(await snapshotsOf("pool1")).toEqual([]);
});
