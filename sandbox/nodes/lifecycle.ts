// What happens to a Node when something happens to its VM: kubelet registers it, its signs of life stop, the cloud's
// node lifecycle controller removes it.
import type { V1Node } from "@kubernetes/client-node";
import type { Vm } from "../azure/types";
import { PLAYED_LABEL, READY_SINCE } from "../cluster/programs";
import { findNode, isNotFound, patchNode, patchNodeStatus, readyCondition, waitFor, type Api } from "./api";
import { nodeOf, SHUTDOWN_TAINT, statusOf } from "./nodeObject";

/** kubelet's own default is five minutes, where nothing changes. */
const HEARTBEAT_MS = 30_000;
/** Conditions that the node controller sets to Unknown when a kubelet falls silent. */
const CONDITIONS = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

/** Shows VMs as nodes. */
export class NodeLifecycle {
    /** Machines with a working kubelet, by node name. */
    private readonly alive = new Set<string>();
    private readonly heartbeats: NodeJS.Timeout;

    constructor(
        private readonly api: Api,
        private readonly kubeletPort: number,
    ) {
        this.heartbeats = setInterval(() => this.heartbeat(), HEARTBEAT_MS).unref();
    }

    /** No more signs of life. */
    stop(): void {
        clearInterval(this.heartbeats);
    }

    /**
     * The VM's kubelet started: the node is there, and Ready as soon as kwok has taken it; since a moment in the past,
     * if there is to be one. A kubelet with a certificate registers its node itself.
     */
    async up(vm: Vm, readySince?: Date, kubelet: Api = this.api): Promise<void> {
        const wanted = nodeOf(vm, this.kubeletPort);
        const known = await findNode(this.api, vm.nodeName);
        if (known) {
            await patchNodeStatus(this.api, vm.nodeName, statusOf(vm, this.kubeletPort) ?? {});
            const annotations = { [READY_SINCE]: readySince?.toISOString() ?? null };
            await patchNode(this.api, vm.nodeName, { metadata: { labels: wanted.metadata?.labels, annotations } });
        } else {
            await kubelet.core.createNode({ body: wanted });
        }
        await waitFor(`node ${vm.nodeName} to be ready`, async () => {
            const node = await findNode(this.api, vm.nodeName);
            return readyCondition(node)?.status === "True" || !vm.joined ? true : undefined;
        });
        await this.setShutdownTaint(vm.nodeName, false);
        this.alive.add(vm.nodeName);
    }

    /**
     * The VM is off. Its kubelet is silent from now on (kwok leaves nodes without the label alone), and the node
     * controller would notice after its grace period; it is written at once, in that controller's words, so that nobody
     * has to wait.
     */
    async down(vm: Vm): Promise<void> {
        this.alive.delete(vm.nodeName);
        if (!(await findNode(this.api, vm.nodeName))) {
            return;
        }
        await patchNode(this.api, vm.nodeName, { metadata: { labels: { [PLAYED_LABEL]: null } } });
        const now = new Date().toISOString();
        const unknown = {
            status: "Unknown",
            reason: "NodeStatusUnknown",
            message: "Kubelet stopped posting node status.",
        };
        const conditions = CONDITIONS.map((type) => ({ type, ...unknown, lastTransitionTime: now }));
        await patchNodeStatus(this.api, vm.nodeName, { conditions });
        await this.setShutdownTaint(vm.nodeName, true);
    }

    /** The VM is gone, and its node with it. */
    async gone(vm: Vm): Promise<void> {
        this.alive.delete(vm.nodeName);
        await this.api.core.deleteNode({ name: vm.nodeName }).catch((error: unknown) => {
            if (!isNotFound(error)) {
                throw error;
            }
        });
    }

    /** As kubelet does from time to time without a change: the conditions are confirmed, their transitions stay. */
    private heartbeat(): void {
        const lastHeartbeatTime = new Date().toISOString();
        const conditions = CONDITIONS.map((type) => ({ type, lastHeartbeatTime }));
        for (const name of this.alive) {
            // One that is missed is followed by the next.
            patchNodeStatus(this.api, name, { conditions }).catch(() => undefined);
        }
    }

    /** The node controller writes taints too: a change is tried again on what it left. */
    private async setShutdownTaint(name: string, off: boolean): Promise<void> {
        const isShutdown = (taint: { key: string }) => taint.key === SHUTDOWN_TAINT.key;
        await waitFor(`node ${name} to take a taint`, async () => {
            const node = await findNode(this.api, name);
            const taints = node?.spec?.taints ?? [];
            if (!node || taints.some(isShutdown) === off) {
                return true;
            }
            const changed = off ? [...taints, SHUTDOWN_TAINT] : taints.filter((taint) => !isShutdown(taint));
            return this.replaceTaints(node, changed);
        });
    }

    private async replaceTaints(node: V1Node, taints: object[]): Promise<true | undefined> {
        const { name = "", resourceVersion } = node.metadata ?? {};
        const body = { metadata: { resourceVersion }, spec: { taints: taints.length > 0 ? taints : null } };
        return patchNode(this.api, name, body).then(
            () => true,
            (error: { code?: number }) => {
                if (error.code === 409) {
                    return undefined;
                }
                throw error;
            },
        );
    }
}
