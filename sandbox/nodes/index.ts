// Makes the local Azure's machines the cluster's nodes: a VM that booted is a Node, one that is off is not ready, one
// that is gone is gone; pods that work on a node's disk are run for real; kured patches and reboots.
import type { Vm, VmEvent } from "../azure/types";
import type { Cluster } from "../cluster";
import { apiOf, findNode, readyCondition, waitFor, type Api } from "./api";
import { DiskDriver } from "./diskDriver";
import { HostPods } from "./hostPods";
import { KubeadmKubelets } from "./kubeadmKubelet";
import { startKubelet } from "./kubelet";
import { Kured, type KuredOptions, type Outcome, type Patch } from "./kured";
import { NodeLifecycle } from "./lifecycle";
import type { Machines } from "./machines";
import { patchLevel } from "./nodeObject";
import { NodeVolumes } from "./volumes";

export type { KuredOptions, Outcome, Patch } from "./kured";
export type { Machines } from "./machines";

/** Plays the nodes until it is stopped. */
export interface NodePlayer {
    /** Clients of the API server, as its administrator. */
    readonly api: Api;
    /**
     * Ends when the cluster shows everything that has happened to the VMs so far. Throws what went wrong since the last
     * call.
     */
    settled(): Promise<void>;
    /**
     * Installs patches on a node and lets kured reboot it, exactly as kured does: marked at once, rebooted under the
     * lock, freed some time after the boot. Ends when kured has done what it does.
     */
    patchAndReboot(node: string, patch?: Patch): Promise<Outcome>;
    /** Installs patches that need a reboot, which kured has not seen yet. */
    installPatches(node: string, patch?: Patch): void;
    /** kured's next look at a node that needs a reboot; ends as `patchAndReboot` does. */
    kuredTick(node: string, patch?: Patch): Promise<Outcome>;
    /** Makes a node look as if it had been ready since that moment. */
    setReadySince(node: string, since: Date): Promise<void>;
    /** Ends when the node is Ready (or, with false, not Ready). */
    waitForReady(node: string, ready?: boolean): Promise<void>;
    /** Patch level on the node's disk. */
    patchLevel(node: string): string;
    /** Puts kured's DaemonSet into the cluster, or changes it. */
    installKured(options?: KuredOptions): Promise<void>;
    uninstallKured(): Promise<void>;
    /** The Azure Disk CSI driver: its identity in Azure, and whether the cluster has it. It is there from the start. */
    readonly diskDriver: DiskDriver;
    /** What kubelet does with volumes. */
    readonly volumes: NodeVolumes;
    /** Ends everything that runs for a node. The cluster is left as it is. */
    stop(): Promise<void>;
}

/** Starts to play the nodes of these machines on this cluster; those that are there become nodes at once. */
export async function startNodes(machines: Machines, cluster: Cluster): Promise<NodePlayer> {
    const api = apiOf(cluster.kubeconfig);
    const errors: unknown[] = [];
    const volumes = new NodeVolumes(api, machines);
    const diskDriver = new DiskDriver(api, machines);
    const pods = new HostPods(api, machines, volumes, (error) => errors.push(error));
    const kubelet = await startKubelet(cluster.kubelet, (namespace, pod) => pods.log(namespace, pod));
    const lifecycle = new NodeLifecycle(api, kubelet.port);
    const kubelets = new KubeadmKubelets(api, cluster, kubelet.port);
    const queues = new Map<string, Promise<void>>();
    const settled = async () => {
        await Promise.all(queues.values());
        if (errors.length > 0) {
            throw errors.splice(0)[0];
        }
    };
    const kured = new Kured(api, machines, settled);
    let stopped = false;

    // Events of one VM one after the other, those of different VMs at the same time.
    const enqueue = (event: VmEvent) => {
        if (event.kind === "stopped" || event.kind === "deleted") {
            pods.machineStopped(event.vm);
            kured.machineStopped(event.vm);
        }
        const before = queues.get(event.vm.id) ?? Promise.resolve();
        const work = before.then(() =>
            stopped ? undefined : play({ lifecycle, kubelets, pods, kured, diskDriver }, event),
        );
        queues.set(
            event.vm.id,
            work.catch((error: unknown) => void (stopped || errors.push(error))),
        );
    };
    const unsubscribe = machines.onVm(enqueue);
    await Promise.all([pods.start(), diskDriver.start()]);
    await diskDriver.install();
    machines.vms().forEach((vm) => enqueue({ kind: "created", vm }));
    await settled();
    return {
        api,
        settled,
        diskDriver,
        volumes,
        patchAndReboot: (node, patch) => kured.patchAndReboot(node, patch),
        installPatches: (node, patch) => kured.installPatches(node, patch),
        kuredTick: (node, patch) => kured.tick(node, patch),
        setReadySince: (node, since) => kured.setReadySince(node, since),
        waitForReady: (node, ready = true) => waitForReady(api, node, ready),
        patchLevel: (node) => patchLevel(machines.vms().find(({ nodeName }) => nodeName === node)?.diskDirectory ?? ""),
        installKured: (options) => kured.install(options),
        uninstallKured: () => kured.uninstall(),
        async stop() {
            stopped = true;
            unsubscribe();
            kured.stop();
            lifecycle.stop();
            volumes.stop();
            await Promise.all([pods.stop(), diskDriver.stop()]);
            await kubelet.close();
        },
    };
}

/** What lives on a machine. */
interface Parts {
    lifecycle: NodeLifecycle;
    kubelets: KubeadmKubelets;
    pods: HostPods;
    kured: Kured;
    diskDriver: DiskDriver;
}

async function play({ lifecycle, kubelets, pods, kured, diskDriver }: Parts, { kind, vm }: VmEvent): Promise<void> {
    if (kind === "deleted") {
        return lifecycle.gone(vm);
    }
    // What the VM is by now counts; an event that was overtaken is followed by its own.
    if (!isUp(vm)) {
        await kubelets.tryAsAnother(vm);
        return lifecycle.down(vm);
    }
    const kubelet = await kubelets.signIn(vm);
    if (typeof kubelet === "string") {
        vm.bootLog.push(kubelet);
        return;
    }
    await lifecycle.up(vm, kured.readySinceOf(vm.nodeName), kubelet);
    await diskDriver.nodeUp(vm);
    await pods.machineStarted(vm);
    kured.machineStarted(vm);
}

function isUp(vm: Vm): boolean {
    return vm.power === "running" && vm.joined;
}

async function waitForReady(api: Api, node: string, ready: boolean): Promise<void> {
    await waitFor(`node ${node} to be ${ready ? "" : "not "}ready`, async () => {
        const found = await findNode(api, node);
        return found && (readyCondition(found)?.status === "True") === ready ? true : undefined;
    });
}
