// Plays kured: one of it on each node, started with its machine and gone with its power. It sees the need for a reboot,
// marks the node, waits for the lock, empties and reboots the node; the next one frees the node some time after the
// boot.
import { setTimeout as sleep } from "node:timers/promises";
import type { Vm } from "../azure/types";
import { findNode, patchNode, patchNodeStatus, readyCondition, type Api } from "./api";
import { drain } from "./drain";
import { kuredTime, MOST_RECENT_REBOOT_NEEDED, REBOOT_IN_PROGRESS } from "./kuredAnnotations";
import {
    applyDaemonSet,
    LockAnnotation,
    removeDaemonSet,
    settingsOf,
    type KuredOptions,
    type KuredSettings,
} from "./kuredDaemonSet";
import { acquire, holding, release, type LockRequest } from "./kuredLock";
import type { Machines } from "./machines";
import { installPatches, needsReboot, type Patches } from "./patches";

export type { KuredOptions } from "./kuredDaemonSet";

const LOCK_POLL_MS = 100;
/** From the need for a reboot to the node being ready again, for nodes whose past is made up. */
const REBOOT_TOOK_MS = 2 * 60_000;

/** One round of patches and the reboot that follows. */
export interface Patch extends Patches {
    /** When kured saw that a reboot is needed; default: now. A moment in the past gives the node that past. */
    at?: Date;
    /** The node's time zone. */
    utcOffsetMinutes?: number;
    /** Since when the node is ready again; default: two minutes after `at` if that is in the past, else when it is. */
    readySince?: Date;
}

/**
 * How a round ended. `freed`: rebooted, and in service again. `not freed`: rebooted, but the lock did not name the node
 * any more. `drain failed`: after `--drain-timeout`; uncordoned and released, the marks stay. `cut off`: the machine
 * was stopped by somebody else.
 */
export type Outcome = "freed" | "not freed" | "drain failed" | "cut off";

/** What one node's kured is doing. */
interface Round {
    readonly abort: AbortController;
    rebooting: boolean;
    /** Since when the node is to be Ready afterwards, where that is in the past. */
    readySince?: Date;
}

/** One node's kured from its start to its first look. */
interface Start {
    readonly bootId: string;
    readonly outcome: Promise<Outcome>;
    readonly abort: AbortController;
}

/** Plays kured on the sandbox's nodes. */
export class Kured {
    private settings: KuredSettings = settingsOf({});
    private readonly lock: LockAnnotation;
    private readonly rounds = new Map<string, Round>();
    /** The first look of each node's kured after its start, and how to end that kured before it. */
    private readonly starts = new Map<string, Start>();
    private stopped = false;

    constructor(
        private readonly api: Api,
        private readonly machines: Machines,
        private readonly settled: () => Promise<void>,
    ) {
        this.lock = new LockAnnotation(api, () => this.settings);
    }

    /** Puts kured's DaemonSet into the cluster, or changes the one that is there; each node's kured starts anew. */
    async install(options: KuredOptions = {}): Promise<void> {
        this.settings = settingsOf(options);
        await applyDaemonSet(this.api, this.settings);
        for (const vm of this.machines.vms()) {
            if (vm.joined) {
                this.begin(vm);
            }
        }
    }

    /** Takes kured's DaemonSet away. */
    async uninstall(): Promise<void> {
        await removeDaemonSet(this.api, this.settings);
    }

    /** Ends everything that waits. */
    stop(): void {
        this.stopped = true;
        for (const { abort } of [...this.rounds.values(), ...this.starts.values()]) {
            abort.abort();
        }
    }

    /** Puts patches on a node's disk. Nobody has seen yet that it needs a reboot. */
    installPatches(node: string, patch: Patch = {}): void {
        installPatches(this.vmOf(node), patch, patch.at ?? new Date());
    }

    /** Installs patches on a node and lets its kured see them at once; ends as `tick` does. */
    patchAndReboot(node: string, patch: Patch = {}): Promise<Outcome> {
        this.installPatches(node, patch);
        return this.tick(node, patch);
    }

    /**
     * The node's kured looks, once its first look after its start is over. If the machine needs a reboot it marks the
     * node at once, unless it is marked already, waits for the lock, empties the node and reboots it.
     *
     * @throws Error if the cluster does not have the node, or its machine does not need a reboot
     */
    async tick(node: string, { at = new Date(), utcOffsetMinutes = 0, readySince }: Patch = {}): Promise<Outcome> {
        const vm = this.vmOf(node);
        if (!needsReboot(vm)) {
            throw new Error(`${node} does not need a reboot`);
        }
        const round: Round = { abort: new AbortController(), rebooting: false };
        this.rounds.get(node)?.abort.abort();
        this.rounds.set(node, round);
        try {
            // kured looks after the lock first of all, and would free a node whose reboot has only begun.
            await this.starts.get(node)?.outcome;
            await this.mark(node, kuredTime(at, utcOffsetMinutes));
            const since = readySince ?? new Date(at.getTime() + REBOOT_TOOK_MS);
            const isPast = readySince !== undefined || since.getTime() < Date.now();
            if (isPast) {
                round.readySince = since;
            }
            const outcome = await this.reboot(vm, round);
            if (outcome === "freed" && isPast) {
                await this.setReadySince(node, since);
            }
            return outcome;
        } finally {
            if (this.rounds.get(node) === round) {
                this.rounds.delete(node);
            }
        }
    }

