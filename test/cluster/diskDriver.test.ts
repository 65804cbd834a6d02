// A disk's way to a pod: the real attach/detach controller, the driver as the sandbox plays it, the local Azure, and
// the disk's files.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { V1Pod, V1PodSpec } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ScaleSet, Vm } from "../../sandbox/azure";
import { findNode, waitFor, type Api } from "../../sandbox/nodes/api";
import { DISK_DRIVER, DISK_ZONE } from "../../sandbox/nodes/diskDriver";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { sender, finished, type Send } from "../azure/support";
import { makeNamespace, podIn, statusOf } from "./api";

const DISK = "api-version=2024-03-02";

/** In place of a partition's number. */
const WHOLE_DISK = "the whole disk";

describe("the sandbox's disk driver", { timeout: 180_000 }, () => {
    let sandbox: Sandbox;
    let api: Api;
    let send: Send;
    let pool: ScaleSet;
    let vms: Vm[];
    let namespace: string;
    let count = 0;

    beforeAll(async () => {
        sandbox = await startSandbox({
            pools: [{ name: "pool1", capacity: 3, zones: ["1", "2"] }],
            kured: false,
            forcedDetachSeconds: 5,
        });
        api = sandbox.nodes.api;
        send = await sender(sandbox.azure);
        [pool] = sandbox.azure.scaleSets();
        vms = sandbox.azure.vms();
        namespace = await makeNamespace(api, "copies");
    }, 180_000);
    afterAll(() => sandbox?.stop());

    const arm = (type: string, name: string) => `${pool.id.split("/").slice(0, 5).join("/")}/providers/Microsoft.Compute/${type}/${name}`; // prettier-ignore
    const write = async (id: string, body: object) => {
        const accepted = await send("PUT", `${id}?${DISK}`, { location: pool.location, ...body });
        expect((await finished(send, accepted)).body.status, accepted.text).toBe("Succeeded");
    };
    const diskState = async (id: string) =>
        (await send("GET", `${id}?${DISK}`)).body.properties.diskState as unknown as string;

    /** A copy of a running machine's disk in a zone. */
    async function copyOf(vm: Vm, zone: string): Promise<{ name: string; id: string }> {
        const name = `copy-${++count}`;
        const snapshot = arm("snapshots", name);
        const from = (sourceResourceId: string) => ({ creationData: { createOption: "Copy", sourceResourceId } });
        await write(snapshot, { properties: { ...from(vm.osDiskId), incremental: true } });
        await write(arm("disks", name), { zones: [zone], properties: from(snapshot) });
        return { name, id: arm("disks", name) };
    }

    /** A static volume for the disk, and a claim that is bound to it. */
    async function claim(name: string, volumeHandle: string, zone: string, partition = "1"): Promise<void> {
        const storage = { storage: "30Gi" };
        const terms = [
            { matchExpressions: [{ key: DISK_ZONE, operator: "In", values: [`${pool.location}-${zone}`] }] },
        ];
        const volumeAttributes = partition === WHOLE_DISK ? undefined : { partition };
        await api.core.createPersistentVolume({
            body: {
                metadata: { name },
                spec: {
                    capacity: storage,
                    accessModes: ["ReadWriteOnce"],
                    persistentVolumeReclaimPolicy: "Retain",
                    storageClassName: "",
                    claimRef: { namespace, name },
                    csi: { driver: DISK_DRIVER, volumeHandle, volumeAttributes },
                    nodeAffinity: { required: { nodeSelectorTerms: terms } },
                },
            },
        });
        await api.core.createNamespacedPersistentVolumeClaim({
            namespace,
            body: {
                metadata: { name },
                spec: {
                    accessModes: ["ReadWriteOnce"],
                    storageClassName: "",
                    volumeName: name,
                    resources: { requests: storage },
                },
            },
        });
    }

    function cleaner(name: string, script: string, change: Partial<V1PodSpec> = {}): V1Pod {
        return {
            metadata: { name },
            spec: {
                restartPolicy: "Never",
                terminationGracePeriodSeconds: 1,
                automountServiceAccountToken: false,
                containers: [
                    {
                        name: "clean",
                        image: "busybox:1.37",
                        command: ["sh", "-c", script],
                        env: [
                            { name: "DISK", value: "/disk" },
                            { name: "RESULT", value: "/dev/termination-log" },
                        ],
                        securityContext: { privileged: false, capabilities: { drop: ["ALL"], add: ["DAC_OVERRIDE"] } },
                        terminationMessagePolicy: "FallbackToLogsOnError",
                        volumeMounts: [{ name: "disk", mountPath: "/disk" }],
                    },
                ],
                volumes: [{ name: "disk", persistentVolumeClaim: { claimName: name } }],
                ...change,
            },
        };
    }

    const run = (pod: V1Pod) => api.core.createNamespacedPod({ namespace, body: pod });
    const nodeOf = async (name: string) => (await findNode(api, name))?.status;
    const gone = (what: string, call: () => Promise<unknown>) =>
        waitFor(what, async () => ((await statusOf(call())) === 404 ? true : undefined));
    const attachmentsOf = async (volume: string) =>
        (await api.storage.listVolumeAttachment()).items.filter(
            ({ spec }) => spec.source.persistentVolumeName === volume,
        );
    const remove = async (name: string) => {
        await api.core.deleteNamespacedPod({ namespace, name }).catch(() => undefined);
        await gone("the pod to go", () => api.core.readNamespacedPod({ namespace, name }));
        await api.core.deleteNamespacedPersistentVolumeClaim({ namespace, name });
        await api.core.deletePersistentVolume({ name });
        await gone("the volume to go", () => api.core.readPersistentVolume({ name }));
    };
    /** The one that says this: there may be others before it, of a claim that is not bound yet, say. */
    const warning = (name: string, reason: string, says: string) =>
        waitFor(`an event ${reason} that says ${says}`, async () => {
            const fieldSelector = `involvedObject.name=${name},reason=${reason}`;
            const { items } = await api.core.listNamespacedEvent({ namespace, fieldSelector });
            return items.find(({ message }) => message?.includes(says))?.message;
        });

    test("is in the cluster, with each node's zone and number of disks", async () => {
        const driver = await api.storage.readCSIDriver({ name: DISK_DRIVER });
        expect(driver.spec.attachRequired).toBe(true);
        for (const vm of vms) {
            const { spec, metadata } = await api.storage.readCSINode({ name: vm.nodeName });
            expect(spec.drivers).toEqual([
                { name: DISK_DRIVER, nodeID: vm.nodeName, topologyKeys: [DISK_ZONE], allocatable: { count: 4 } },
            ]);
            expect(metadata?.ownerReferences?.[0]).toMatchObject({ kind: "Node", name: vm.nodeName });
            const labels = (await findNode(api, vm.nodeName))?.metadata?.labels;
            expect(labels?.[DISK_ZONE]).toBe(`westeurope-${vm.zone}`);
        }
    });

    test("brings a disk to a pod in its zone, which sees its files and nothing else; then all is as before", async () => {
        const [donor] = vms;
        writeFileSync(join(donor.diskDirectory, "etc/motd"), "from the donor\n");
        mkdirSync(join(donor.diskDirectory, "run"), { recursive: true });
        writeFileSync(join(donor.diskDirectory, "run/secret"), "in memory\n");
        const before = { power: donor.power, bootId: donor.bootId };
        const { name, id } = await copyOf(donor, "2");
        await claim(name, id, "2");
        const script =
            'cat "$DISK/etc/motd"; ls "$DISK/run"; echo cleaned > "$DISK/etc/motd"; echo "{}" > "$RESULT"; ' +
            'until [ -e "$DISK/etc/go" ]; do sleep 0.1; done';
        await run(cleaner(name, script));
        const pod = await podIn(api, namespace, name, "Running");
        const node = vms.find(({ nodeName }) => nodeName === pod.spec?.nodeName);
        expect(node?.zone).toBe("2");
        const folder = sandbox.azure.diskFolder(id) ?? "";
        await expect.poll(() => readFileSync(join(folder, "etc/motd"), "utf8"), { timeout: 30_000 }).toBe("cleaned\n");
        const volume = `kubernetes.io/csi/${DISK_DRIVER}^${id}`;
        expect((await nodeOf(node?.nodeName ?? ""))?.volumesInUse).toEqual([volume]);
        expect((await nodeOf(node?.nodeName ?? ""))?.volumesAttached?.map((one) => one.name)).toEqual([volume]);
        const [attachment] = await attachmentsOf(name);
        expect(attachment.status).toMatchObject({ attached: true, attachmentMetadata: { LUN: "0" } });
        expect(await diskState(id)).toBe("Attached");
        writeFileSync(join(folder, "etc/go"), "");
        const ended = await podIn(api, namespace, name, "Succeeded");
        expect(ended.status?.containerStatuses?.[0].state?.terminated).toMatchObject({ exitCode: 0, message: "{}\n" });
        expect(await api.core.readNamespacedPodLog({ namespace, name })).toBe("from the donor\n");
        await remove(name);
        await expect.poll(() => diskState(id), { timeout: 30_000 }).toBe("Unattached");
        expect(await attachmentsOf(name)).toEqual([]);
        expect((await nodeOf(node?.nodeName ?? ""))?.volumesInUse ?? []).toEqual([]);
        expect({ power: donor.power, bootId: donor.bootId }).toEqual(before);
        expect(readFileSync(join(donor.diskDirectory, "etc/motd"), "utf8")).toBe("from the donor\n");
        const attach = sandbox.azure.requests
            .all()
            .find(({ path, method }) => method === "PUT" && path.includes("/virtualMachines/"));
        expect(attach?.principal).toBe("azuredisk-csi-driver");
    });

    test("a pod whose disk is in a zone without nodes stays unscheduled", async () => {
        const { name, id } = await copyOf(vms[0], "3");
        await claim(name, id, "3");
        await run(cleaner(name, "true"));
        await warning(name, "FailedScheduling", "3 node(s)");
        expect((await api.core.readNamespacedPod({ namespace, name })).spec?.nodeName).toBeUndefined();
        await remove(name);
    });

    test("a missing right shows as the event that a real driver gives, and it goes on once the right is there", async () => {
        const { name, id } = await copyOf(vms[0], "1");
        const { principal } = sandbox.nodes.diskDriver;
        const usual = principal.assignments;
        principal.assignments = [
            {
                scope: pool.id,
                role: { actions: ["Microsoft.Compute/virtualMachineScaleSets/*", "Microsoft.Compute/locations/*"] },
            },
            { scope: id, role: { actions: ["Microsoft.Compute/disks/read"] } },
        ];
        await claim(name, id, "1");
        await run(cleaner(name, "true"));
        const message = await warning(name, "FailedAttachVolume", "LinkedAuthorizationFailed");
        expect(message).toContain(`AttachVolume.Attach failed for volume "${name}" : rpc error: code = Unknown desc =`);
        expect(message).toContain("Microsoft.Compute/disks/write");
        expect((await api.core.readNamespacedPod({ namespace, name })).status?.phase).toBe("Pending");
        principal.assignments = usual;
        await podIn(api, namespace, name, "Succeeded");
        await remove(name);
    });

    test.each([
        ["mount-utils", "15", "wrong fs type, bad option, bad superblock on /dev/sdc15"],
        ["mount-utils", "7", "lun0-part7 does not exist"],
        ["own", "15", "lun0-part15 as ext4 but current format is vfat, things might break"],
        ["own", WHOLE_DISK, "but current format is unknown data, probably partitions, things might break"],
    ] as const)(
        "a driver that mounts by %s says in its words why it does not mount what is no root: %s",
        async (generation, partition, said) => {
            const { volumes } = sandbox.nodes;
            volumes.driver = generation;
            const { name, id } = await copyOf(vms[0], "1");
            await claim(name, id, "1", partition);
            await run(cleaner(name, "true"));
            const message = await warning(name, "FailedMount", said);
            expect(message).toContain(
                `MountVolume.MountDevice failed for volume "${name}" : rpc error: code = Internal`,
            );
            volumes.driver = "mount-utils";
            await remove(name);
            await expect.poll(() => diskState(id), { timeout: 30_000 }).toBe("Unattached");
        },
    );

    test("volumes are in use until they are unmounted, which takes its time after the pod has gone", async () => {
        const { name, id } = await copyOf(vms[0], "1");
        await claim(name, id, "1");
        sandbox.nodes.volumes.unmountMs = 3_000;
        await run(cleaner(name, "true"));
        const { spec } = await podIn(api, namespace, name, "Succeeded");
        await api.core.deleteNamespacedPod({ namespace, name });
        await gone("the pod to go", () => api.core.readNamespacedPod({ namespace, name }));
        expect((await nodeOf(spec?.nodeName ?? ""))?.volumesInUse).toHaveLength(1);
        expect(await diskState(id)).toBe("Attached");
        await expect.poll(() => diskState(id), { timeout: 30_000 }).toBe("Unattached");
        sandbox.nodes.volumes.unmountMs = 0;
        await remove(name);
    });

    test("a pod on a machine that is off stays until it is deleted by force, and keeps its disk for a while after", async () => {
        const { name, id } = await copyOf(vms[0], "2");
        await claim(name, id, "2");
        await run(cleaner(name, "sleep 600"));
        const { spec } = await podIn(api, namespace, name, "Running");
        const host = vms.find(({ nodeName }) => nodeName === spec?.nodeName)!;
        await sandbox.azure.powerOffVm(host.id, { skipShutdown: true });
        await sandbox.nodes.settled();
        await api.core.deleteNamespacedPod({ namespace, name, gracePeriodSeconds: 1 });
        // Longer than the grace period, and than a volume is waited for once its pod has gone.
        await sleep(7_000);
        const pod = await api.core.readNamespacedPod({ namespace, name });
        expect(pod.metadata?.deletionTimestamp).toBeDefined();
        expect(await attachmentsOf(name)).toHaveLength(1);

        await api.core.deleteNamespacedPod({ namespace, name, gracePeriodSeconds: 0 });
        const forced = Date.now();
        expect(await statusOf(api.core.readNamespacedPod({ namespace, name }))).toBe(404);
        expect((await nodeOf(host.nodeName))?.volumesInUse).toHaveLength(1);
        expect(await diskState(id)).toBe("Attached");
        await expect.poll(() => attachmentsOf(name), { timeout: 60_000 }).toEqual([]);
        expect(Date.now() - forced).toBeGreaterThan(4_000);
        expect(await diskState(id)).toBe("Unattached");
        await remove(name);
        await sandbox.azure.startVm(host.id);
        await sandbox.nodes.waitForReady(host.nodeName);
        await expect.poll(async () => (await nodeOf(host.nodeName))?.volumesInUse ?? []).toEqual([]);
    });

    test("a run-once pod without volumes is run, too; a cluster without the driver has nothing of it", async () => {
        const sync = cleaner("sync", "sync", { volumes: [] });
        if (sync.spec) {
            sync.spec.containers[0].volumeMounts = [];
        }
        await run(sync);
        await podIn(api, namespace, "sync", "Succeeded");
        await sandbox.nodes.diskDriver.uninstall();
        expect(await statusOf(api.storage.readCSIDriver({ name: DISK_DRIVER }))).toBe(404);
        expect((await findNode(api, vms[0].nodeName))?.metadata?.labels).not.toHaveProperty(DISK_ZONE);
        expect(existsSync(vms[0].diskDirectory)).toBe(true);
    });
});
