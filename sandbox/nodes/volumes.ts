// The volumes of a node's pods, as kubelet and the driver's node plugin handle them: said to be in use before they are
// mounted and until they are unmounted, mounted once they are attached, each the folder of one disk's files.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { V1PersistentVolume, V1Pod, V1Volume } from "@kubernetes/client-node";
import type { Vm } from "../azure/types";
import { findNode, isNotFound, patchNodeStatus, type Api } from "./api";
import { DISK_DRIVER } from "./diskDriver";
import type { Machines } from "./machines";
import { mountPartition, type DriverGeneration } from "./partitions";

const POLL_MS = 200;

/** Folders by the names of the pod's volumes. */
export type Mounts = Map<string, string>;

/** The volumes of all nodes. */
export class NodeVolumes {
    /** From the end of a pod to its volumes being unmounted, in milliseconds. */
    unmountMs = 0;
    /** How the driver's node plugin mounts. */
    driver: DriverGeneration = "mount-utils";
    /** Of how many disks fsck finds errors that it cannot correct, from now on. */
    brokenDisks = 0;
    /** Volumes whose disks fsck has found broken. */
    private readonly broken = new Set<string>();
    /** By node: volume name to the pods that use it. */
    private readonly inUse = new Map<string, Map<string, Set<string>>>();
    private readonly work = new Map<string, Promise<void>>();
    private stopped = false;

    constructor(
        private readonly api: Api,
        private readonly machines: Machines,
    ) {}

    stop(): void {
        this.stopped = true;
    }

    /** A pod is on this node: its volumes are in use until it has ended. */
    podSeen(pod: V1Pod): Promise<void> {
        const ended = pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
        return ended ? this.podEnded(pod) : this.inTurn(pod, () => this.use(pod));
    }

    /** The pod has ended or is gone: its volumes are unmounted. */
    podEnded(pod: V1Pod): Promise<void> {
        return this.inTurn(pod, async () => {
            const uid = pod.metadata?.uid ?? "";
            const node = this.inUse.get(pod.spec?.nodeName ?? "");
            if (![...(node?.values() ?? [])].some((pods) => pods.has(uid))) {
                return;
            }
            if (this.unmountMs > 0) {
                await sleep(this.unmountMs, undefined, { ref: false });
            }
            for (const [name, pods] of node ?? []) {
                pods.delete(uid);
                if (pods.size === 0) {
                    node?.delete(name);
                }
            }
            await this.report(pod.spec?.nodeName ?? "");
        });
    }

    /**
     * Waits until the pod's volumes can be mounted, as kubelet does: its claims bound, their disks attached to this
     * machine. Undefined if the pod is gone before that. A volume that cannot be mounted is an event of the pod, and is
     * waited for.
     */
    async mount(pod: V1Pod, vm: Vm): Promise<Mounts | undefined> {
        const mounts: Mounts = new Map();
        for (const volume of pod.spec?.volumes ?? []) {
            let said: string | undefined;
            for (;;) {
                const found = await this.folderOf(pod, vm, volume);
                if (found === "none") {
                    break;
                }
                if (typeof found === "string") {
                    mounts.set(volume.name, found);
                    break;
                }
                if (found.failed !== undefined && found.failed !== said) {
                    await this.sayFailed(pod, (said = found.failed));
                }
                await sleep(POLL_MS);
                if (this.stopped || !(await this.isStillWanted(pod))) {
                    return undefined;
                }
            }
        }
        return mounts;
    }

    /** Removes what was made for the pod alone. */
    unmount(pod: V1Pod, mounts: Mounts): void {
        for (const { name, emptyDir } of pod.spec?.volumes ?? []) {
            const folder = mounts.get(name);
            if (emptyDir && folder !== undefined) {
                rmSync(folder, { recursive: true, force: true });
            }
        }
    }

    private async folderOf(pod: V1Pod, vm: Vm, volume: V1Volume): Promise<string | { failed?: string }> {
        if (volume.hostPath) {
            return join(vm.diskDirectory, volume.hostPath.path);
        }
        if (volume.emptyDir) {
            return mkdtempSync(join(tmpdir(), "kamino-volume-"));
        }
        if (!volume.persistentVolumeClaim) {
            return "none";
        }
        const found = await this.volumeOf(pod, volume);
        if (!found) {
            return {};
        }
        const { csi } = found.spec ?? {};
        if (csi?.driver !== DISK_DRIVER) {
            return "none";
        }
        if (!(await this.isAttached(found, vm))) {
            return {};
        }
        return this.mountDisk(found);
    }