    /** Since when a node that is rebooted at this moment is to be Ready, where it has a past. */
    readySinceOf(node: string): Date | undefined {
        const round = this.rounds.get(node);
        return round?.rebooting ? round.readySince : undefined;
    }

    /** The machine's power went: its kured is gone, wherever it was. */
    machineStopped(vm: Vm): void {
        this.starts.get(vm.nodeName)?.abort.abort();
        const round = this.rounds.get(vm.nodeName);
        if (round && !round.rebooting) {
            round.abort.abort();
        }
    }

    /** The machine has booted, and kured's pod starts on it: once a boot. */
    machineStarted(vm: Vm): void {
        const known = this.starts.get(vm.nodeName);
        if (known?.bootId !== vm.bootId || known.abort.signal.aborted) {
            this.begin(vm);
        }
    }

    /**
     * Makes a node look as if it had been ready since that moment. Nothing in the sandbox writes it again until it
     * changes.
     */
    async setReadySince(name: string, since: Date): Promise<void> {
        const ready = readyCondition(await findNode(this.api, name));
        if (!ready) {
            throw new Error(`there is no node ${name}`);
        }
        await patchNodeStatus(this.api, name, { conditions: [{ ...ready, lastTransitionTime: since.toISOString() }] });
    }

    private begin({ nodeName, bootId }: Vm): void {
        this.starts.get(nodeName)?.abort.abort();
        const abort = new AbortController();
        const outcome = this.firstTick(nodeName, abort.signal);
        // Whoever waits for it gets the error; without anybody waiting, the sandbox has been stopped under it.
        outcome.catch(() => undefined);
        this.starts.set(nodeName, { bootId, outcome, abort });
    }

    /** Both annotations in one patch; nothing at all while the earlier reboot is still in progress. */
    private async mark(node: string, needed: string): Promise<void> {
        const found = (await findNode(this.api, node))?.metadata?.annotations ?? {};
        if (!this.settings.annotateNodes || found[REBOOT_IN_PROGRESS] !== undefined) {
            return;
        }
        await patchNode(this.api, node, {
            metadata: { annotations: { [MOST_RECENT_REBOOT_NEEDED]: needed, [REBOOT_IN_PROGRESS]: needed } },
        });
    }

    private async reboot(vm: Vm, round: Round): Promise<Outcome> {
        const { nodeName: node } = vm;
        const { signal } = round.abort;
        const wasCordoned = await this.takeLock(node, signal);
        if (signal.aborted) {
            return "cut off";
        }
        await patchNode(this.api, node, { spec: { unschedulable: true } });
        const empty = await drain(this.api, node, this.settings.drainTimeoutMs, signal);
        if (signal.aborted) {
            return "cut off";
        }
        if (!empty) {
            if (!wasCordoned) {
                await patchNode(this.api, node, { spec: { unschedulable: null } });
            }
            await this.releaseLock(node);
            return "drain failed";
        }
        round.rebooting = true;
        await this.machines.restartVm(vm.id);
        await this.settled();
        return (await this.starts.get(node)?.outcome) ?? "not freed";
    }

    /** Waits until the lock is this node's; whether the node was cordoned by somebody else before. */
    private async takeLock(node: string, signal: AbortSignal): Promise<boolean> {
        while (!signal.aborted) {
            const unschedulable = (await findNode(this.api, node))?.spec?.unschedulable === true;
            const taken = await this.lock.change((value) => {
                const result = acquire(value, { ...this.request(node), unschedulable });
                return { write: result.held ? result.value : undefined, result };
            });
            if (taken.held) {
                return taken.entry.metadata.unschedulable;
            }
            await sleep(LOCK_POLL_MS);
        }
        return false;
    }

    private async releaseLock(node: string): Promise<void> {
        await this.lock.change((value) => ({ write: release(value, this.request(node)), result: undefined }));
    }

    /** What kured does first after its start: if the lock names this node, the reboot is over. */
    private async firstTick(node: string, signal: AbortSignal): Promise<Outcome> {
        await sleep(this.settings.firstTickMs, undefined, { ref: false });
        const vm = this.machines.vms().find(({ nodeName }) => nodeName === node);
        if (signal.aborted || this.stopped || !vm?.joined) {
            return "cut off";
        }
        const own = await this.lock.change((value) => ({ result: holding(value, this.request(node)) }));
        if (!own) {
            return "not freed";
        }
        if (!own.metadata.unschedulable) {
            await patchNode(this.api, node, { spec: { unschedulable: null } });
        }
        if (this.settings.annotateNodes && !needsReboot(vm)) {
            await patchNode(this.api, node, { metadata: { annotations: { [REBOOT_IN_PROGRESS]: null } } });
        }
        await this.releaseLock(node);
        return "freed";
    }

    private request(nodeID: string): LockRequest {
        const { concurrency, lockTtlMs } = this.settings;
        return { nodeID, unschedulable: false, concurrency, ttlMs: lockTtlMs, now: new Date() };
    }

    private vmOf(node: string): Vm {
        const known = this.machines.vms();
        const vm = known.find(({ nodeName }) => nodeName === node);
        if (vm) {
            return vm;
        }
        const names = known.map(({ nodeName }) => nodeName).join(", ");
        throw new Error(`there is no node ${node}; the nodes are ${names}`);
    }
}
