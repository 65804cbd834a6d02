// A capture by a copy against the local Azure, with a cluster that is kept in memory: what it makes there, cleans,
// marks and takes away.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { V1Node, V1Pod } from "@kubernetes/client-node";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { finishedCopy } from "../../components/capture/copy/copies";
import { copyOsDisk } from "../../components/capture/copy/run";
import { deleteSource } from "../../components/capture/source";
import type { Kubernetes } from "../../components/node/kubernetes";
import { DiskDriverArm } from "../../sandbox/nodes/diskDriverArm";
import type { AzureSandbox, ScaleSet, Vm } from "../../sandbox/azure/index";
import { items, sender, startForTest, type Send } from "./support";

const KERNEL = "5.4.0-1109-azure";
const MARKER = "MARKER-91c2";

let azure: AzureSandbox;
let close: () => Promise<void>;
let send: Send;
let pool: ScaleSet;
let unused: Vm[];
let env: NodeJS.ProcessEnv;
let driver: DiskDriverArm;

beforeAll(async () => {
    ({ azure, close } = await startForTest());
    send = await sender(azure);
    pool = await azure.createScaleSet({ name: "pool1", capacity: 8, zones: ["1", "2"] });
    unused = azure.vms(pool.id);
    driver = new DiskDriverArm(azure, azure.principal);
    env = { ...process.env };
    Object.assign(process.env, azure.env, { NODE_TLS_REJECT_UNAUTHORIZED: "0" });
});
afterEach(() => azure.faults.clear());
afterAll(async () => {
    process.env = env;
    await close();
});

/** A cluster of the pool's nodes, whose pods run their script on the disk that their volume names. */
class Cluster {
    readonly made: string[] = [];
    readonly pods = new Map<string, V1Pod>();
    private readonly volumes = new Map<string, string>();
    private readonly folder = mkdtempSync(join(tmpdir(), "kamino-copy-"));
    annotations: Record<string, string> = {};
    /** The node that the cleaner is on from now on, which dies under it and never gives its disk back. */
    dying: Vm | undefined;
    /** Volumes that such a node has kept. */
    private readonly kept = new Map<string, Vm>();

    constructor(
        private readonly donor: Vm,
        private readonly vms: Vm[],
    ) {}

    get kubernetes(): Kubernetes {
        const gone = () => Promise.reject(Object.assign(new Error("gone"), { code: 404, body: "" }));
        const core = {
            readNamespace: () => Promise.resolve({}),
            listPersistentVolume: () =>
                Promise.resolve({ items: [...this.volumes.keys()].map((name) => ({ metadata: { name } })) }),
            createPersistentVolume: ({
                body,
            }: {
                body: { metadata: { name: string }; spec: { csi: { volumeHandle: string } } };
            }) => {
                this.made.push("volume");
                this.volumes.set(body.metadata.name, body.spec.csi.volumeHandle);
                return Promise.resolve(body);
            },
            readPersistentVolume: ({ name }: { name: string }) =>
                this.volumes.has(name) ? Promise.resolve({}) : gone(),
            deletePersistentVolume: ({ name }: { name: string }) =>
                this.volumes.delete(name) ? Promise.resolve({}) : gone(),
            createNamespacedPersistentVolumeClaim: () => Promise.resolve({}),
            deleteNamespacedPersistentVolumeClaim: () => Promise.resolve({}),
            createNamespacedPod: async ({ body }: { body: V1Pod }) => {
                this.made.push(body.spec?.volumes ? "cleaner" : "sync");
                this.pods.set(body.metadata?.name ?? "", body);
                await this.run(body);
                return body;
            },
            readNamespacedPod: ({ name }: { name: string }) =>
                Promise.resolve(this.pods.get(name)).then((pod) => pod ?? gone()),
            deleteNamespacedPod: ({ name }: { name: string }) =>
                this.pods.delete(name) ? Promise.resolve({}) : gone(),
            listNamespacedEvent: () => Promise.resolve({ items: [] }),
            listNode: () => Promise.resolve({ items: this.vms.map((vm) => this.node(vm)) }),
            readNode: ({ name }: { name: string }) =>
                Promise.resolve(this.node(this.vms.find(({ nodeName }) => nodeName === name)!)),
        };
        const attachments = () =>
            [...this.kept].map(([persistentVolumeName, { nodeName }]) => ({
                spec: { nodeName, source: { persistentVolumeName } },
            }));
        const storage = { listVolumeAttachment: () => Promise.resolve({ items: attachments() }) };
        return { core, config: { makeApiClient: () => storage } } as unknown as Kubernetes;
    }