    private mountDisk({ metadata, spec }: V1PersistentVolume): string | { failed: string } {
        const start = `MountVolume.MountDevice failed for volume "${metadata?.name}" : rpc error: code = Internal desc =`;
        const { volumeHandle = "", fsType = "ext4", volumeAttributes } = spec?.csi ?? {};
        const disk = this.machines.diskFolder(volumeHandle);
        if (disk === undefined) {
            return { failed: `${start} the disk has no file system` };
        }
        const request = { partition: volumeAttributes?.partition, fsType, options: spec?.mountOptions ?? [] };
        const broken = this.isBroken(metadata?.uid ?? "");
        const mounted = mountPartition(disk, { ...request, lun: "0", volumeHandle }, this.driver, broken);
        return "folder" in mounted ? mounted.folder : { failed: `${start} ${mounted.failed}` };
    }

    private isBroken(uid: string): boolean {
        if (this.brokenDisks > 0 && !this.broken.has(uid)) {
            this.brokenDisks--;
            this.broken.add(uid);
        }
        return this.broken.has(uid);
    }

    private async use(pod: V1Pod): Promise<void> {
        const node = pod.spec?.nodeName ?? "";
        const uid = pod.metadata?.uid ?? "";
        const claimed = (pod.spec?.volumes ?? []).filter(({ persistentVolumeClaim }) => persistentVolumeClaim);
        let changed = false;
        for (const volume of claimed) {
            const found = await this.volumeOf(pod, volume);
            if (found?.spec?.csi?.driver !== DISK_DRIVER) {
                continue;
            }
            const volumes = this.inUse.get(node) ?? new Map<string, Set<string>>();
            this.inUse.set(node, volumes);
            const name = uniqueName(found);
            const pods = volumes.get(name) ?? new Set();
            changed ||= !pods.has(uid);
            volumes.set(name, pods.add(uid));
        }
        if (changed) {
            await this.report(node);
        }
    }

    /** A machine that is off says nothing; what is in use then is said when it is back. */
    async report(node: string): Promise<void> {
        const vm = this.machines.vms().find(({ nodeName }) => nodeName === node);
        if (!vm?.joined) {
            return;
        }
        const volumesInUse = [...(this.inUse.get(node)?.keys() ?? [])].sort();
        await patchNodeStatus(this.api, node, { volumesInUse }).catch((error: unknown) => {
            if (!isNotFound(error)) {
                throw error;
            }
        });
    }

    /** The volume that a claim is bound to, if it is. */
    private async volumeOf({ metadata }: V1Pod, volume: V1Volume): Promise<V1PersistentVolume | undefined> {
        const name = volume.persistentVolumeClaim?.claimName ?? "";
        const missing = (error: unknown) => {
            if (isNotFound(error)) {
                return undefined;
            }
            throw error;
        };
        const claim = await this.api.core
            .readNamespacedPersistentVolumeClaim({ name, namespace: metadata?.namespace ?? "" })
            .catch(missing);
        if (claim?.status?.phase !== "Bound") {
            return undefined;
        }
        return this.api.core.readPersistentVolume({ name: claim.spec?.volumeName ?? "" }).catch(missing);
    }

    private async isAttached(volume: V1PersistentVolume, { nodeName }: Vm): Promise<boolean> {
        const node = await findNode(this.api, nodeName);
        if (!node?.status?.volumesAttached?.some(({ name }) => name === uniqueName(volume))) {
            return false;
        }
        const { items } = await this.api.storage.listVolumeAttachment();
        return items.some(
            ({ spec, status }) =>
                spec.nodeName === nodeName &&
                spec.source.persistentVolumeName === volume.metadata?.name &&
                status?.attached === true,
        );
    }

    private async isStillWanted({ metadata }: V1Pod): Promise<boolean> {
        const { name = "", namespace = "", uid } = metadata ?? {};
        const now = await this.api.core.readNamespacedPod({ name, namespace }).catch((error: unknown) => {
            if (isNotFound(error)) {
                return undefined;
            }
            throw error;
        });
        return now?.metadata?.uid === uid && now?.metadata?.deletionTimestamp === undefined;
    }

    private async sayFailed({ metadata, spec }: V1Pod, message: string): Promise<void> {
        const { name = "", namespace = "", uid } = metadata ?? {};
        const now = new Date();
        await this.api.core.createNamespacedEvent({
            namespace,
            body: {
                metadata: { generateName: `${name.slice(0, 200)}.`, namespace },
                involvedObject: { apiVersion: "v1", kind: "Pod", name, namespace, uid },
                type: "Warning",
                reason: "FailedMount",
                message,
                source: { component: "kubelet", host: spec?.nodeName },
                firstTimestamp: now,
                lastTimestamp: now,
                count: 1,
            },
        });
    }

    private inTurn({ metadata }: V1Pod, step: () => Promise<void>): Promise<void> {
        const uid = metadata?.uid ?? "";
        const result = (this.work.get(uid) ?? Promise.resolve()).then(() => (this.stopped ? undefined : step()));
        this.work.set(
            uid,
            result.catch(() => undefined),
        );
        return result;
    }
}

/** The volume's name in a node's status. */
function uniqueName({ spec }: V1PersistentVolume): string {
    return `kubernetes.io/csi/${DISK_DRIVER}^${spec?.csi?.volumeHandle}`;
}
