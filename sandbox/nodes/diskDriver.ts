// The Azure Disk CSI driver: its objects in the cluster, and its external-attacher. The attach/detach controller of the
// real controller manager makes the VolumeAttachments; this attaches and detaches by Azure's API and says how it went.
import { setTimeout as sleep } from "node:timers/promises";
import {
    ApiException,
    makeInformer,
    PatchStrategy,
    setHeaderOptions,
    type Informer,
    type V1PersistentVolume,
    type V1VolumeAttachment,
} from "@kubernetes/client-node";
import type { Principal } from "../azure/rbac";
import type { Vm } from "../azure/types";
import { maxDataDisks } from "../azure/vmSizes";
import { findNode, isNotFound, patchNode, type Api } from "./api";
import { DiskDriverArm } from "./diskDriverArm";
import type { Machines } from "./machines";

/** The driver's name: of its CSIDriver, in CSINodes, volumes and attachments. */
export const DISK_DRIVER = "disk.csi.azure.com";
/** Label of a node and term of a volume's node affinity: `<region>-<zone>`, or empty on machines without a zone. */
export const DISK_ZONE = "topology.disk.csi.azure.com/zone";
/** On attachments and volumes, by external-attacher. */
const FINALIZER = "external-attacher/disk-csi-azure-com";

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 5_000;
const mergePatch = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);

/** Plays the driver's controller and registers its nodes. */
export class DiskDriver {
    /**
     * The driver's identity: a contributor of each resource group that has machines, until a test changes its
     * assignments.
     */
    readonly principal: Principal;
    private readonly arm: DiskDriverArm;
    private readonly attachments: Informer<V1VolumeAttachment>;
    private readonly volumes: Informer<V1PersistentVolume>;
    private readonly known = new Map<string, V1VolumeAttachment>();
    private readonly busy = new Set<string>();
    private readonly groups = new Set<string>();
    private installed = false;
    private stopped = false;

    constructor(
        private readonly api: Api,
        private readonly machines: Machines,
    ) {
        this.principal = machines.principals.add({ name: "azuredisk-csi-driver" });
        this.arm = new DiskDriverArm(machines, this.principal);
        this.attachments = makeInformer(api.config, "/apis/storage.k8s.io/v1/volumeattachments", () =>
            api.storage.listVolumeAttachment(),
        );
        this.volumes = makeInformer(api.config, "/api/v1/persistentvolumes", () => api.core.listPersistentVolume());
        for (const verb of ["add", "update"] as const) {
            this.attachments.on(verb, (attachment) => this.seen(attachment));
            this.volumes.on(verb, (volume) => void this.releaseVolume(volume).catch(() => undefined));
        }
        this.attachments.on("delete", ({ metadata }) => void this.known.delete(metadata?.name ?? ""));
        for (const informer of [this.attachments, this.volumes]) {
            informer.on("error", () => setTimeout(() => this.watch(informer), 300).unref());
        }
    }

    async start(): Promise<void> {
        await Promise.all([this.attachments.start(), this.volumes.start()]);
    }

    async stop(): Promise<void> {
        this.stopped = true;
        await Promise.all([this.attachments.stop(), this.volumes.stop()]);
    }

    /** Puts the driver into the cluster: its CSIDriver, and each node's entry. */
    async install(): Promise<void> {
        this.installed = true;
        const spec = { attachRequired: true, podInfoOnMount: false, fsGroupPolicy: "ReadWriteOnceWithFSType" };
        await this.api.storage.createCSIDriver({ body: { metadata: { name: DISK_DRIVER }, spec } }).catch(unless(409));
        for (const vm of this.machines.vms()) {
            if (vm.joined) {
                await this.nodeUp(vm);
            }
        }
    }

    /** Takes it away, as from a cluster that never had it. */
    async uninstall(): Promise<void> {
        this.installed = false;
        await this.api.storage.deleteCSIDriver({ name: DISK_DRIVER }).catch(unless(404));
        for (const vm of this.machines.vms()) {
            await this.api.storage.deleteCSINode({ name: vm.nodeName }).catch(unless(404));
            const labels = { [DISK_ZONE]: null };
            await patchNode(this.api, vm.nodeName, { metadata: { labels } }).catch(unless(404));
        }
    }

    /** The node plugin of a machine has registered itself. */
    async nodeUp(vm: Vm): Promise<void> {
        if (!this.installed) {
            return;
        }
        this.allow(vm);
        const node = await findNode(this.api, vm.nodeName);
        if (!node) {
            return;
        }
        const zone = vm.zone ? `${vm.location}-${vm.zone}` : "";
        await patchNode(this.api, vm.nodeName, { metadata: { labels: { [DISK_ZONE]: zone } } });
        const owner = { apiVersion: "v1", kind: "Node", name: vm.nodeName, uid: node.metadata?.uid ?? "" };
        const driver = {
            name: DISK_DRIVER,
            nodeID: vm.nodeName,
            topologyKeys: [DISK_ZONE],
            allocatable: { count: maxDataDisks(vm.size) },
        };
        const body = { metadata: { name: vm.nodeName, ownerReferences: [owner] }, spec: { drivers: [driver] } };
        await this.api.storage.createCSINode({ body }).catch(unless(409));
    }

    private allow({ id }: Vm): void {
        const scope = id.split("/").slice(0, 5).join("/");
        if (this.groups.has(scope)) {
            return;
        }
        this.groups.add(scope);
        this.principal.assignments.push({ scope, role: { name: "Contributor", actions: ["*"] } });
    }

