// Plays kubelet for run-once pods that no controller owns, and those that mount their node's root: runs each for real,
// on the folders of the disks that it mounts, and reports its status. kwok leaves these pods alone
// (sandbox/kwok/stages/pods.yaml).
import { createHash } from "node:crypto";
import { makeInformer, type Informer, type V1Container, type V1Pod } from "@kubernetes/client-node";
import type { Vm } from "../azure/types";
import { isNotFound, patchPodStatus, type Api } from "./api";
import type { Machines } from "./machines";
import { isRunForReal, runContainer, type Ending, type RunningScript } from "./script";
import type { Mounts, NodeVolumes } from "./volumes";

const MESSAGE_LIMIT = 2048;

interface Played {
    pod: V1Pod;
    /** The container that runs, or ran last: init containers come first, one after the other. */
    current: string;
    script: RunningScript;
    /** Of each container that was started. */
    states: Map<string, object>;
    startedAt: string;
    state: "running" | "ended" | "cut off";
}

/** Runs pods as they appear. */
export class HostPods {
    private readonly played = new Map<string, Played>();
    /** Pods whose volumes are being mounted. */
    private readonly mounting = new Set<string>();
    private readonly informer: Informer<V1Pod>;
    private stopped = false;

    constructor(
        private readonly api: Api,
        private readonly machines: Machines,
        private readonly volumes: NodeVolumes,
        private readonly report: (error: unknown) => void,
    ) {
        this.informer = makeInformer(api.config, "/api/v1/pods", () => api.core.listPodForAllNamespaces());
        for (const verb of ["add", "update"] as const) {
            this.informer.on(verb, (pod) => this.seen(pod));
        }
        this.informer.on("delete", (pod) => this.forget(pod));
        this.informer.on("error", () => setTimeout(() => this.watch(), 300).unref());
    }

    async start(): Promise<void> {
        process.once("exit", this.killAll);
        await this.informer.start();
    }

    async stop(): Promise<void> {
        this.stopped = true;
        await this.informer.stop();
        process.off("exit", this.killAll);
        this.killAll();
    }

    /** What a pod of this name has printed. */
    log(namespace: string, name: string): string {
        const found = [...this.played.values()].filter(
            ({ pod }) => pod.metadata?.name === name && pod.metadata.namespace === namespace,
        );
        return found.at(-1)?.script.log() ?? "";
    }

    /**
     * The machine stopped under its pods: their processes are gone, and nobody tells the API server before it is back.
     */
    machineStopped(vm: Vm): void {
        for (const played of this.on(vm)) {
            if (played.state !== "running") {
                continue;
            }
            played.state = "cut off";
            played.script.kill("SIGKILL");
        }
    }

    /** Kubelet is back: it finds that the containers it knew are gone, and finishes what was asked for in between. */
    async machineStarted(vm: Vm): Promise<void> {
        for (const played of this.on(vm)) {
            if (played.state === "cut off") {
                played.state = "ended";
                await this.conclude(played, { exitCode: 255, poweredOff: false, message: "" }, "Unknown");
            }
        }
        const fieldSelector = `spec.nodeName=${vm.nodeName}`;
        const { items } = await this.api.core.listPodForAllNamespaces({ fieldSelector });
        items.forEach((pod) => this.seen(pod));
        await this.volumes.report(vm.nodeName);
    }

    /** Scripts have their own process groups, and would outlive this process. */
    private readonly killAll = () => {
        for (const { script, state } of this.played.values()) {
            if (state === "running") {
                script.kill("SIGKILL");
            }
        }
    };

    private watch(): void {
        if (!this.stopped) {
            this.informer.start().catch(() => setTimeout(() => this.watch(), 300).unref());
        }
    }

    private on(vm: Vm): Played[] {
        return [...this.played.values()].filter(({ pod }) => pod.spec?.nodeName === vm.nodeName);
    }

    private seen(pod: V1Pod): void {
        if (this.stopped) {
            return;
        }
        const vm = this.machines.vms().find(({ nodeName }) => nodeName === pod.spec?.nodeName);
        // Without a working kubelet nothing happens to a pod, not even its end.
        if (!vm?.joined) {
            return;
        }
        this.volumes.podSeen(pod).catch(this.report);
        if (!isRunForReal(pod)) {
            return;
        }
        const uid = pod.metadata?.uid ?? "";
        const played = this.played.get(uid);
        const work = pod.metadata?.deletionTimestamp
            ? this.terminate(pod, played)
            : pod.status?.phase === "Pending" && !played && !this.mounting.has(uid)
              ? this.mountAndRun(pod, vm)
              : undefined;
        work?.catch(this.report);
    }

    private async mountAndRun(pod: V1Pod, vm: Vm): Promise<void> {
        const uid = pod.metadata?.uid ?? "";
        this.mounting.add(uid);
        try {
            const waiting = containers(pod.spec?.containers ?? [], new Map(), "ContainerCreating");
            await patchPodStatus(this.api, pod, { containerStatuses: waiting });
            const mounts = await this.volumes.mount(pod, vm);
            if (!mounts || !vm.joined || this.stopped) {
                return;
            }
            await this.run(pod, vm, mounts).finally(() => this.volumes.unmount(pod, mounts));
        } finally {
            this.mounting.delete(uid);
        }
    }

