// The machines: made from images, started, stopped, deallocated, reimaged and deleted, each with its boot.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Cloud, Machines } from "./cloud";
import { Collection } from "./collection";
import { isScript, runExtension, scriptsOf } from "./extensions";
import { membersOf, newFlexibleVm, takeAway } from "./flexible";
import { boot, loseMemory, shutDown } from "./guest";
import { ArmError } from "./http/errors";
import type { ScaleSetRecord } from "./scaleSetRecord";
import { SingleVm } from "./singleVm";
import type { VmEvent } from "./types";
import { dropDisks, giveDisks } from "./vmDisks";
import { InstanceRecord, type VmExtension, type VmRecord } from "./vmRecord";

type Listener = (event: VmEvent) => void;

/** All machines of the local Azure. */
export class Fleet implements Machines {
    readonly instances = new Collection<InstanceRecord>();
    readonly singles = new Collection<SingleVm>();
    private readonly listeners = new Set<Listener>();
    private stopped = false;

    constructor(private readonly cloud: () => Cloud) {}

    onVm(listener: Listener): () => void {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
    }

    /** After this nothing happens any more: no boots end, no events are sent. */
    stop(): void {
        this.stopped = true;
    }

    all(): VmRecord[] {
        return [...this.instances.all(), ...this.singles.all()];
    }

    get(id: string): VmRecord | undefined {
        return this.instances.get(id) ?? this.singles.get(id);
    }

    /** A scale set's instances, in the order of their ids. */
    of(scaleSetId: string): InstanceRecord[] {
        return this.instances.below(`${scaleSetId}/virtualMachines`).sort((a, b) => a.number - b.number);
    }

    /** A scale set's VMs, instances or single ones, attached ones included. */
    membersOf(scaleSetId: string): VmRecord[] {
        return [...this.of(scaleSetId), ...membersOf(this.cloud(), scaleSetId)];
    }

    /**
     * Brings a scale set to a number of VMs: new ones from the model as it is now, or the last ones away. That VMs
     * which were attached to a Flexible set do not count is a guess.
     */
    async scale(scaleSet: ScaleSetRecord, capacity: number): Promise<void> {
        const present: VmRecord[] = scaleSet.isFlexible
            ? membersOf(this.cloud(), scaleSet.id).filter(({ madeBy }) => madeBy !== undefined)
            : this.of(scaleSet.id);
        const surplus = present.slice(capacity);
        const missing = Math.max(0, capacity - present.length);
        const made = Array.from({ length: missing }, () => this.register(scaleSet));
        const results = await Promise.allSettled([
            ...surplus.map((vm) => (vm instanceof SingleVm ? takeAway(this.cloud(), vm) : this.delete(vm))),
            ...made.map((vm) => this.provision(vm)),
        ]);
        const failure = results.find((result): result is PromiseRejectedResult => result.status === "rejected");
        if (failure) {
            throw failure.reason;
        }
    }

    /** Makes a single VM: its disks, its first boot. Throws what went wrong; the VM is there all the same, Failed. */
    async create(vm: SingleVm): Promise<void> {
        this.singles.set(vm);
        await this.provision(vm);
    }

    /** A machine could not be made: it is Failed, and off where it has got no disk. A start tries again. */
    notMade(vm: VmRecord): void {
        vm.provisioningState = "Failed";
        if (vm.diskDirectory === "") {
            vm.power = "stopped";
        }
    }

    async start(vm: VmRecord): Promise<void> {
        if (vm.power === "running" || vm.power === "starting") {
            return;
        }
        if (vm.diskDirectory === "") {
            return this.provision(vm);
        }
        vm.power = "starting";
        await this.boot(vm, []);
        this.emit(vm.bootedClean ? "started" : "bootFailed", vm);
    }

    /** `orderly`: the guest shuts down and writes to its disk; else the power is cut. */
    powerOff(vm: VmRecord, orderly: boolean): void {
        if (vm.power === "stopped" || vm.power === "deallocated") {
            return;
        }
        this.halt(vm, orderly, "stopped");
    }

    deallocate(vm: VmRecord): void {
        if (vm.power === "deallocated") {
            return;
        }
        if (vm.power === "stopped") {
            vm.power = "deallocated";
        } else {
            this.halt(vm, true, "deallocated");
        }
    }

    async restart(vm: VmRecord): Promise<void> {
        this.powerOff(vm, true);
        await this.start(vm);
    }

    /** A fresh OS disk from the model's image and a first boot, as an upgrade to the latest model does. */
    async reimage(vm: VmRecord): Promise<void> {
        if (vm.power === "running") {
            this.halt(vm, false, "stopped");
        }
        dropDisks(this.cloud(), vm, { all: false });
        await this.provision(vm, "started");
    }

    /**
     * A change of the model that needs no new disk, as modes other than Manual apply it to a running VM: extensions and
     * settings.
     */
    applyModel(vm: InstanceRecord): void {
        vm.modelVersion = vm.scaleSet.modelVersion;
        vm.extensions = vm.scaleSet.extensions.map((extension) => ({ ...structuredClone(extension), succeeded: true }));
    }