    private watch(informer: { start(): Promise<void> }): void {
        if (!this.stopped) {
            informer.start().catch(() => setTimeout(() => this.watch(informer), 300).unref());
        }
    }

    private seen(attachment: V1VolumeAttachment): void {
        const name = attachment.metadata?.name ?? "";
        if (attachment.spec.attacher !== DISK_DRIVER) {
            return;
        }
        this.known.set(name, attachment);
        if (this.busy.has(name)) {
            return;
        }
        this.busy.add(name);
        void this.work(name).finally(() => this.busy.delete(name));
    }

    /** Until the attachment is as it is wanted; a failure is said, and tried again after a while. */
    private async work(name: string): Promise<void> {
        for (let wait = FIRST_RETRY_MS; !this.stopped; wait = Math.min(2 * wait, LAST_RETRY_MS)) {
            const attachment = this.known.get(name);
            if (!attachment) {
                return;
            }
            const leaving = attachment.metadata?.deletionTimestamp !== undefined;
            const ours = attachment.metadata?.finalizers?.includes(FINALIZER) ?? false;
            if (leaving ? !ours : attachment.status?.attached) {
                return;
            }
            try {
                await (leaving ? this.detach(attachment) : this.attach(attachment));
            } catch (error) {
                await this.sayError(name, leaving ? "detachError" : "attachError", String((error as Error).message));
                await sleep(wait, undefined, { ref: false });
            }
        }
    }

    private async attach(attachment: V1VolumeAttachment): Promise<void> {
        const name = attachment.metadata?.name ?? "";
        const { nodeName } = attachment.spec;
        const volume = await this.volumeOf(attachment);
        const vm = this.machines.vms().find((one) => one.nodeName === nodeName);
        const diskId = volume?.spec?.csi?.volumeHandle;
        if (!vm || !volume || diskId === undefined) {
            throw new Error(`rpc error: code = NotFound desc = failed to get azure instance id for node "${nodeName}"`);
        }
        const annotations = { "csi.alpha.kubernetes.io/node-id": nodeName };
        await this.patch(name, { metadata: { finalizers: [FINALIZER], annotations } });
        await this.api.core.patchPersistentVolume(
            { name: volume.metadata?.name ?? "", body: withFinalizer(volume, true) },
            mergePatch,
        );
        const lun = await this.arm.attach(diskId, vm.id, nodeName);
        const status = { attached: true, attachmentMetadata: { LUN: String(lun) }, attachError: null };
        this.known.set(name, await this.patchStatus(name, status));
    }

    private async detach(attachment: V1VolumeAttachment): Promise<void> {
        const name = attachment.metadata?.name ?? "";
        const { nodeName } = attachment.spec;
        const volume = await this.volumeOf(attachment);
        const vm = this.machines.vms().find((one) => one.nodeName === nodeName);
        const diskId = volume?.spec?.csi?.volumeHandle;
        if (vm && diskId !== undefined) {
            await this.arm.detach(diskId, vm.id, nodeName);
        }
        this.known.delete(name);
        await this.patchStatus(name, { attached: false, detachError: null }).catch(unless(404));
        await this.patch(name, { metadata: { finalizers: null } }).catch(unless(404));
        if (volume) {
            await this.releaseVolume(volume);
        }
    }

    /** A volume that is being deleted may go once nothing is attached for it. */
    private async releaseVolume(volume: V1PersistentVolume): Promise<void> {
        const name = volume.metadata?.name ?? "";
        const now = await this.api.core.readPersistentVolume({ name }).catch((error: unknown) => {
            if (isNotFound(error)) {
                return undefined;
            }
            throw error;
        });
        if (!now?.metadata?.deletionTimestamp || !now.metadata.finalizers?.includes(FINALIZER)) {
            return;
        }
        const { items } = await this.api.storage.listVolumeAttachment();
        if (items.some(({ spec }) => spec.source.persistentVolumeName === name)) {
            return;
        }
        await this.api.core
            .patchPersistentVolume({ name, body: withFinalizer(now, false) }, mergePatch)
            .catch(unless(404));
    }

    private async volumeOf({ spec }: V1VolumeAttachment): Promise<V1PersistentVolume | undefined> {
        return this.api.core
            .readPersistentVolume({ name: spec.source.persistentVolumeName ?? "" })
            .catch((error: unknown) => {
                if (isNotFound(error)) {
                    return undefined;
                }
                throw error;
            });
    }

    private async sayError(name: string, member: "attachError" | "detachError", message: string): Promise<void> {
        const status = { attached: member === "detachError", [member]: { time: new Date().toISOString(), message } };
        await this.patchStatus(name, status).catch(() => undefined);
    }

    private patch(name: string, body: object): Promise<V1VolumeAttachment> {
        return this.api.storage.patchVolumeAttachment({ name, body }, mergePatch);
    }

    private patchStatus(name: string, status: object): Promise<V1VolumeAttachment> {
        return this.api.storage.patchVolumeAttachmentStatus({ name, body: { status } }, mergePatch);
    }
}

function withFinalizer({ metadata }: V1PersistentVolume, wanted: boolean): object {
    const others = (metadata?.finalizers ?? []).filter((one) => one !== FINALIZER);
    const finalizers = wanted ? [...others, FINALIZER] : others;
    return { metadata: { resourceVersion: metadata?.resourceVersion, finalizers } };
}

/** Passes over an answer with this status; anything else is thrown on. */
function unless(status: number): (error: unknown) => undefined {
    return (error) => {
        if (error instanceof ApiException && error.code === status) {
            return undefined;
        }
        throw error;
    };
}