    /** What is left of a capture. */
    get left(): string[] {
        return [...this.pods.keys(), ...this.volumes.keys()];
    }

    /** The nodes that died give their disks back after all. */
    async giveBack(): Promise<void> {
        for (const [name, vm] of this.kept) {
            await driver.detach(this.volumes.get(name) ?? "", vm.id, vm.nodeName);
        }
        this.kept.clear();
    }

    private node(vm: Vm): V1Node {
        const isDead = vm === this.dying || [...this.kept.values()].includes(vm);
        const taint = { key: "node.kubernetes.io/out-of-service", effect: "NoExecute" };
        return {
            spec: { taints: isDead ? [taint] : [] },
            metadata: {
                name: vm.nodeName,
                annotations: vm === this.donor ? this.annotations : {},
                labels: {
                    "kubernetes.io/hostname": vm.nodeName,
                    "kubernetes.io/os": "linux",
                    "kubernetes.io/arch": "amd64",
                    "topology.kubernetes.io/zone": `westeurope-${vm.zone}`,
                },
            },
            status: {
                conditions: [{ type: "Ready", status: "True" }],
                nodeInfo: { kernelVersion: KERNEL } as NonNullable<V1Node["status"]>["nodeInfo"],
            },
        };
    }

    private async run(pod: V1Pod): Promise<void> {
        const [container] = pod.spec?.containers ?? [];
        const name = pod.metadata?.name ?? "";
        const disk = this.volumes.get(name);
        if (disk !== undefined && this.dying) {
            const { id, nodeName } = this.dying;
            await driver.attach(disk, id, nodeName);
            this.kept.set(name, this.dying);
            Object.assign(pod, { spec: { ...pod.spec, nodeName }, status: { phase: "Running" } });
            return;
        }
        const result = join(this.folder, `result-${pod.metadata?.name}`);
        const at: Record<string, string> = {
            "/disk": azure.diskFolder(disk ?? "") ?? "",
            "/dev/termination-log": result,
        };
        const values = (container.env ?? []).map(({ name, value = "" }) => [name, at[value] ?? value] as const);
        const [command, ...args] = disk ? (container.command ?? []) : ["true"];
        const env: NodeJS.ProcessEnv = { PATH: process.env.PATH, ...Object.fromEntries(values) };
        const child = spawn(command, args, { env });
        let said = "";
        child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
        const [exitCode] = (await once(child, "close")) as [number];
        const message = existsSync(result) ? readFileSync(result, "utf8") : said;
        const state = { terminated: { exitCode, message } };
        const status = { name: container.name, image: "", imageID: "", ready: false, restartCount: 0, state };
        pod.status = { phase: exitCode === 0 ? "Succeeded" : "Failed", containerStatuses: [status] };
    }
}

function begin(vm = unused.pop()!) {
    const cluster = new Cluster(vm, azure.vms(pool.id));
    const [, , , , resourceGroup] = pool.id.split("/");
    const target = {
        pool: "pool1",
        version: "2026.1122.0412",
        node: vm.nodeName,
        scaleSetId: pool.id,
        instanceId: vm.instanceId,
    };
    const copy = (detachLimit?: number, signal = new AbortController().signal) =>
        copyOsDisk({
            target,
            cluster: cluster.kubernetes,
            disk: { id: vm.osDiskId, location: "westeurope" },
            resourceGroup,
            namespace: "kamino-capture",
            image: "busybox",
            tags: { rebootNeededAt: "2026-11-22T04:12:00Z" },
            rootPartition: 1,
            cleanPaths: [],
            customData: "dropped",
            signal,
            detachLimit,
            say: () => undefined,
            lookAgain: () => Promise.resolve(),
        });
    return { vm, cluster, copy, finished: () => finishedCopy(target, resourceGroup) };
}

