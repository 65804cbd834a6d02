// Captures of real nodes of the sandbox: how the disk is taken, and that the node is back in service whatever happens.
import { readFileSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Vm } from "../../sandbox/azure";
import { NODE_LOCK } from "../../sandbox/nodes/kuredAnnotations";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { ensureNamespace } from "../../components/capture/pods";
import { kubernetes } from "../../components/node/kubernetes";
import { REBOOT_IN_PROGRESS } from "../../components/node/kured";
import { SCALE_DOWN_DISABLED } from "../../components/node/node";
import {
    IN_SERVICE,
    capture,
    guardedPod,
    heard,
    heldCleaning,
    inputsFor,
    powerOf,
    serviceOf,
    snapshotsOf,
    startCapture,
} from "./support/capture";
import { expectInService } from "./support/inService";

let sandbox: Sandbox;
let unused: Vm[];

beforeAll(async () => {
    sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 20 }] });
    unused = sandbox.azure.vms();
});

afterEach(() => sandbox.azure.faults.clear());
afterAll(() => sandbox?.stop());

/** A node that no other test has touched. */
const freshNode = () => unused.pop()!;

const annotate = (vm: Vm, annotations: Record<string, string>) =>
    sandbox.nodes.api.core.patchNode({
        name: vm.nodeName,
        body: [{ op: "add", path: "/metadata/annotations", value: annotations }],
    });

/** Events on a node, by the fields by which `kubectl describe node` has always looked for them. */
async function eventsOn({ nodeName }: Vm) {
    const fields = { kind: "Node", name: nodeName, uid: nodeName };
    const fieldSelector = Object.entries(fields).map(([field, value]) => `involvedObject.${field}=${value}`);
    const list = await sandbox.nodes.api.core.listEventForAllNamespaces({ fieldSelector: fieldSelector.join() });
    return list.items.filter(({ source }) => source?.component === "kamino");
}

test("a node's disk is cleaned and copied, and the node comes back as itself, with an Event on it", async () => {
    const vm = freshNode();
    const { captured, error } = await capture(sandbox, inputsFor(sandbox, vm));
    expect(error).toBeUndefined();
    expect(await eventsOn(vm)).toMatchObject([
        {
            ...{ type: "Normal", reason: "ImageCaptured", count: 1 },
            message: expect.stringMatching(/^OS disk captured for image 2026\.1122\.0412 of pool pool1: in /) as string,
        },
    ]);
    await sandbox.nodes.settled();
    expect(await serviceOf(sandbox, vm)).toMatchObject(IN_SERVICE);
    const [snapshot, ...others] = await snapshotsOf(sandbox, vm);
    expect(others).toEqual([]);
    expect(snapshot).toMatchObject({
        id: captured?.snapshotId,
        tags: { "managed-by": "kamino", version: "2026.1122.0412", rebootNeededAt: "2026-11-22T04:12:00Z" },
        properties: { incremental: true, creationData: { sourceResourceId: vm.osDiskId } },
    });
    expect(readFileSync(join(vm.diskDirectory, "etc/hostname"), "utf8").trim()).toBe(vm.computerName);
    const ancestry = readFileSync(join(vm.diskDirectory, "var/log/kamino-ancestry.log"), "utf8");
    expect(ancestry).toContain(`version 2026.1122.0412 from node ${vm.nodeName}`);
});

test("the cleaning pod has a namespace apart, which alone may hold privileged pods, and no credentials", async () => {
    const { metadata } = await sandbox.nodes.api.core.readNamespace({ name: "kamino-capture" });
    expect(metadata?.labels).toMatchObject({ "pod-security.kubernetes.io/enforce": "privileged" });
});

test("a disk that an earlier run has captured already is not captured once more", async () => {
    const vm = freshNode();
    const first = await capture(sandbox, inputsFor(sandbox, vm));
    const boots = sandbox.azure.vm(vm.id)?.bootLog.length;
    const second = await capture(sandbox, inputsFor(sandbox, vm));
    const { tookSeconds, ...kept } = first.captured!;
    expect(tookSeconds).toBeGreaterThan(0);
    expect(second.captured).toEqual(kept);
    expect(sandbox.azure.vm(vm.id)?.bootLog.length).toBe(boots);
});

