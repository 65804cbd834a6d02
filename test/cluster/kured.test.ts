// The sandbox's kured against the real API server: the states in which a real kured leaves nodes, one after the other.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { PatchStrategy, setHeaderOptions } from "@kubernetes/client-node";
import { findNode, patchNode, readyCondition, waitFor, type Api } from "../../sandbox/nodes/api";
import { MOST_RECENT_REBOOT_NEEDED, NODE_LOCK, REBOOT_IN_PROGRESS } from "../../sandbox/nodes/kuredAnnotations";
import type { KuredOptions } from "../../sandbox/nodes";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { deploy, makeNamespace, policy, statusOf } from "./api";

describe("the sandbox's kured", { timeout: 120_000 }, () => {
    let sandbox: Sandbox;
    let api: Api;
    let nodes: string[];
    let at: { name: string; namespace: string } = { name: "kured", namespace: "kube-system" };

    beforeAll(async () => {
        sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 3 }], kured: false });
        api = sandbox.nodes.api;
        nodes = sandbox.azure.vms().map(({ nodeName }) => nodeName);
    }, 180_000);
    afterAll(() => sandbox?.stop());

    const use = async (options: KuredOptions = {}) => {
        at = { name: options.name ?? "kured", namespace: options.namespace ?? "kube-system" };
        await sandbox.nodes.installKured(options);
    };
    const lock = async (key = NODE_LOCK) => (await api.apps.readNamespacedDaemonSet(at)).metadata?.annotations?.[key];
    const setLock = (value: string | null, key = NODE_LOCK) =>
        api.apps.patchNamespacedDaemonSet(
            { ...at, body: { metadata: { annotations: { [key]: value } } } },
            setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
        );
    const stateOf = async (name: string) => {
        const node = await findNode(api, name);
        const annotations = node?.metadata?.annotations ?? {};
        return {
            ready: readyCondition(node)?.status === "True",
            boot: node?.status?.nodeInfo?.bootID,
            cordoned: node?.spec?.unschedulable === true,
            needed: annotations[MOST_RECENT_REBOOT_NEEDED],
            inProgress: annotations[REBOOT_IN_PROGRESS],
        };
    };
    const until = (what: string, condition: () => Promise<boolean>) =>
        waitFor(what, async () => ((await condition()) ? true : undefined));

    beforeEach(() => use());
    afterEach(async () => {
        await sandbox.nodes.settled();
        await sandbox.nodes.uninstallKured();
        for (const name of nodes) {
            const annotations = { [MOST_RECENT_REBOOT_NEEDED]: null, [REBOOT_IN_PROGRESS]: null };
            await patchNode(api, name, { metadata: { annotations }, spec: { unschedulable: null } });
        }
    });

    test("marks all waiting nodes at once, and reboots them one after the other", async () => {
        const [a, b] = nodes;
        await setLock(JSON.stringify({ nodeID: "kamino/pool1", metadata: { unschedulable: false }, created: "2026-11-25T13:57:34Z", TTL: 0 })); // prettier-ignore
        const rounds = [sandbox.nodes.patchAndReboot(a), sandbox.nodes.patchAndReboot(b)];
        for (const name of [a, b]) {
            await until(`${name} to be marked`, async () => (await stateOf(name)).inProgress !== undefined);
            const state = await stateOf(name);
            expect(state.needed).toBe(state.inProgress);
            expect(state).toMatchObject({ ready: true, cordoned: false });
        }
        await setLock(null);
        expect(await Promise.all(rounds)).toEqual(["freed", "freed"]);
        for (const name of [a, b]) {
            expect(await stateOf(name)).toMatchObject({ cordoned: false, inProgress: undefined });
        }
        expect(await lock()).toBeUndefined();
    });

    test("frees a node some time after its boot: until then it is Ready, cordoned, in progress and locked", async () => {
        const [node] = nodes;
        await use({ firstTickMs: 4_000 });
        const before = await stateOf(node);
        const round = sandbox.nodes.patchAndReboot(node);
        await until("the node to be back", async () => {
            // The kubelet says so itself: the machine has booted before its node's object knows of it.
            const { ready, boot } = await stateOf(node);
            return ready && boot !== before.boot;
        });
        const state = await stateOf(node);
        expect(state).toMatchObject({ ready: true, cordoned: true, inProgress: state.needed });
        expect(JSON.parse((await lock()) ?? "{}")).toMatchObject({ nodeID: node, TTL: 0 });
        expect(await round).toBe("freed");
        expect(await stateOf(node)).toMatchObject({ cordoned: false, inProgress: undefined, needed: state.needed });
    });

    test("writes nothing on a node that is in progress already", async () => {
        const [node] = nodes;
        const old = "2026-11-20T04:12:09Z";
        const annotations = { [MOST_RECENT_REBOOT_NEEDED]: old, [REBOOT_IN_PROGRESS]: old };
        await patchNode(api, node, { metadata: { annotations } });
        expect(await sandbox.nodes.patchAndReboot(node)).toBe("freed");
        expect(await stateOf(node)).toMatchObject({ needed: old, inProgress: undefined });
    });

    test("is gone with its machine's power while it waits, and what it wrote stays for ever", async () => {
        const [node] = nodes;
        const [vm] = sandbox.azure.vms();
        await setLock('{"nodeID":"kamino/pool1"}');
        const round = sandbox.nodes.patchAndReboot(node);
        await until("the node to be marked", async () => (await stateOf(node)).inProgress !== undefined);
        await sandbox.azure.stopVmFromInside(vm.id);
        expect(await round).toBe("cut off");
        await sandbox.azure.startVm(vm.id);
        await sandbox.nodes.waitForReady(node);
        await sandbox.nodes.settled();
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        expect((await stateOf(node)).inProgress).toBeDefined();
        expect(await lock()).toBe('{"nodeID":"kamino/pool1"}');
        await expect(sandbox.nodes.kuredTick(node), "the sentinel was in memory").rejects.toThrow(
            "does not need a reboot",
        );
    });

    test("gives up a drain that takes too long: uncordoned and released, still marked with the old moment", async () => {
        const [node] = nodes;
        await use({ drainTimeoutMs: 1_000 });
        const namespace = await makeNamespace(api, "held-back");
        const [pod] = await deploy(api, namespace, "precious", 1);
        const spec = { minAvailable: 1, selector: { matchLabels: { app: "precious" } } };
        const body = { metadata: { name: "keep" }, spec };
        await policy(api).createNamespacedPodDisruptionBudget({ namespace, body });
        await waitFor("the budget to be counted", async () => {
            const { status } = await policy(api).readNamespacedPodDisruptionBudget({ namespace, name: "keep" });
            return status?.currentHealthy === 1 ? true : undefined;
        });
        const where = pod.spec?.nodeName ?? node;
        expect(await sandbox.nodes.patchAndReboot(where)).toBe("drain failed");
        const state = await stateOf(where);
        expect(state).toMatchObject({ cordoned: false, inProgress: state.needed });
        expect(await lock()).toBeUndefined();
        await api.core.deleteNamespace({ name: namespace });
        await until(
            "the namespace to go",
            async () => (await statusOf(api.core.readNamespace({ name: namespace }))) === 404,
        );
        expect(await sandbox.nodes.kuredTick(where)).toBe("freed");
        expect(await stateOf(where)).toMatchObject({ needed: state.needed, inProgress: undefined });
    });

    test("finds its lock on the DaemonSet wherever it is named, in the form with several holders", async () => {
        const [a, b] = nodes;
        await sandbox.nodes.uninstallKured();
        const lockAnnotation = "example.org/lock";
        const options = { name: "reboots", namespace: "ops", concurrency: 2, lockTtlMs: 1_800_000, lockAnnotation };
        await use({ ...options, firstTickMs: 3_000, optionsIn: "env" });
        const { spec } = await api.apps.readNamespacedDaemonSet(at);
        expect(spec?.template.spec?.containers[0].env).toContainEqual({ name: "KURED_CONCURRENCY", value: "2" });
        const rounds = [sandbox.nodes.patchAndReboot(a), sandbox.nodes.patchAndReboot(b)];
        await until("both to hold it", async () => ((await lock(lockAnnotation)) ?? "").split("nodeID").length === 3);
        expect(JSON.parse((await lock(lockAnnotation)) ?? "")).toMatchObject({
            maxOwners: 2,
            locks: [{ TTL: 1.8e12 }, {}],
        });
        expect(await Promise.all(rounds)).toEqual(["freed", "freed"]);
        expect(await lock(lockAnnotation)).toBe('{"maxOwners":2,"locks":[]}');
    });

    test("each boot has its own id; an emptied machine id is a new one; heartbeats go on", async () => {
        const [node] = nodes;
        const [vm] = sandbox.azure.vms();
        const infoOf = async () => (await findNode(api, node))?.status?.nodeInfo;
        const beatOf = async () => readyCondition(await findNode(api, node))?.lastHeartbeatTime?.getTime() ?? 0;
        const before = await infoOf();
        await sandbox.nodes.patchAndReboot(node, { kernel: "5.4.0-1110-azure" });
        const after = await infoOf();
        expect(after?.bootID).not.toBe(before?.bootID);
        expect(after?.bootID).toBe(vm.bootId);
        expect(after?.machineID).toBe(before?.machineID);
        expect([before?.kernelVersion, after?.kernelVersion]).toEqual(["5.4.0-1109-azure", "5.4.0-1110-azure"]);
        expect(after).toMatchObject({ osImage: "Ubuntu 18.04.6 LTS", containerRuntimeVersion: "containerd://1.6.36" });
        const beat = await beatOf();
        await until("the next heartbeat", async () => (await beatOf()) > beat);
    });
});