interface Resource {
    id: string;
    tags?: Record<string, string>;
    zones?: string[];
    properties: Record<string, unknown>;
}

async function ofNode(kind: "disks" | "snapshots", vm: Vm): Promise<Resource[]> {
    const path = `resourceGroups/${pool.id.split("/")[4]}/providers/Microsoft.Compute/${kind}?api-version=2024-03-02`;
    const { body } = await send("GET", path);
    return items<Resource>(body.value).filter(({ id, tags }) => tags?.node === vm.nodeName && id !== vm.osDiskId);
}

function put(vm: Vm, path: string, text: string) {
    mkdirSync(dirname(join(vm.diskDirectory, path)), { recursive: true });
    writeFileSync(join(vm.diskDirectory, path), text);
}

function textsIn(folder: string): string[] {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
        const path = join(folder, entry.name);
        return entry.isDirectory() ? textsIn(path) : entry.isFile() ? [readFileSync(path, "utf8")] : [];
    });
}

test("the copy is a separate disk in a node's zone, cleaned, marked, without its snapshot; the donor's disk stays", async () => {
    const { vm, cluster, copy, finished } = begin();
    put(vm, "var/lib/containerd/layer", MARKER);
    put(vm, "var/log/syslog", MARKER);
    expect(await finished()).toBeUndefined();
    const captured = await copy();
    expect(cluster.made).toEqual(["sync", "volume", "cleaner"]);
    expect(cluster.left).toEqual([]);
    const [disk, ...others] = await ofNode("disks", vm);
    expect(others).toEqual([]);
    expect(disk).toMatchObject({
        id: captured.snapshotId,
        zones: [vm.zone],
        tags: {
            "managed-by": "kamino",
            rebootNeededAt: "2026-11-22T04:12:00Z",
            captured: captured.capturedAt,
            cleaned: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string,
        },
        properties: { diskState: "Unattached", publicNetworkAccess: "Disabled", networkAccessPolicy: "DenyAll" },
    });
    expect(await ofNode("snapshots", vm)).toEqual([]);
    expect(textsIn(azure.diskFolder(disk.id) ?? "").filter((text) => text.includes(MARKER))).toEqual([]);
    expect(readFileSync(join(vm.diskDirectory, "var/log/syslog"), "utf8")).toBe(MARKER);
    expect(readFileSync(join(vm.diskDirectory, "etc/hostname"), "utf8").trim()).toBe(vm.computerName);
    // What an earlier run has finished is used, and goes when its image exists.
    expect(await finished()).toEqual(captured);
    await deleteSource(captured.snapshotId);
    expect(await ofNode("disks", vm)).toEqual([]);
    await deleteSource(captured.snapshotId);
});

test("a copy that is refused leaves nothing, and the line says why", async () => {
    const { vm, cluster, copy } = begin();
    put(vm, "boot/vmlinuz-99.0.0-1-azure", "x");
    await expect(copy()).rejects.toThrow(
        /has 99\.0\.0-1-azure installed, which it has not booted yet.*; the node was not touched, and nothing of the copy is left$/,
    );
    expect([...(await ofNode("disks", vm)), ...(await ofNode("snapshots", vm)), ...cluster.left]).toEqual([]);
});

test("a node that kured has marked meanwhile is not copied", async () => {
    const { vm, cluster, copy } = begin();
    cluster.annotations = { "weave.works/kured-reboot-in-progress": "2026-11-22T04:12:00Z" };
    await expect(copy()).rejects.toThrow(/kured wants to reboot the node/);
    expect([...(await ofNode("snapshots", vm)), ...cluster.left]).toEqual([]);
});