test("kured's lock is held from before the node is touched until it is back, and not by a name that a node could have", async () => {
    const vm = freshNode();
    const lift = await guardedPod(sandbox, vm);
    const { apps } = sandbox.nodes.api;
    const lock = async () => {
        const { metadata } = await apps.readNamespacedDaemonSet({ namespace: "kube-system", name: "kured" });
        return metadata?.annotations?.[NODE_LOCK];
    };
    const running = startCapture(sandbox, inputsFor(sandbox, vm, { kured: { lock: true } }));
    await heard(running, "draining, 1 pod to go");
    expect(JSON.parse((await lock()) ?? "{}")).toMatchObject({ nodeID: "kamino/pool1" });
    await lift();
    expect((await running.result).error).toBeUndefined();
    expect(await lock()).toBeUndefined();
});

test("two runs at once, of two backends, take a node out of service once", async () => {
    const vm = freshNode();
    sandbox.azure.requests.clear();
    const runs = ["", ""].map(() => startCapture(sandbox, inputsFor(sandbox, vm, { kured: { lock: true } })));
    const results = await Promise.all(runs.map(({ result }) => result));
    const captured = results.filter(({ error }) => error === undefined);
    expect(captured.length).toBeGreaterThan(0);
    // One that comes while the other is at work on the node already does not wait for it.
    for (const { error } of results.filter((each) => !captured.includes(each))) {
        expect(error).toMatch(/another run is capturing this node; wait until it has finished$/);
    }
    const starts = sandbox.azure.requests.writes().filter(({ path }) => path.endsWith("/start"));
    expect(starts).toHaveLength(1);
    await sandbox.nodes.settled();
    expect(await serviceOf(sandbox, vm)).toMatchObject(IN_SERVICE);
    expect(await snapshotsOf(sandbox, vm)).toHaveLength(1);
});

test("a mark that kured made when it was too late is taken away: the restart was the reboot", async () => {
    const vm = freshNode();
    const running = startCapture(sandbox, inputsFor(sandbox, vm));
    await heard(running, "cleaning the disk");
    await annotate(vm, { [REBOOT_IN_PROGRESS]: "2026-11-22T04:12:00Z" });
    expect((await running.result).error).toBeUndefined();
    const { metadata } = await sandbox.nodes.api.core.readNode({ name: vm.nodeName });
    expect(Object.keys(metadata?.annotations ?? {})).not.toContain(REBOOT_IN_PROGRESS);
});

test("a mark that kured made before the power goes ends the capture, and kured reboots the node", async () => {
    const vm = freshNode();
    const lift = await guardedPod(sandbox, vm);
    const running = startCapture(sandbox, inputsFor(sandbox, vm));
    await heard(running, "draining, 1 pod to go");
    const { core } = sandbox.nodes.api;
    const value = "2026-11-22T04:12:00Z";
    const path = `/metadata/annotations/${REBOOT_IN_PROGRESS.replace("/", "~1")}`;
    await core.patchNode({ name: vm.nodeName, body: [{ op: "add", path, value }] });
    await lift();
    expect((await running.result).error).toMatch(/kured wants to reboot the node.*; the node is back in service$/);
    const [event, ...more] = await eventsOn(vm);
    expect([event.type, event.reason, more]).toEqual(["Warning", "ImageCaptureFailed", []]);
    expect(event.message).toMatch(/^OS disk not captured for image .*kured wants to reboot the node/);
    expect((await core.readNode({ name: vm.nodeName })).metadata?.annotations).toMatchObject({
        [REBOOT_IN_PROGRESS]: value,
    });
    expect(sandbox.azure.vm(vm.id)?.bootLog.length).toBeGreaterThan(0);
});

test("a pool that cannot spare the node any more keeps it, as it is seen right before", async () => {
    const vm = freshNode();
    const { core } = sandbox.nodes.api;
    const other = sandbox.azure.vms().find(({ id, scaleSetId }) => id !== vm.id && scaleSetId === vm.scaleSetId)!;
    const path = `/metadata/annotations/${REBOOT_IN_PROGRESS.replace("/", "~1")}`;
    await core.patchNode({
        name: other.nodeName,
        body: [
            { op: "add", path, value: "2026-11-22T04:12:00Z" },
            { op: "add", path: "/spec/unschedulable", value: true },
        ],
    });
    const inputs = inputsFor(sandbox, vm);
    const of = (count?: number) => ({
        ...inputs.settings,
        minimumReadyNodes: count === undefined ? undefined : { value: count, unit: "nodes" },
    });
    const all = sandbox.azure.vms().filter(({ scaleSetId }) => scaleSetId === vm.scaleSetId).length - 1;
    try {
        expect((await capture(sandbox, { ...inputs, settings: of() })).error).toMatch(
            new RegExp(`kured is rebooting node ${other.nodeName}; nothing was changed, preview again$`),
        );
        expect((await capture(sandbox, { ...inputs, settings: of(all) })).error).toMatch(
            new RegExp(`${all - 1} of the pool's ${all} other nodes are in service, and ${all} must be`),
        );
        await expectInService(sandbox, vm);
        expect((await capture(sandbox, { ...inputs, settings: of(all - 1) })).error).toBeUndefined();
    } finally {
        await core.patchNode({
            name: other.nodeName,
            body: [
                { op: "remove", path },
                { op: "remove", path: "/spec/unschedulable" },
            ],
        });
    }
});

