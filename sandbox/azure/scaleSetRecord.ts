// A scale set as the local Azure keeps it: the whole model, secrets included, and what the service counts beside it.
import type { Wire } from "./wire";
import { groupOf } from "./ids";
import type { Json, MachineModel } from "./machineModel";
import type { ScaleSet } from "./types";

export type { Json } from "./machineModel";

/** A scale set. */
export class ScaleSetRecord implements ScaleSet, MachineModel {
    etagCounter = 1;
    /** Goes up whenever the VM profile changes; a VM with a lower one has not the latest model. */
    modelVersion = 1;
    nextInstance = 0;
    /** Writes under way: the state is Succeeded again when the last has ended. */
    pending = 0;

    constructor(
        /** The resource as stored: answers leave out part of it. */
        public wire: Wire,
    ) {}

    /** Name of its resource group, as its creator wrote it. */
    get resourceGroup(): string {
        return this.groupId.split("/")[4];
    }

    get groupId(): string {
        return groupOf(this.id);
    }

    get id(): string {
        return this.wire.id;
    }

    get name(): string {
        return this.wire.name;
    }

    get location(): string {
        return this.wire.location;
    }

    get sku(): { name: string; tier: string; capacity: number } {
        return (this.wire.sku ?? {}) as { name: string; tier: string; capacity: number };
    }

    get size(): string {
        return this.sku.name;
    }

    get plan(): Json | undefined {
        return this.wire.plan as Json | undefined;
    }

    /** A Flexible set without a model has no sku. */
    get capacity(): number {
        return this.sku.capacity ?? 0;
    }

    /** The capacity goes down with a VM that is deleted. */
    takeOneOff(): void {
        this.sku.capacity = Math.max(0, this.sku.capacity - 1);
    }

    get etag(): string {
        return `"${this.etagCounter}"`;
    }

    get profile(): Json {
        return (this.wire.properties.virtualMachineProfile ?? {}) as Json;
    }

    get model(): Record<string, unknown> {
        return structuredClone(this.wire);
    }

    get osProfile(): Json {
        return (this.profile.osProfile ?? {}) as Json;
    }

    get securityProfile(): Json {
        return (this.profile.securityProfile ?? {}) as Json;
    }

    get storageProfile(): Json {
        return (this.profile.storageProfile ?? {}) as Json;
    }

    get extensions(): { name: string; properties: Json }[] {
        const profile = (this.profile.extensionProfile ?? {}) as { extensions?: { name: string; properties: Json }[] };
        return profile.extensions ?? [];
    }

    get isFlexible(): boolean {
        return this.wire.properties.orchestrationMode === "Flexible";
    }

    /** Whether a change of the model reaches running VMs by itself. No mode, as a Flexible set may have, is Manual. */
    get rollsOut(): boolean {
        const policy = (this.wire.properties.upgradePolicy ?? {}) as { mode?: string; automaticOSUpgradePolicy?: Json };
        const { mode = "Manual" } = policy;
        return mode !== "Manual" || policy.automaticOSUpgradePolicy?.enableAutomaticOSUpgrade === true;
    }
}