    private async run(pod: V1Pod, vm: Vm, mounts: Mounts): Promise<void> {
        const { initContainers = [], containers = [] } = pod.spec ?? {};
        const all = [...initContainers, ...containers.slice(0, 1)];
        let played: Played | undefined;
        for (const container of all) {
            const startedAt = new Date().toISOString();
            const script = runContainer(pod, container, mounts);
            const states: Played["states"] = played?.states ?? new Map<string, object>();
            played = { pod, current: container.name, script, states, startedAt, state: "running" };
            this.played.set(pod.metadata?.uid ?? "", played);
            states.set(container.name, { running: { startedAt } });
            const isInit = initContainers.includes(container);
            await patchPodStatus(this.api, pod, statusOf(played, isInit ? "Pending" : "Running"));
            const ending = await script.ended;
            if (played.state !== "running") {
                return;
            }
            if (ending.poweredOff) {
                played.state = "cut off";
                await this.machines.stopVmFromInside(vm.id);
                return;
            }
            const failed = ending.exitCode !== 0;
            if (failed || container === all.at(-1)) {
                played.state = "ended";
                await this.conclude(played, ending, failed ? "Error" : "Completed");
                return;
            }
            states.set(container.name, terminatedState(played, ending, "Completed"));
        }
    }

    /** The pod's last container has ended, and the pod with it. */
    private async conclude(played: Played, ending: Ending, reason: string): Promise<void> {
        played.states.set(played.current, terminatedState(played, ending, reason));
        await patchPodStatus(this.api, played.pod, statusOf(played, ending.exitCode === 0 ? "Succeeded" : "Failed"));
    }

    private async terminate(pod: V1Pod, played: Played | undefined): Promise<void> {
        if (played?.state === "running") {
            played.script.kill("SIGTERM");
            const grace = setTimeout(
                () => played.script.kill("SIGKILL"),
                (pod.metadata?.deletionGracePeriodSeconds ?? 0) * 1000,
            );
            await played.script.ended;
            clearTimeout(grace);
            if (played.state !== "running" && played.state !== "ended") {
                return;
            }
        }
        const { name = "", namespace = "", uid } = pod.metadata ?? {};
        await this.api.core
            .deleteNamespacedPod({ name, namespace, body: { gracePeriodSeconds: 0, preconditions: { uid } } })
            .catch((error: unknown) => {
                if (!isNotFound(error) && (error as { code?: number }).code !== 409) {
                    throw error;
                }
            });
    }

    private forget(pod: V1Pod): void {
        if (!this.stopped) {
            this.volumes.podEnded(pod).catch(this.report);
        }
        const played = this.played.get(pod.metadata?.uid ?? "");
        if (played?.state === "running") {
            played.script.kill("SIGKILL");
        }
    }
}

/** A status as kubelet reports it: each container as far as it has come. */
function statusOf({ pod, states, startedAt }: Played, phase: "Pending" | "Running" | "Succeeded" | "Failed"): object {
    return {
        phase,
        startTime: startedAt,
        conditions: conditions(phase === "Running" ? "True" : "False"),
        initContainerStatuses: containers(pod.spec?.initContainers ?? [], states),
        containerStatuses: containers(pod.spec?.containers ?? [], states),
    };
}

function terminatedState({ pod, current, script, startedAt }: Played, { exitCode, message }: Ending, reason: string) {
    const all = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
    const policy = all.find(({ name }) => name === current)?.terminationMessagePolicy;
    const log = policy === "FallbackToLogsOnError" && exitCode !== 0 ? script.log().slice(-MESSAGE_LIMIT) : undefined;
    const said = message === "" ? log : message.slice(0, MESSAGE_LIMIT * 2);
    return { terminated: { exitCode, reason, message: said, startedAt, finishedAt: new Date().toISOString() } };
}

function containers(known: V1Container[], states: Map<string, object>, reason = "PodInitializing"): object[] {
    return known.map(({ name, image = "" }) => {
        const state = states.get(name) ?? { waiting: { reason } };
        const running = "running" in state;
        // A merge patch: what a container was before must be said to be over.
        const all = { running: null, waiting: null, terminated: null, ...state };
        const imageID = "waiting" in state ? "" : digestOf(image);
        return { name, image, imageID, ready: running, started: running, restartCount: 0, state: all };
    });
}

/** An image as containerd names what it has pulled: by the digest, which is made up here. */
function digestOf(image: string): string {
    if (image.includes("@")) {
        return image;
    }
    const repository = image.replace(/:[^:/]*$/, "");
    return `${repository}@sha256:${createHash("sha256").update(image).digest("hex")}`;
}

function conditions(ready: "True" | "False"): object[] {
    const lastTransitionTime = new Date().toISOString();
    return [
        { type: "Initialized", status: "True", lastTransitionTime },
        { type: "ContainersReady", status: ready, lastTransitionTime },
        { type: "Ready", status: ready, lastTransitionTime },
    ];
}
