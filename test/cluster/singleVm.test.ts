// A VM apart from scale sets as a node: its name, its power and end, kured's reboot, a copy of its disk for a pod.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Vm } from "../../sandbox/azure";
import { findNode, readyCondition, waitFor } from "../../sandbox/nodes/api";
import { DISK_DRIVER } from "../../sandbox/nodes/diskDriver";
import { MOST_RECENT_REBOOT_NEEDED } from "../../sandbox/nodes/kuredAnnotations";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { computeClient } from "../azure/support";
import { makeNamespace, podIn } from "./api";

const GROUP = "Hand-Built";

describe("a single VM", { timeout: 180_000 }, () => {
    let sandbox: Sandbox;
    let vm: Vm;
    let other: Vm;

    beforeAll(async () => {
        sandbox = await startSandbox({ pools: [] });
        const common = { resourceGroup: GROUP, labels: { pool: "hand" }, osDisk: "Delete" } as const;
        vm = await sandbox.azure.createVm({ ...common, name: "Hand-1" });
        other = await sandbox.azure.createVm({ ...common, name: "Hand-2" });
        await sandbox.nodes.settled();
    }, 180_000);
    afterAll(() => sandbox?.stop());

    const node = (name: string) => findNode(sandbox.nodes.api, name);

    test("is a node under the cloud provider's name for it, with kubeadm's annotation and its labels", async () => {
        const { metadata, spec } = (await node("hand-1")) ?? {};
        const subscription = `/subscriptions/${sandbox.azure.subscriptionId}`;
        expect(spec?.providerID).toBe(
            `azure://${subscription}/resourceGroups/hand-built/providers/Microsoft.Compute/virtualMachines/Hand-1`,
        );
        expect(metadata?.annotations).toHaveProperty(["kubeadm.alpha.kubernetes.io/cri-socket"]);
        expect(metadata?.labels).toMatchObject({ pool: "hand", "node.kubernetes.io/instance-type": "Standard_D2s_v3" });
    });

    test("is silent while it is off, by whatever way, and ready again after", async () => {
        await computeClient(sandbox.azure).virtualMachines.powerOff(GROUP, "Hand-1");
        await sandbox.nodes.waitForReady("hand-1", false);
        expect(readyCondition(await node("hand-1"))?.status).not.toBe("True");
        await computeClient(sandbox.azure).virtualMachines.start(GROUP, "Hand-1");
        await sandbox.nodes.waitForReady("hand-1");
        expect(readyCondition(await node("hand-1"))?.status).toBe("True");
    });

    test("is patched and rebooted by kured", async () => {
        const at = new Date("2026-11-22T04:12:00Z");
        await sandbox.nodes.patchAndReboot("hand-1", { at, utcOffsetMinutes: 0, patchLevel: "2026.11.22" });
        expect((await node("hand-1"))?.metadata?.annotations?.[MOST_RECENT_REBOOT_NEEDED]).toBe("2026-11-22T04:12:00Z");
        expect(sandbox.nodes.patchLevel("hand-1")).toBe("2026.11.22");
    });

    test("takes a copy of another one's disk, for a pod that works on it", async () => {
        const { api } = sandbox.nodes;
        const namespace = await makeNamespace(api, "copies");
        writeFileSync(join(vm.diskDirectory, "etc/motd"), "from the donor\n");
        const client = computeClient(sandbox.azure);
        const from = (sourceResourceId = "") => ({ createOption: "Copy", sourceResourceId });
        const snapshot = await client.snapshots.createOrUpdate(GROUP, "copy", {
            ...{ location: vm.location, incremental: true, creationData: from(vm.osDiskId) },
        });
        const copy = { location: vm.location, creationData: from(snapshot.id) };
        const disk = await client.disks.createOrUpdate(GROUP, "copy", copy);
        const storage = { storage: "30Gi" };
        const claim = { accessModes: ["ReadWriteOnce"], storageClassName: "" };
        const metadata = { name: "copy" };
        const csi = { driver: DISK_DRIVER, volumeHandle: disk.id ?? "", volumeAttributes: { partition: "1" } };
        await api.core.createPersistentVolume({
            body: { metadata, spec: { ...claim, capacity: storage, claimRef: { namespace, name: "copy" }, csi } },
        });
        await api.core.createNamespacedPersistentVolumeClaim({
            namespace,
            body: { metadata, spec: { ...claim, volumeName: "copy", resources: { requests: storage } } },
        });
        const command = ["sh", "-c", 'cat "$DISK/etc/motd" > "$RESULT"'];
        const env = [
            { name: "DISK", value: "/disk" },
            { name: "RESULT", value: "/dev/termination-log" },
        ];
        const volumeMounts = [{ name: "disk", mountPath: "/disk" }];
        const containers = [{ name: "read", image: "busybox:1.37", command, env, volumeMounts }];
        const volumes = [{ name: "disk", persistentVolumeClaim: { claimName: "copy" } }];
        const spec = { nodeName: other.nodeName, restartPolicy: "Never", containers, volumes };
        await api.core.createNamespacedPod({ namespace, body: { metadata, spec } });
        const { status } = await podIn(api, namespace, "copy", "Succeeded");
        expect(status?.containerStatuses?.[0].state?.terminated?.message).toBe("from the donor\n");
        const writes = sandbox.azure.requests.writes().filter(({ path }) => path.endsWith("/virtualMachines/Hand-2"));
        expect(writes[0]).toMatchObject({ method: "PUT", principal: "azuredisk-csi-driver", status: 200 });
    });

    test("is no node any more once it is deleted", async () => {
        expect(readyCondition(await node("hand-2"))?.status).toBe("True");
        await computeClient(sandbox.azure).virtualMachines.delete(GROUP, "Hand-2");
        await waitFor("the node to go", async () => ((await node("hand-2")) ? undefined : true));
        await sandbox.nodes.settled();
    });
});
