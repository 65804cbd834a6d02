// Scheduled runs that are stopped, killed or only previews: what they leave behind, and what the next one makes of it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AuthorizationV1Api, CoordinationV1Api } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { acquireLease } from "../../runner/lease";
import { markerIn } from "../../runner/report";
import type { Vm } from "../../sandbox/azure";
import type { Sandbox } from "../../sandbox/sandbox";
import { serviceOf } from "./support/capture";
import { NAMESPACE, Scheduled } from "./support/scheduled";

const MINUTE = 60_000;
const IN_SERVICE = { ready: true, cordoned: false, power: "running", annotations: {}, pods: [] };

let scheduled: Scheduled;
let sandbox: Sandbox;
/** The node that the next image is of. */
let best: Vm;

beforeAll(async () => {
    scheduled = await Scheduled.start(3);
    ({ sandbox } = scheduled);
    await scheduled.patch(1, "2026-11-21T04:12:00Z");
    best = scheduled.vm(1);
    await scheduled.turnOn("prod-schedule", { suspend: true });
}, 10 * MINUTE);
afterAll(() => scheduled?.sandbox.stop());

test("a run whose pod is deleted in the middle of a capture restores the node and leaves nothing locked", async () => {
    const letGo = await scheduled.holdUp(best);
    const run = await scheduled.startJob("deleted");
    await scheduled.captureOf(best, run);
    expect(await scheduled.holder()).toBe(run.pod);
    expect(scheduled.stateLocks()).toHaveLength(1);

    await run.delete();
    const { exitCode, output } = await run.ended;
    await letGo();
    expect(exitCode, output).toBe(1);
    expect(output).toMatch(/SIGTERM: stopping.*interrupted by SIGTERM; the node is back in service/s);
    expect(await serviceOf(sandbox, best)).toMatchObject(IN_SERVICE);
    expect(await scheduled.holder()).toBeUndefined();
    expect(scheduled.stateLocks()).toEqual([]);
    expect(await scheduled.reported()).toMatchObject({ exitCode: "1", headline: "prod: up failed" });
});