test("a VM that goes off without a word of its disk being clean is not copied, and comes back", async () => {
    const vm = freshNode();
    const release = heldCleaning(vm);
    const running = startCapture(sandbox, inputsFor(sandbox, vm));
    await heard(running, "cleaning the disk");
    await sandbox.azure.stopVmFromInside(vm.id);
    release();
    expect((await running.result).error).toMatch(
        /nothing shows that its disk was cleaned.*; the node is back in service$/,
    );
    await expectInService(sandbox, vm);
});

test("pods without a controller, and data in emptyDir volumes, are not lost without consent", async () => {
    const vm = freshNode();
    const spec = { nodeName: vm.nodeName, containers: [{ name: "job", image: "job" }] };
    const metadata = { name: `bare-${vm.instanceId}` };
    await sandbox.nodes.api.core.createNamespacedPod({ namespace: "default", body: { metadata, spec } });
    const inputs = inputsFor(sandbox, vm);
    const settings = { ...inputs.settings, deleteBarePods: false };
    const { error } = await capture(sandbox, { ...inputs, settings });
    expect(error).toMatch(/kamino:deleteBarePods\): default\/bare-\d+; nothing was changed$/);
    await expectInService(sandbox, vm);
});

test("a node on which another run of this program is at work is left alone, whatever the consent", async () => {
    const vm = freshNode();
    const { core } = sandbox.nodes.api;
    const metadata = { name: `nightly-${vm.instanceId}`, labels: { "app.kubernetes.io/name": "kamino" } };
    const scratch = { name: "scratch", emptyDir: {} };
    const spec = { nodeName: vm.nodeName, containers: [{ name: "kamino", image: "kamino" }], volumes: [scratch] };
    await core.createNamespacedPod({ namespace: "default", body: { metadata, spec } });
    const inputs = inputsFor(sandbox, vm);
    const settings = { ...inputs.settings, deleteEmptyDirData: true };
    const { error } = await capture(sandbox, { ...inputs, settings });
    expect(error).toMatch(
        /is not drained: another run of kamino is on it, .*: default\/nightly-\d+; run again .*; nothing was changed$/,
    );
    const pod = await core.readNamespacedPod({ namespace: "default", name: metadata.name });
    expect(pod.metadata?.deletionTimestamp).toBeUndefined();
    expect(powerOf(sandbox, vm)).toEqual([]);
    await core.deleteNamespacedPod({ namespace: "default", name: metadata.name });
});

test("a node that was cordoned before stays cordoned, and what kept the autoscaler away from it stays", async () => {
    const vm = freshNode();
    const { core } = sandbox.nodes.api;
    await core.patchNode({ name: vm.nodeName, body: [{ op: "add", path: "/spec/unschedulable", value: true }] });
    await annotate(vm, { [SCALE_DOWN_DISABLED]: "because" });
    expect((await capture(sandbox, inputsFor(sandbox, vm))).error).toBeUndefined();
    await sandbox.nodes.settled();
    const annotations = { [SCALE_DOWN_DISABLED]: "because" };
    expect(await serviceOf(sandbox, vm)).toMatchObject({ ...IN_SERVICE, cordoned: true, annotations });
});

test("a disruption budget that holds a pod for a while is waited for", async () => {
    const vm = freshNode();
    const lift = await guardedPod(sandbox, vm);
    const running = startCapture(sandbox, inputsFor(sandbox, vm));
    await heard(running, "draining, 1 pod to go");
    await new Promise((resolve) => setTimeout(resolve, 2000));
    expect(sandbox.azure.vm(vm.id)?.power).toBe("running");
    await lift();
    expect((await running.result).error).toBeUndefined();
    expect(await serviceOf(sandbox, vm)).toMatchObject(IN_SERVICE);
});