test("a snapshot that Azure fails to make leaves nothing, and one that a dead run has taken is used", async () => {
    const { vm, cluster, copy } = begin();
    azure.faults.failOperation({
        path: /\/snapshots\//,
        method: "PUT",
        times: 1,
        code: "DiskError",
        message: "it broke off",
    });
    await expect(copy()).rejects.toThrow(/it broke off.*nothing of the copy is left$/);
    expect([...(await ofNode("disks", vm)), ...(await ofNode("snapshots", vm)), ...cluster.left]).toEqual([]);
    // As a run that was killed leaves it: the disk cannot be made, nor anything be taken away.
    azure.faults.fail({
        path: /\/disks\//,
        method: "PUT",
        times: 1,
        status: 409,
        code: "Conflict",
        message: "not now",
    });
    azure.faults.fail({
        path: /\/snapshots\//,
        method: "DELETE",
        times: 1,
        status: 409,
        code: "Conflict",
        message: "not now",
    });
    await expect(copy()).rejects.toThrow(/of the copy something is left, which the next run removes/);
    const [before] = await ofNode("snapshots", vm);
    const captured = await copy();
    expect(captured.capturedAt).toBe(before.tags?.captured);
    expect(await ofNode("snapshots", vm)).toEqual([]);
});

test("a run that ends between the cleaned disk and its snapshot's deletion leaves a snapshot to the next one", async () => {
    const { vm, cluster, copy, finished } = begin();
    // As a run that was killed leaves it: nothing can be deleted any more.
    azure.faults.fail({ path: /./, method: "DELETE", status: 409, code: "Conflict", message: "not now" });
    await expect(copy()).rejects.toThrow(/of the copy something is left, which the next run removes/);
    const [disk] = await ofNode("disks", vm);
    expect(disk.tags).toHaveProperty("cleaned");
    expect(await ofNode("snapshots", vm)).toHaveLength(1);
    azure.faults.clear();
    expect(await finished()).toMatchObject({ snapshotId: disk.id });
    expect([...(await ofNode("snapshots", vm)), ...cluster.left]).toEqual([]);
    await deleteSource(disk.id);
});

test("what a dead run has left for another node of the pool is removed", async () => {
    const dead = begin();
    azure.faults.fail({
        path: /\/disks\//,
        method: "PUT",
        times: 1,
        status: 409,
        code: "Conflict",
        message: "not now",
    });
    azure.faults.fail({
        path: /\/snapshots\//,
        method: "DELETE",
        times: 1,
        status: 409,
        code: "Conflict",
        message: "not now",
    });
    await expect(dead.copy()).rejects.toThrow(/not now/);
    expect(await ofNode("snapshots", dead.vm)).toHaveLength(1);
    await begin().copy();
    expect(await ofNode("snapshots", dead.vm)).toEqual([]);
});

test("a node that never gives a copy back keeps that copy alone: the next run makes another one, and a later one removes it", async () => {
    const { vm, cluster, copy, finished } = begin();
    const host = azure.vms(pool.id).find(({ zone, id }) => zone === vm.zone && id !== vm.id)!;
    cluster.dying = host;
    const why = `node ${host.nodeName}, which is out of service`;
    await expect(copy(500)).rejects.toThrow(
        new RegExp(
            `is out of service; the node was not touched, and of the copy something is left.*attached after .* to ${why}; start its VM`,
        ),
    );
    // What holds the node's secrets goes all the same, but for the disk.
    expect(await ofNode("snapshots", vm)).toEqual([]);
    const [kept] = await ofNode("disks", vm);
    expect(kept.properties.diskState).toBe("Attached");

    cluster.dying = undefined;
    const captured = await copy(500);
    expect(captured.snapshotId).not.toBe(kept.id);
    expect(await finished()).toEqual({ snapshotId: captured.snapshotId, capturedAt: captured.capturedAt });
    const states = (await ofNode("disks", vm)).map(({ id, properties }) => [id, properties.diskState]);
    expect(states.sort()).toEqual(
        [
            [kept.id, "Attached"],
            [captured.snapshotId, "Unattached"],
        ].sort(),
    );
    expect(await ofNode("snapshots", vm)).toEqual([]);
    await deleteSource(captured.snapshotId);

    await cluster.giveBack();
    expect((await copy()).snapshotId).toBe(kept.id);
    expect((await ofNode("disks", vm)).map(({ id }) => id)).toEqual([kept.id]);
    expect(cluster.left).toEqual([]);
    await deleteSource(kept.id);
});