test("a schedule of previews changes nothing: exit code 2 and its ConfigMap say that a bump is pending, as a preview elsewhere does", async () => {
    const namespace = "kamino-nightly";
    await scheduled.turnOn("prod-nightly", { mode: "preview", name: "nightly", suspend: true }, namespace);
    const before = scheduled.image();
    sandbox.azure.requests.clear();
    const run = await scheduled.startJob("nightly-now", "nightly", namespace);
    const { exitCode, output } = await run.ended;
    expect(exitCode, output).toBe(2);
    expect(sandbox.azure.requests.writes()).toEqual([]);
    expect(scheduled.image()).toBe(before);
    expect(await serviceOf(sandbox, best)).toMatchObject(IN_SERVICE);

    const { report, ...rest } = await scheduled.reported("nightly", namespace);
    expect(rest).toMatchObject({ mode: "preview", exitCode: "2", headline: "prod: a bump of pool1 is pending" });
    expect(output).toContain(report.split("\n\n<!--")[0]);
    expect(report).toContain("2026.1120.0412 → **2026.1121.0412**");
    expect(report).toMatch(/```diff\n.*imageReference.*versions\/2026\.1120\.0412" => ".*versions\/2026\.1121\.0412"/s);

    // The same changes have the same fingerprint, wherever and whenever they are previewed: so a review holds.
    const file = join(sandbox.directory, "report.md");
    await scheduled.npm("preview", scheduled.prod, ["--report", file]);
    expect(markerIn(report)).toMatchObject({ stack: "prod", hasChanges: true });
    expect(markerIn(readFileSync(file, "utf8"))).toEqual(markerIn(report));
    await expect(mayPatchNodes("nightly", namespace)).resolves.toBe(false);
});

async function mayPatchNodes(serviceAccount: string, namespace: string): Promise<boolean | undefined> {
    const user = `system:serviceaccount:${namespace}:${serviceAccount}`;
    const groups = ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"];
    const reviews = sandbox.nodes.api.config.makeApiClient(AuthorizationV1Api);
    const spec = { user, groups, resourceAttributes: { verb: "patch", resource: "nodes" } };
    return (await reviews.createSubjectAccessReview({ body: { spec } })).status?.allowed;
}

test("a killed run leaves its locks behind, and a node to restore", async () => {
    const letGo = await scheduled.holdUp(best);
    const run = await scheduled.startJob("killed");
    await scheduled.captureOf(best, run);
    run.kill();
    const { exitCode } = await run.ended;
    await letGo();
    expect(exitCode).not.toBe(0);
    expect(await scheduled.holder()).toBe(run.pod);
    expect(scheduled.stateLocks()).toHaveLength(1);
    expect(await serviceOf(sandbox, best)).toMatchObject({ cordoned: true });
});

test("a lock that may be a live run's is respected, however dead the schedule's own run", async () => {
    const before = scheduled.image();
    scheduled.lockIsOf("laptop");
    const { exitCode, output } = await (await scheduled.startJob("careful")).ended;
    expect(exitCode, output).toBe(1);
    expect(output).toMatch(/the stack's state is locked by \S+@laptop \(pid \d+\) since/);
    expect(scheduled.image()).toBe(before);
    expect(scheduled.stateLocks()).toHaveLength(1);
    expect(await scheduled.holder()).toBeUndefined();
    const { report } = await scheduled.reported();
    expect(report).toMatch(/^## prod: up failed.*\*\*Errors\*\*\n\n- the stack's state is locked by/s);
});

test("the next run tells the dead run's lock, releases it, restores the node and finishes the bump", async () => {
    const { items } = await sandbox.nodes.api.core.listNamespacedPod({
        namespace: NAMESPACE,
        labelSelector: "job-name=killed",
    });
    const dead = items[0].metadata?.name ?? "";
    scheduled.lockIsOf(dead);
    // Otherwise the next run waits for its five minutes to be over.
    await scheduled.ageKuredLock();
    const { exitCode, output } = await (await scheduled.startJob("next")).ended;
    expect(exitCode, output).toBe(0);
    expect(output).toMatch(
        new RegExp(`lock of \\S+@${dead} since .* is stale \\(the pod ${dead} has ended\\): cancelled`),
    );
    expect(output).toContain(`node ${best.nodeName} is back in service after a capture that was interrupted`);
    expect(scheduled.image()).toMatch(/2026\.1121\.0412$/);
    expect(await serviceOf(sandbox, best)).toMatchObject(IN_SERVICE);
    expect(scheduled.stateLocks()).toEqual([]);
    expect(await scheduled.holder()).toBeUndefined();
});

test("a lease whose holder pod has gone is free", async () => {
    const { config } = sandbox.nodes.api;
    const leases = config.makeApiClient(CoordinationV1Api);
    const at = { name: "kamino", namespace: NAMESPACE };
    const lease = await leases.readNamespacedLease(at);
    const spec = { ...lease.spec, holderIdentity: "a-pod-that-was-deleted" };
    await leases.replaceNamespacedLease({ ...at, body: { ...lease, spec } });
    const names = { lease: "kamino", report: "kamino-report", serviceAccount: "", server: sandbox.cluster.server };
    const held = await acquireLease(config, { ...names, name: "me", namespace: NAMESPACE });
    expect(held.deadHolders).toEqual(["a-pod-that-was-deleted"]);
    expect(await scheduled.holder()).toBe("me");
    held.forgetDead();
    await held.release();
    expect(await scheduled.holder()).toBeUndefined();
});

test("a lock of a run whose pod has gone is cancelled also where the run after it has failed in its preview", async () => {
    await scheduled.patch(2, "2026-11-22T04:12:00Z");
    const letGo = await scheduled.holdUp(scheduled.vm(2));
    const first = await scheduled.startJob("first");
    await scheduled.captureOf(scheduled.vm(2), first);
    first.kill();
    await first.ended;
    await letGo();
    scheduled.lockIsOf(first.pod);
    await scheduled.forgetJob("first");

    sandbox.azure.faults.fail({
        path: /virtualMachineScaleSets/,
        status: 403,
        code: "AuthorizationFailed",
        message: "no",
    });
    const second = await (await scheduled.startJob("second")).ended;
    sandbox.azure.faults.clear();
    expect(second.exitCode, second.output).toBe(1);
    expect(await scheduled.holder()).toBeUndefined();
    expect(scheduled.stateLocks()).toHaveLength(1);

    await scheduled.ageKuredLock();
    const third = await (await scheduled.startJob("third")).ended;
    expect(third.exitCode, third.output).toBe(0);
    expect(third.output).toContain(`is stale (the pod ${first.pod} has ended): cancelled`);
    expect(scheduled.image()).toMatch(/2026\.1122\.0412$/);
    expect(scheduled.stateLocks()).toEqual([]);
});

test("a run whose time is over stops by itself and restores its node, and its Job and pod stay, with the log", async () => {
    await scheduled.patch(1, "2026-11-23T04:12:00Z");
    const letGo = await scheduled.holdUp(best);
    const run = await scheduled.startJob("late", "kamino", NAMESPACE, { KAMINO_STOP_AFTER: "45" });
    const { exitCode, output } = await run.ended;
    await letGo();
    expect(exitCode, output).toBe(1);
    // As a rule in the middle of the capture; what becomes of one the test of the deleted pod shows.
    expect(output).toContain(
        "the run has taken 45s (kamino:schedule.activeDeadline): stopping; a capture that is under way",
    );
    expect(await serviceOf(sandbox, best)).toMatchObject(IN_SERVICE);
    expect(await scheduled.holder()).toBeUndefined();
    expect(scheduled.stateLocks()).toEqual([]);
    const { core } = sandbox.nodes.api;
    expect((await core.readNamespacedPod({ namespace: NAMESPACE, name: run.pod })).status?.phase).toBe("Failed");
});