test("a budget that never lets go ends the capture with the names of pod and budget, and the node is back", async () => {
    const vm = freshNode();
    await guardedPod(sandbox, vm);
    const inputs = inputsFor(sandbox, vm);
    const { error } = await capture(sandbox, { ...inputs, settings: { ...inputs.settings, drainTimeout: "3s" } });
    expect(error).toMatch(
        new RegExp(
            `at step "drain": .*default/web-${vm.instanceId}-.*disruption budget web-${vm.instanceId} .*; the node is back`,
        ),
    );
    await expectInService(sandbox, vm);
});

test("with force, pods that a budget holds are deleted when the time is over", async () => {
    const vm = freshNode();
    await guardedPod(sandbox, vm);
    const inputs = inputsFor(sandbox, vm);
    const settings = { ...inputs.settings, drainTimeout: "2s", force: true };
    expect((await capture(sandbox, { ...inputs, settings })).error).toBeUndefined();
    expect(await serviceOf(sandbox, vm)).toMatchObject(IN_SERVICE);
});

test("a namespace that does not admit the cleaning pod is known before the node is touched", async () => {
    const vm = freshNode();
    const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
    await sandbox.nodes.api.core.createNamespace({ body: { metadata: { name: "restricted", labels } } });
    const inputs = inputsFor(sandbox, vm);
    const settings = { ...inputs.settings, captureNamespace: "restricted" };
    sandbox.azure.requests.clear();
    const { error } = await capture(sandbox, { ...inputs, settings });
    expect(error).toMatch(
        /at step "\w[^"]*": namespace restricted enforces restricted pods.*kubectl label namespace restricted \S+=privileged --overwrite.*; the node is back in service$/,
    );
    expect(sandbox.azure.requests.writes()).toEqual([]);
    await expectInService(sandbox, vm);
});

test("a namespace that captures by a copy have made is opened for the cleaning pod", async () => {
    const { core } = sandbox.nodes.api;
    await ensureNamespace(await kubernetes({ kubeconfig: sandbox.cluster.kubeconfig }), "shared", "baseline");
    const inputs = inputsFor(sandbox, freshNode());
    const { error } = await capture(sandbox, {
        ...inputs,
        settings: { ...inputs.settings, captureNamespace: "shared" },
    });
    expect(error).toBeUndefined();
    const { metadata } = await core.readNamespace({ name: "shared" });
    expect(metadata?.labels?.["pod-security.kubernetes.io/enforce"]).toBe("privileged");
});

test("a cleaning that fails tells why, and leaves the node in service", async () => {
    const vm = freshNode();
    const log = join(vm.diskDirectory, "var", "log");
    renameSync(log, `${log}.real`);
    symlinkSync("/tmp", log);
    const { error } = await capture(sandbox, inputsFor(sandbox, vm));
    expect(error).toMatch(
        /at step "clean and power off": .*symbolic link; the disk is not changed.*; the node is back in service$/,
    );
    await expectInService(sandbox, vm);
    expect(powerOf(sandbox, vm)).toEqual([]);
});

test.each([
    [
        "is refused",
        (path: RegExp) => ({
            path,
            method: "PUT",
            times: 1,
            status: 403,
            code: "AuthorizationFailed",
            message: "no right to snapshots/write",
        }),
    ],
    ["fails", undefined],
])("a snapshot that %s leaves the node in service", async (_how, refusal) => {
    const vm = freshNode();
    const path = /\/snapshots\//;
    if (refusal) {
        sandbox.azure.faults.fail(refusal(path));
    } else {
        sandbox.azure.faults.failOperation({
            path,
            method: "PUT",
            times: 1,
            code: "InternalDiskError",
            message: "the copy broke off",
        });
    }
    const { error } = await capture(sandbox, inputsFor(sandbox, vm));
    expect(error).toMatch(/at step "snapshot": .*(no right to snapshots|broke off).*; the node is back in service$/);
    await expectInService(sandbox, vm);
});

test("a node that is not the one that was chosen is left alone", async () => {
    const vm = freshNode();
    const other = sandbox.azure.vms().find(({ id }) => id !== vm.id)!;
    const wrong = await capture(sandbox, { ...inputsFor(sandbox, vm), instanceId: other.instanceId });
    expect(wrong.error).toMatch(/it is not instance \d+ of the scale set/);
    const gone = await capture(sandbox, { ...inputsFor(sandbox, vm), node: "k8s-pool1-gone-vmss000000" });
    expect(gone.error).toMatch(/no node of this name any more/);
    const hostile = await capture(sandbox, { ...inputsFor(sandbox, vm), node: "$(reboot)/../x" });
    expect(hostile.error).toMatch(/is not a node name/);
    await expectInService(sandbox, vm);
});
