// Captures in place that are broken off, and VMs that do not start: the node comes back, in this run or by the next.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Vm } from "../../sandbox/azure";
import { waitFor } from "../../sandbox/nodes/api";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { FAILED_CAPTURES } from "../../components/capture/failedCaptures";
import { JOURNAL, parseJournal } from "../../components/capture/journal";
import { containerStatus } from "../../components/capture/pods";
import {
    IN_SERVICE,
    capture,
    guardedPod,
    heard,
    heldCleaning,
    inputsFor,
    powerOf,
    serviceOf,
    startCapture,
    startRecovery,
} from "./support/capture";
import { expectInService } from "./support/inService";

let sandbox: Sandbox;
let unused: Vm[];

beforeAll(async () => {
    sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 11 }] });
    unused = sandbox.azure.vms();
});

afterEach(() => sandbox.azure.faults.clear());
afterAll(() => sandbox?.stop());

/** A node that no other test has touched. */
const freshNode = () => unused.pop()!;

/** How many snapshots Azure was asked to make since its requests were forgotten. */
const snapshotsAsked = () =>
    sandbox.azure.requests.writes().filter(({ method, path }) => method === "PUT" && /\/snapshots\//.test(path)).length;

/** Waits until the cleaning of a node's disk has begun. */
async function begun({ nodeName }: Vm): Promise<void> {
    const { core } = sandbox.nodes.api;
    await waitFor(`the cleaning of ${nodeName} to begin`, async () => {
        const { items } = await core.listNamespacedPod({ namespace: "kamino-capture" });
        const pods = items.filter(({ metadata }) => metadata?.annotations?.["kamino/node"] === nodeName);
        return pods.some((pod) => containerStatus(pod, "clean")?.state?.running) || undefined;
    });
}

test.each([
    ["interrupted", "SIGTERM"],
    ["killed", "SIGKILL"],
    ["killed, and its pod deleted by somebody", "SIGKILL"],
] as const)(
    "%s while the disk is cleaned, the node is started anew before it takes pods again",
    async (how, signal) => {
        const vm = freshNode();
        const { core } = sandbox.nodes.api;
        const release = heldCleaning(vm);
        const running = startCapture(sandbox, inputsFor(sandbox, vm));
        await begun(vm);
        if (how.endsWith("somebody")) {
            await core.deleteCollectionNamespacedPod({ namespace: "kamino-capture", gracePeriodSeconds: 0 });
        }
        running.kill(signal);
        const { error } = await running.result;
        if (signal === "SIGTERM") {
            expect(error).toMatch(/interrupted by SIGTERM; the node is back in service$/);
        } else {
            expect(sandbox.azure.vm(vm.id)?.power).toBe("running");
            expect(await startRecovery(sandbox, vm.nodeName).result).toEqual({ captured: true });
        }
        release();
        await expectInService(sandbox, vm);
        expect(powerOf(sandbox, vm)).toEqual(["poweroff", "start"]);
    },
);

test("a cleaning pod that is not admitted has changed nothing, and the node goes on as it runs", async () => {
    const vm = freshNode();
    const { core } = sandbox.nodes.api;
    const [namespace, name] = ["kamino-capture", "no-pods"];
    const lift = await guardedPod(sandbox, vm);
    const running = startCapture(sandbox, inputsFor(sandbox, vm));
    await heard(running, "draining, 1 pod to go");
    const spec = { hard: { "count/pods": "0" } };
    await core.createNamespacedResourceQuota({ namespace, body: { metadata: { name }, spec } });
    await waitFor("the quota to hold", async () => {
        const { status } = await core.readNamespacedResourceQuota({ namespace, name });
        return status?.hard && true;
    });
    await lift();
    const { error } = await running.result;
    await core.deleteNamespacedResourceQuota({ namespace, name });
    expect(error).toMatch(
        /at step "clean and power off": the cleaning pod .* cannot be created: .*quota: no-pods.*; the node is back in service$/,
    );
    await expectInService(sandbox, vm);
    expect(powerOf(sandbox, vm)).toEqual([]);
});

test("a VM that Azure does not switch off at once is switched off again", async () => {
    const vm = freshNode();
    const release = heldCleaning(vm);
    const running = startCapture(sandbox, inputsFor(sandbox, vm));
    await begun(vm);
    const powerOff = { path: /\/powerOff$/, method: "POST", times: 1 };
    const message = "Operation execution has been preempted by a more recent operation.";
    sandbox.azure.faults.fail({ ...powerOff, status: 409, code: "Conflict", message: "in use by another request" });
    sandbox.azure.faults.failOperation({ ...powerOff, code: "OperationPreempted", message });
    running.kill("SIGTERM");
    expect((await running.result).error).toMatch(/interrupted by SIGTERM; the node is back in service$/);
    release();
    await expectInService(sandbox, vm);
});

test("a VM that Azure does not start at once is started again", async () => {
    const vm = freshNode();
    const start = { path: /\/start$/, method: "POST", times: 1 };
    sandbox.azure.faults.fail({ ...start, status: 409, code: "Conflict", message: "in use by another request" });
    sandbox.azure.faults.failOperation({ ...start, code: "InternalExecutionError", message: "an internal error" });
    expect((await capture(sandbox, inputsFor(sandbox, vm))).error).toBeUndefined();
    expect(await serviceOf(sandbox, vm)).toMatchObject(IN_SERVICE);
});

test("a VM that Azure will not start is reported, and the next run restores it", async () => {
    const vm = freshNode();
    sandbox.azure.faults.fail({
        path: /\/start$/,
        method: "POST",
        status: 403,
        code: "AuthorizationFailed",
        message: "no right to start it",
    });
    const { error } = await capture(sandbox, inputsFor(sandbox, vm));
    expect(error).toMatch(/could not be restored: .*no right to start it.*; the next run tries again/);
    expect(await serviceOf(sandbox, vm)).toMatchObject({ power: "stopped", cordoned: true });
    sandbox.azure.faults.clear();
    expect((await capture(sandbox, inputsFor(sandbox, vm))).error).toBeUndefined();
    expect(await serviceOf(sandbox, vm)).toMatchObject(IN_SERVICE);
});

test.each(["SIGTERM", "SIGINT"] as const)(
    "%s in the middle restores the node before the process ends",
    async (signal) => {
        const vm = freshNode();
        sandbox.azure.faults.neverEnd({ path: /\/snapshots\//, method: "PUT", times: 1 });
        sandbox.azure.requests.clear();
        const running = startCapture(sandbox, inputsFor(sandbox, vm));
        await heard(running, "taking a snapshot");
        await expect.poll(snapshotsAsked, { timeout: 30_000 }).toBe(1);
        running.kill(signal);
        sandbox.azure.faults.clear();
        const { error } = await running.result;
        expect(error).toMatch(new RegExp(`interrupted by ${signal}; the node is back in service$`));
        await expectInService(sandbox, vm);
        // What somebody has stopped has not failed.
        expect((await serviceOf(sandbox, vm)).annotations).toEqual({});
    },
);

test.each(["draining", "taking a snapshot"])(
    "killed while %s, the node is restored by the next run",
    async (moment) => {
        const vm = freshNode();
        await guardedPod(sandbox, vm).then((lift) => (moment === "draining" ? undefined : lift()));
        sandbox.azure.faults.neverEnd({ path: /\/snapshots\//, method: "PUT", times: 1 });
        sandbox.azure.requests.clear();
        const running = startCapture(sandbox, inputsFor(sandbox, vm));
        await heard(running, moment);
        await expect.poll(snapshotsAsked, { timeout: 30_000 }).toBe(moment === "draining" ? 0 : 1);
        running.kill("SIGKILL");
        await running.result;
        sandbox.azure.faults.clear();
        const { annotations } = await serviceOf(sandbox, vm);
        expect(parseJournal(annotations[JOURNAL])).toMatchObject({ pool: "pool1", cordoned: false });
        const { captured, error } = await startRecovery(sandbox, vm.nodeName).result;
        expect([captured, error]).toEqual([true, undefined]);
        await expectInService(sandbox, vm);
        expect((await serviceOf(sandbox, vm)).annotations).toEqual({ [FAILED_CAPTURES]: "2026.1122.0412=1@cut off" });
    },
);