    /** Runs an extension on a machine that is up, after which its kubelet may be set up. Throws if it fails. */
    async runExtension(vm: VmRecord, extension: VmExtension): Promise<void> {
        if (isScript(extension)) {
            await sleep(this.cloud().durations.bootstrap);
        }
        const done = runExtension(vm, extension, this.cloud().now());
        if (!done.succeeded) {
            throw extensionFailed(vm, extension.name);
        }
        vm.bootstrapRan ||= isScript(extension);
        if (done.joined && !vm.joined) {
            vm.bootstrapped = true;
            vm.joined = true;
            this.emit("started", vm);
        }
    }

    async delete(vm: VmRecord): Promise<void> {
        await sleep(this.cloud().durations.vmDelete);
        if (vm.deleted) {
            return;
        }
        vm.deleted = true;
        vm.power = "stopped";
        vm.joined = false;
        this.instances.delete(vm.id);
        this.singles.delete(vm.id);
        // A disk that is left has nothing of what the machine kept in memory.
        loseMemory(vm.diskDirectory);
        dropDisks(this.cloud(), vm, { all: true });
        this.emit("deleted", vm);
    }

    private register(scaleSet: ScaleSetRecord): VmRecord {
        if (scaleSet.isFlexible) {
            return this.singles.set(newFlexibleVm(this.cloud(), scaleSet));
        }
        return this.instances.set(new InstanceRecord(scaleSet, scaleSet.nextInstance++, this.cloud().now()));
    }

    // From allocation to the end of provisioning: disk from the image, first boot, extensions.
    private async provision(vm: VmRecord, kind: "created" | "started" = "created"): Promise<void> {
        const cloud = this.cloud();
        vm.power = "starting";
        vm.provisioningState = kind === "created" ? "Creating" : "Updating";
        vm.takeModel();
        try {
            giveDisks(cloud, vm);
            await sleep(cloud.durations.vmCreate);
            const failed = await this.boot(vm, scriptsOf(vm));
            if (vm.deleted || this.stopped) {
                return;
            }
            vm.provisioningState = "Succeeded";
            if (failed) {
                throw failed;
            }
        } catch (error) {
            this.notMade(vm);
            this.emit("bootFailed", vm);
            throw error;
        }
        this.emit(kind, vm);
    }

    private async boot(vm: VmRecord, scriptsToRun: { name: string; command: string }[]): Promise<ArmError | undefined> {
        const { durations } = this.cloud();
        const began = Date.now();
        await sleep(durations.boot);
        const data = {
            vmId: vm.vmId,
            computerName: vm.computerName,
            machineIds: vm.machineIds,
            customData: vm.customData,
        };
        const result = await boot(vm.diskDirectory, { ...data, scripts: scriptsToRun, now: this.cloud().now() }, () =>
            sleep(durations.bootstrap),
        );
        if (vm.deleted || this.stopped) {
            return undefined;
        }
        vm.power = "running";
        vm.bootId = randomUUID();
        vm.kernelVersion = result.kernelVersion;
        vm.bootLog.push(...result.log);
        vm.bootstrapped = result.bootstrapped;
        vm.bootstrapRan ||= result.bootstrapRan;
        vm.bootedClean = result.clean;
        vm.joined = result.joined;
        vm.lastBootMilliseconds = Date.now() - began;
        if (!result.clean) {
            return provisioningTimedOut(vm);
        }
        return result.failedExtension ? extensionFailed(vm, result.failedExtension) : undefined;
    }

    private halt(vm: VmRecord, orderly: boolean, power: "stopped" | "deallocated"): void {
        if (orderly && vm.power === "running") {
            shutDown(vm.diskDirectory, vm, this.cloud().now());
        }
        loseMemory(vm.diskDirectory);
        vm.power = power;
        vm.joined = false;
        this.emit("stopped", vm);
    }

    private emit(kind: VmEvent["kind"], vm: VmRecord): void {
        if (this.stopped) {
            return;
        }
        for (const listener of this.listeners) {
            listener({ kind, vm });
        }
    }
}

function provisioningTimedOut(vm: VmRecord): ArmError {
    const message =
        `OS Provisioning for VM '${vm.label}' did not finish in the allotted time. The VM may still finish provisioning ` +
        "successfully. Also, make sure the image has been properly prepared (generalized).";
    return new ArmError(409, "OSProvisioningTimedOut", message);
}

function extensionFailed(vm: VmRecord, name: string): ArmError {
    const extension = vm.extensions.find((one) => one.name === name);
    if (extension) {
        extension.succeeded = false;
    }
    const message = `VM has reported a failure when processing extension '${name}'. Error message: "Enable failed: failed to execute command: command terminated with exit status=127".`;
    return new ArmError(409, "VMExtensionProvisioningError", message);
}
