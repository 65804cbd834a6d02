// Captures by a copy whose cleaner's node dies: on the real API server, whose controllers take the disk from that node.
import { makeInformer, type V1Pod, type V1VolumeAttachment } from "@kubernetes/client-node";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Vm } from "../../sandbox/azure";
import { waitFor } from "../../sandbox/nodes/api";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { sender, type Send } from "../azure/support";
import { heard, serviceOf, startCapture, type RunningCapture } from "./support/capture";
import { attachedTo, captureObjects, copyInputsFor, resourcesOf } from "./support/copy";
import { machinesOf } from "./support/pools";

let sandbox: Sandbox;
let send: Send;
let unused: Vm[];
let off: Vm | undefined;

beforeAll(async () => {
    sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 6 }], kured: false, forcedDetachSeconds: 5 });
    send = await sender(sandbox.azure);
    unused = machinesOf(sandbox, "pool1");
});

afterEach(async () => {
    sandbox.nodes.volumes.unmountMs = 0;
    if (off) {
        await sandbox.azure.startVm(off.id);
        await sandbox.nodes.waitForReady(off.nodeName);
        off = undefined;
    }
});
afterAll(() => sandbox?.stop());

const start = (vm: Vm): RunningCapture => startCapture(sandbox, copyInputsFor(sandbox, vm));

/** The power of the node of a copy's pod is cut as soon as the pod has this phase. */
async function cutPowerOnce(phase: string): Promise<Vm> {
    const { core, config } = sandbox.nodes.api;
    const labelSelector = "kamino/scale-set";
    const list = () => core.listNamespacedPod({ namespace: "kamino-capture", labelSelector });
    const pods = makeInformer<V1Pod>(config, "/api/v1/namespaces/kamino-capture/pods", list, labelSelector);
    const found = new Promise<Vm>((resolve) => {
        for (const verb of ["add", "update"] as const) {
            pods.on(verb, ({ status, spec }) => {
                const vm = sandbox.azure.vms().find(({ nodeName }) => nodeName === spec?.nodeName);
                if (vm && status?.phase === phase && off === undefined) {
                    off = vm;
                    void sandbox.azure.powerOffVm(vm.id, { skipShutdown: true });
                    resolve(vm);
                }
            });
        }
    });
    await pods.start();
    const vm = await found;
    await pods.stop();
    await sandbox.nodes.waitForReady(vm.nodeName, false);
    return vm;
}

/** The most attachments that there are at a time. */
async function watchAttachments(): Promise<() => Promise<number>> {
    const { storage, config } = sandbox.nodes.api;
    const there = new Set<string>();
    let most = 0;
    const path = "/apis/storage.k8s.io/v1/volumeattachments";
    const attachments = makeInformer<V1VolumeAttachment>(config, path, () => storage.listVolumeAttachment());
    attachments.on("add", ({ metadata }) => {
        there.add(metadata?.uid ?? "");
        most = Math.max(most, there.size);
    });
    attachments.on("delete", ({ metadata }) => void there.delete(metadata?.uid ?? ""));
    await attachments.start();
    return async () => {
        await attachments.stop();
        return most;
    };
}

/** What a capture that ended well has left: one cleaned disk, and a node that has noticed nothing. */
async function expectOneCopy(vm: Vm, { captured, error }: Awaited<RunningCapture["result"]>) {
    expect(error).toBeUndefined();
    const disks = (await resourcesOf(send, "disks", vm)).filter(({ id }) => id !== vm.osDiskId);
    expect(disks.map(({ id }) => id)).toEqual([captured?.snapshotId]);
    expect(disks[0]).toMatchObject({ properties: { diskState: "Unattached" } });
    expect(disks[0].tags).toHaveProperty("cleaned");
    expect([...(await resourcesOf(send, "snapshots", vm)), ...(await captureObjects(sandbox))]).toEqual([]);
    expect(await serviceOf(sandbox, vm)).toMatchObject({ ready: true, cordoned: false, power: "running" });
}

test("a node that dies while it cleans has the copy taken from it, and the disk is copied anew for another node", async () => {
    const vm = unused.pop()!;
    sandbox.azure.requests.clear();
    const stopWatching = await watchAttachments();
    const running = start(vm);
    const host = await cutPowerOnce("Running");
    const result = await running.result;
    await expectOneCopy(vm, result);
    expect(await stopWatching()).toBe(1);
    const waited = `waiting until the copy is detached: node ${host.nodeName} is not Ready, and Kubernetes gives it six`;
    expect(running.said()).toContain(waited);
    expect(running.said()).toContain(
        `node ${host.nodeName}, to which the copy was attached, is not Ready; the disk is copied once more, for another node`,
    );
    const [first, second, ...others] = attachedTo(sandbox);
    expect([first.toLowerCase(), others]).toEqual([host.id.toLowerCase(), []]);
    expect(second.toLowerCase()).not.toBe(vm.id.toLowerCase());
});

test("a copy whose node dies before it has unmounted it is never an image, however clean its pod says that it is", async () => {
    const vm = unused.pop()!;
    sandbox.nodes.volumes.unmountMs = 30_000;
    sandbox.azure.requests.clear();
    const running = start(vm);
    const host = await cutPowerOnce("Succeeded");
    sandbox.nodes.volumes.unmountMs = 0;
    await expectOneCopy(vm, await running.result);
    expect(attachedTo(sandbox)[0].toLowerCase()).toBe(host.id.toLowerCase());
    const made = sandbox.azure.requests
        .writes()
        .filter(({ path, method }) => method === "PUT" && /\/disks\//.test(path));
    expect(made).toHaveLength(2);
});

test("killed with the node that cleans, the next run deletes its pod by force, and finishes", async () => {
    const vm = unused.pop()!;
    const running = start(vm);
    const host = await cutPowerOnce("Running");
    running.kill("SIGKILL");
    await running.result;
    const next = start(vm);
    await heard(next, `detached: node ${host.nodeName} is not Ready`);
    await expectOneCopy(vm, await next.result);
});

/** Declares that a machine is off for good, as kubectl taint does. */
async function declareOutOfService({ nodeName }: Vm): Promise<void> {
    const { core } = sandbox.nodes.api;
    const taint = { key: "node.kubernetes.io/out-of-service", value: "nodeshutdown", effect: "NoExecute" };
    // The node controller writes taints too.
    await waitFor("the node to be tainted", async () => {
        const { metadata, spec } = await core.readNode({ name: nodeName });
        const body = [
            { op: "test", path: "/metadata/resourceVersion", value: metadata?.resourceVersion },
            { op: "add", path: "/spec/taints", value: [...(spec?.taints ?? []), taint] },
        ];
        return core.patchNode({ name: nodeName, body }).catch(() => undefined);
    });
}

test.each([
    ["deleted", ({ nodeName }: Vm) => sandbox.nodes.api.core.deleteNode({ name: nodeName })],
    ["declared out of service", declareOutOfService],
])("a node that dies and is %s gives the copy back at once", async (_what, giveUp) => {
    const vm = unused.pop()!;
    const running = start(vm);
    const host = await cutPowerOnce("Running");
    await giveUp(host);
    await expectOneCopy(vm, await running.result);
    expect(running.said()).not.toContain("six minutes");
});
