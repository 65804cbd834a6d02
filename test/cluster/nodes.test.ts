// Machines as nodes: what runs on them, how they go and come back, what really happens on their disks, what kured
// leaves.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CoordinationV1Api } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findNode, patchNode, readyCondition, waitFor, type Api } from "../../sandbox/nodes/api";
import { MOST_RECENT_REBOOT_NEEDED, NODE_LOCK, REBOOT_IN_PROGRESS } from "../../sandbox/nodes/kuredAnnotations";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import type { Vm } from "../../sandbox/azure";
import { batch, deploy, hostPod, makeNamespace, PAUSE, podIn, policy, statusOf } from "./api";

describe("the sandbox's nodes", { timeout: 120_000 }, () => {
    let sandbox: Sandbox;
    let api: Api;
    let vms: Vm[];

    beforeAll(async () => {
        sandbox = await startSandbox({
            pools: [{ name: "pool1", capacity: 4, zones: ["1", "2"], taints: [], labels: { team: "blue" } }],
        });
        api = sandbox.nodes.api;
        vms = sandbox.azure.vms();
    }, 180_000);

    afterAll(async () => {
        const directory = sandbox?.directory;
        await sandbox?.stop();
        expect(existsSync(directory)).toBe(false);
    });

    const annotationsOf = async (name: string) => (await findNode(api, name))?.metadata?.annotations ?? {};

    test("are the machines of the scale set, by provider id, with the labels of its kubelet settings", async () => {
        const { items } = await api.core.listNode();
        expect(items.map(({ metadata }) => metadata?.name).sort()).toEqual(vms.map(({ nodeName }) => nodeName).sort());
        const node = items.find(({ metadata }) => metadata?.name === vms[1].nodeName);
        expect(node?.spec?.providerID?.toLowerCase()).toBe(`azure://${vms[1].id}`.toLowerCase());
        expect(node?.metadata?.labels).toMatchObject({
            agentpool: "pool1",
            team: "blue",
            "kubernetes.azure.com/role": "agent",
            "kubernetes.io/hostname": vms[1].nodeName,
            "topology.kubernetes.io/zone": `westeurope-${vms[1].zone}`,
        });
        expect(readyCondition(node)?.status).toBe("True");
    });

    test("run a Deployment and kured's DaemonSet", async () => {
        const namespace = await makeNamespace(api, "workload");
        const pods = await deploy(api, namespace, "web", 4);
        expect(pods.every(({ spec }) => vms.some(({ nodeName }) => nodeName === spec?.nodeName))).toBe(true);
        await waitFor("kured on every node", async () => {
            const { status } = await api.apps.readNamespacedDaemonSet({ namespace: "kube-system", name: "kured" });
            return status?.numberReady === vms.length ? true : undefined;
        });
    });

    test("keep a pod that a PodDisruptionBudget holds, until the budget lets go", async () => {
        const namespace = await makeNamespace(api, "budget");
        const [pod] = await deploy(api, namespace, "precious", 1);
        const spec = { minAvailable: 1, selector: { matchLabels: { app: "precious" } } };
        await policy(api).createNamespacedPodDisruptionBudget({
            namespace,
            body: { metadata: { name: "keep" }, spec },
        });
        const name = pod.metadata?.name ?? "";
        const evict = () =>
            statusOf(
                api.core.createNamespacedPodEviction({ namespace, name, body: { metadata: { name, namespace } } }),
            );
        await waitFor("the budget to be counted", async () => {
            const { status } = await policy(api).readNamespacedPodDisruptionBudget({ namespace, name: "keep" });
            return status?.currentHealthy === 1 ? true : undefined;
        });
        expect(await evict()).toBe(429);
        await policy(api).deleteNamespacedPodDisruptionBudget({ namespace, name: "keep" });
        // The API server reads budgets from a cache.
        await waitFor("the eviction to be let through", async () => ((await evict()) !== 429 ? true : undefined));
        await waitFor("the pod to go", async () =>
            (await statusOf(api.core.readNamespacedPod({ namespace, name }))) === 404 ? true : undefined,
        );
    });

    test("run the Job that a CronJob makes, to its end", async () => {
        const namespace = await makeNamespace(api, "cron");
        const template = { spec: { template: { spec: { restartPolicy: "Never", containers: [PAUSE] } } } };
        await batch(api).createNamespacedCronJob({
            namespace,
            body: { metadata: { name: "each-minute" }, spec: { schedule: "* * * * *", jobTemplate: template } },
        });
        const job = await waitFor(
            "the job of this minute",
            async () => {
                const { items } = await batch(api).listNamespacedJob({ namespace });
                return items.find(({ status }) => status?.succeeded === 1);
            },
            90_000,
        );
        expect(job.metadata?.ownerReferences?.[0]).toMatchObject({ kind: "CronJob", name: "each-minute" });
        await batch(api).deleteNamespacedCronJob({ namespace, name: "each-minute" });
    });

    test("are not ready while their machine is off, and their pods do not end; then all is as before", async () => {
        const namespace = await makeNamespace(api, "outage");
        const vm = vms[0];
        const body = { metadata: { name: "there" }, spec: { nodeName: vm.nodeName, containers: [PAUSE] } };
        await api.core.createNamespacedPod({ namespace, body });
        await podIn(api, namespace, "there", "Running");

        await sandbox.azure.stopVmFromInside(vm.id);
        await sandbox.nodes.waitForReady(vm.nodeName, false);
        // Two controllers write them, each in its own time.
        await waitFor("the taints of the node controller and of the cloud's", async () => {
            const taints = (await findNode(api, vm.nodeName))?.spec?.taints ?? [];
            const marks = taints.map(({ key, effect }) => `${key}:${effect}`);
            const wanted = [
                "node.kubernetes.io/unreachable:NoExecute",
                "node.cloudprovider.kubernetes.io/shutdown:NoSchedule",
            ];
            return wanted.every((mark) => marks.includes(mark)) ? true : undefined;
        });
        await api.core.deleteNamespacedPod({ namespace, name: "there", gracePeriodSeconds: 1 });
        await new Promise((resolve) => setTimeout(resolve, 2_500));
        const pod = await api.core.readNamespacedPod({ namespace, name: "there" });
        expect(pod.metadata?.deletionTimestamp, "a kubelet that is off ends no pod").toBeDefined();

        await sandbox.azure.startVm(vm.id);
        await sandbox.nodes.waitForReady(vm.nodeName);
        await waitFor("the pod to go", async () =>
            (await statusOf(api.core.readNamespacedPod({ namespace, name: "there" }))) === 404 ? true : undefined,
        );
        await waitFor("all taints to go", async () =>
            (await findNode(api, vm.nodeName))?.spec?.taints === undefined ? true : undefined,
        );
    });

    describe("run a pod that mounts the host's root for real", () => {
        let namespace: string;
        beforeAll(async () => {
            namespace = await makeNamespace(api, "host");
        });

        test("its script changes the disk of that machine, and its exit code and log are reported", async () => {
            const script = 'echo "on $(cat "$HOST_ROOT/etc/hostname")"; echo seen > "$HOST_ROOT/etc/motd"';
            await api.core.createNamespacedPod({ namespace, body: hostPod("works", vms[1].nodeName, script) });
            await podIn(api, namespace, "works", "Succeeded");
            expect(readFileSync(join(vms[1].diskDirectory, "etc/motd"), "utf8")).toBe("seen\n");
            expect(existsSync(join(vms[0].diskDirectory, "etc/motd"))).toBe(false);
            const log = await api.core.readNamespacedPodLog({ namespace, name: "works" });
            expect(log).toBe(`on ${vms[1].computerName}\n`);
        });

        test("a script that fails is a failed pod with its last words", async () => {
            const body = hostPod("fails", vms[1].nodeName, "echo out of luck >&2; exit 3");
            await api.core.createNamespacedPod({ namespace, body });
            const pod = await podIn(api, namespace, "fails", "Failed", "Succeeded");
            expect(pod.status?.containerStatuses?.[0].state?.terminated).toMatchObject({
                exitCode: 3,
                message: "out of luck\n",
            });
        });

        test("deleting the pod ends its script", async () => {
            const script =
                `trap 'echo ended > "$HOST_ROOT/etc/trapped"; exit 0' TERM; ` +
                'echo > "$HOST_ROOT/etc/listens"; sleep 60 & wait';
            const isThere = (file: string) => existsSync(join(vms[1].diskDirectory, file));
            await api.core.createNamespacedPod({ namespace, body: hostPod("long", vms[1].nodeName, script) });
            await expect.poll(() => isThere("etc/listens"), { timeout: 30_000 }).toBe(true);
            await api.core.deleteNamespacedPod({ namespace, name: "long" });
            await waitFor("the pod to go", async () =>
                (await statusOf(api.core.readNamespacedPod({ namespace, name: "long" }))) === 404 ? true : undefined,
            );
            await expect.poll(() => isThere("etc/trapped"), { timeout: 30_000 }).toBe(true);
        });

        test("writing o to sysrq-trigger cuts the power at once; back again, the pod has failed", async () => {
            const vm = vms[2];
            const script = 'printf o > "$HOST_ROOT/proc/sysrq-trigger"; sleep 1; echo late > "$HOST_ROOT/etc/late"';
            await api.core.createNamespacedPod({ namespace, body: hostPod("off", vm.nodeName, script) });
            await sandbox.nodes.waitForReady(vm.nodeName, false);
            expect(sandbox.azure.vm(vm.id)?.power).toBe("stopped");
            await new Promise((resolve) => setTimeout(resolve, 1_200));
            expect(existsSync(join(vm.diskDirectory, "etc/late"))).toBe(false);
            expect((await api.core.readNamespacedPod({ namespace, name: "off" })).status?.phase).toBe("Running");
            await sandbox.azure.startVm(vm.id);
            await sandbox.nodes.waitForReady(vm.nodeName);
            await podIn(api, namespace, "off", "Failed");
        });
    });

    describe("patched and rebooted as by kured", () => {
        test("carry its two annotations with the node's offset on the way, and the first one afterwards", async () => {
            const node = vms[1].nodeName;
            const seen: Promise<Record<string, string>>[] = [];
            const unsubscribe = sandbox.azure.onVm(() => void seen.push(annotationsOf(node)));
            const at = new Date(Date.now() - 15 * 3600_000);
            await sandbox.nodes.patchAndReboot(node, { patchLevel: "2026.11.22", at, utcOffsetMinutes: 120 });
            unsubscribe();
            const local = `${new Date(at.getTime() + 2 * 3600_000).toISOString().slice(0, 19)}+02:00`;
            expect(await seen[0]).toMatchObject({ [MOST_RECENT_REBOOT_NEEDED]: local, [REBOOT_IN_PROGRESS]: local });
            const after = await annotationsOf(node);
            expect(after[MOST_RECENT_REBOOT_NEEDED]).toBe(local);
            expect(after).not.toHaveProperty(REBOOT_IN_PROGRESS);
            expect(sandbox.nodes.patchLevel(node)).toBe("2026.11.22");
            expect((await findNode(api, node))?.spec?.unschedulable).toBeUndefined();
            const kured = await api.apps.readNamespacedDaemonSet({ namespace: "kube-system", name: "kured" });
            expect(kured.metadata?.annotations ?? {}).not.toHaveProperty(NODE_LOCK);
        });

        test("have been ready since then, also after their kubelet has given further signs of life", async () => {
            const node = vms[1].nodeName;
            const since = new Date(Math.floor(Date.now() / 1000) * 1000 - 10 * 3600_000);
            await sandbox.nodes.setReadySince(node, since);
            await patchNode(api, node, { metadata: { labels: { touched: "yes" } } });
            const leases = api.config.makeApiClient(CoordinationV1Api);
            const renewed = async () => {
                const { spec } = await leases.readNamespacedLease({ namespace: "kube-node-lease", name: node });
                return spec?.renewTime?.toString();
            };
            const before = await renewed();
            await expect.poll(renewed, { timeout: 120_000, interval: 1000 }).not.toBe(before);
            const ready = readyCondition(await findNode(api, node));
            expect(ready).toMatchObject({ status: "True", lastTransitionTime: since });
        });

        test("stay cordoned if they were", async () => {
            const node = vms[3].nodeName;
            await patchNode(api, node, { spec: { unschedulable: true } });
            await sandbox.nodes.patchAndReboot(node, { patchLevel: "2026.11.23" });
            expect((await findNode(api, node))?.spec?.unschedulable).toBe(true);
            await patchNode(api, node, { spec: { unschedulable: null } });
        });
    });

    test("come and go with the pool's capacity", async () => {
        const [scaleSet] = sandbox.azure.scaleSets();
        await sandbox.azure.setCapacity(scaleSet.id, 5);
        await sandbox.nodes.settled();
        const added = sandbox.azure.vms().find(({ id }) => !vms.some((vm) => vm.id === id));
        await sandbox.nodes.waitForReady(added?.nodeName ?? "");
        await sandbox.azure.setCapacity(scaleSet.id, 4);
        await sandbox.nodes.settled();
        expect(await findNode(api, added?.nodeName ?? "")).toBeUndefined();
    });
});
