// Patches and reboots nodes as kured does: one at a time, under its lock, with its annotations.
import { rmSync, writeFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { ApiException, PatchStrategy, setHeaderOptions, type V1DaemonSet } from "@kubernetes/client-node";
import type { Vm } from "../azure/types";
import { findNode, isNotFound, patchNode, patchNodeStatus, readyCondition, waitFor, type Api } from "./api";
import { drain } from "./drain";
import { kuredTime, lockValue, MOST_RECENT_REBOOT_NEEDED, NODE_LOCK, REBOOT_IN_PROGRESS } from "./kuredAnnotations";
import type { Machines } from "./machines";

const NAMESPACE = "kube-system";
const NAME = "kured";
const SENTINEL = "var/run/reboot-required";
/** From the need for a reboot to the node being ready again, for nodes whose past is made up. */
const REBOOT_TOOK_MS = 2 * 60_000;

/** kured's DaemonSet in the sandbox. */
export interface KuredOptions {
    /** Default 1.9.2, of the time of Kubernetes 1.24. */
    version?: string;
    /** Default true; without it kured leaves no trace on the nodes. */
    annotateNodes?: boolean;
}

/** One round of patches. */
export interface Patch {
    /** What the disk's patch level becomes; default: the day of `at`. */
    patchLevel?: string;
    /** When kured saw that a reboot is needed; default: now. A moment in the past gives the node that past. */
    at?: Date;
    /** The node's time zone. */
    utcOffsetMinutes?: number;
    /** Since when the node is ready again; default: two minutes after `at` if that is in the past, else when it is. */
    readySince?: Date;
}

/** Plays kured on the sandbox's nodes. */
export class Kured {
    private queue: Promise<void> = Promise.resolve();

    constructor(
        private readonly api: Api,
        private readonly machines: Machines,
        private readonly settled: () => Promise<void>,
    ) {}

    /** Puts kured's DaemonSet and its service account into the cluster, or changes the one that is there. */
    async install(options: KuredOptions = {}): Promise<void> {
        const body = { metadata: { name: NAME, namespace: NAMESPACE } };
        const exists = (error: unknown) => {
            if (!(error instanceof ApiException && error.code === 409)) throw error;
        };
        await this.api.core.createNamespacedServiceAccount({ namespace: NAMESPACE, body }).catch(exists);
        const wanted = daemonSet(options);
        await this.api.apps
            .createNamespacedDaemonSet({ namespace: NAMESPACE, body: wanted })
            .catch(async (error: unknown) => {
                exists(error);
                await this.patchDaemonSet({ spec: { template: wanted.spec?.template } });
            });
    }

    /** Takes kured's DaemonSet away. */
    async uninstall(): Promise<void> {
        await this.api.apps.deleteNamespacedDaemonSet({ name: NAME, namespace: NAMESPACE }).catch((error: unknown) => {
            if (!isNotFound(error)) throw error;
        });
    }

    /** Installs patches on a node and reboots it; ends when the node is back. Others wait for it, as for kured's lock. */
    patchAndReboot(node: string, patch: Patch = {}): Promise<void> {
        const result = this.queue.then(() => this.patch(this.vmOf(node), patch));
        this.queue = result.catch(() => undefined);
        return result;
    }

    /** Makes a node look as if it had been ready since that moment. Nothing in the sandbox writes it again until it changes. */
    async setReadySince(name: string, since: Date): Promise<void> {
        const ready = readyCondition(await findNode(this.api, name));
        if (!ready) throw new Error(`there is no node ${name}`);
        await patchNodeStatus(this.api, name, { conditions: [{ ...ready, lastTransitionTime: since.toISOString() }] });
    }

    private async patch(
        vm: Vm,
        { at = new Date(), utcOffsetMinutes = 0, patchLevel, readySince }: Patch,
    ): Promise<void> {
        const name = vm.nodeName;
        put(vm, "etc/os-patch-level", `${patchLevel ?? at.toISOString().slice(0, 10)}\n`);
        put(vm, SENTINEL, "*** System restart required ***\n");
        const needed = kuredTime(at, utcOffsetMinutes);
        await patchNode(this.api, name, {
            metadata: { annotations: { [MOST_RECENT_REBOOT_NEEDED]: needed, [REBOOT_IN_PROGRESS]: needed } },
        });
        const wasCordoned = (await findNode(this.api, name))?.spec?.unschedulable === true;
        await this.setLock(lockValue(name, wasCordoned, new Date()));
        try {
            await patchNode(this.api, name, { spec: { unschedulable: true } });
            await drain(this.api, name);
            // What is under /var/run doesn't outlive a boot.
            rmSync(join(vm.diskDirectory, SENTINEL), { force: true });
            await this.machines.restartVm(vm.id);
            await this.settled();
            if (!wasCordoned) await patchNode(this.api, name, { spec: { unschedulable: null } });
            await patchNode(this.api, name, { metadata: { annotations: { [REBOOT_IN_PROGRESS]: null } } });
        } finally {
            await this.setLock(null);
        }
        const since = readySince ?? new Date(at.getTime() + REBOOT_TOOK_MS);
        if (readySince || since.getTime() < Date.now()) await this.setReadySince(name, since);
    }

    private vmOf(node: string): Vm {
        const vm = this.machines.vms().find(({ nodeName }) => nodeName === node);
        if (!vm)
            throw new Error(
                `there is no node ${node}; the nodes are ${this.machines
                    .vms()
                    .map(({ nodeName }) => nodeName)
                    .join(", ")}`,
            );
        return vm;
    }

    /** On a cluster without kured's DaemonSet there is nothing to lock. */
    private async setLock(value: string | null): Promise<void> {
        await waitFor("kured's lock", async () => {
            const daemonSet = await this.api.apps
                .readNamespacedDaemonSet({ name: NAME, namespace: NAMESPACE })
                .catch((error: unknown) => {
                    if (isNotFound(error)) return undefined;
                    throw error;
                });
            // Someone else has it: as kured does, wait.
            if (value !== null && daemonSet?.metadata?.annotations?.[NODE_LOCK] !== undefined) return undefined;
            if (daemonSet) await this.patchDaemonSet({ metadata: { annotations: { [NODE_LOCK]: value } } });
            return true;
        });
    }

    private async patchDaemonSet(body: object): Promise<void> {
        const options = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
        await this.api.apps.patchNamespacedDaemonSet({ name: NAME, namespace: NAMESPACE, body }, options);
    }
}

function put(vm: Vm, file: string, text: string): void {
    const path = join(vm.diskDirectory, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
}

function daemonSet({ version = "1.9.2", annotateNodes = true }: KuredOptions): V1DaemonSet {
    const labels = { name: NAME };
    const flags = ["--reboot-sentinel=/var/run/reboot-required", ...(annotateNodes ? ["--annotate-nodes=true"] : [])];
    return {
        metadata: { name: NAME, namespace: NAMESPACE },
        spec: {
            selector: { matchLabels: labels },
            updateStrategy: { type: "RollingUpdate" },
            template: {
                metadata: { labels },
                spec: {
                    serviceAccountName: NAME,
                    hostPID: true,
                    tolerations: [{ operator: "Exists" }],
                    containers: [
                        {
                            name: NAME,
                            image: `docker.io/weaveworks/kured:${version}`,
                            command: ["/usr/bin/kured"],
                            args: flags,
                            securityContext: { privileged: true },
                            env: [{ name: "KURED_NODE_ID", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } }],
                        },
                    ],
                },
            },
        },
    };
}
