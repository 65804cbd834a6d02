// A VM apart from scale sets, with a model of its own.
import { groupOf } from "./ids";
import type { Json, MachineModel } from "./machineModel";
import type { ScaleSetRecord } from "./scaleSetRecord";
import { VmRecord } from "./vmRecord";
import type { Wire } from "./wire";

/** The model of a single VM: the resource as stored, of which answers leave out part. */
export class SingleVmModel implements MachineModel {
    etagCounter = 1;
    /** Single VMs get their extensions one by one, once they are made; those of a Flexible set get its model's. */
    extensions: { name: string; properties: Json }[] = [];

    constructor(public wire: Wire) {}

    get name(): string {
        return this.wire.name;
    }

    get location(): string {
        return this.wire.location;
    }

    get groupId(): string {
        return groupOf(this.wire.id);
    }

    get size(): string {
        return String(this.part("hardwareProfile").vmSize);
    }

    get plan(): Json | undefined {
        return this.wire.plan as Json | undefined;
    }

    get osProfile(): Json {
        return this.part("osProfile");
    }

    get storageProfile(): Json {
        return this.part("storageProfile");
    }

    get securityProfile(): Json {
        return this.part("securityProfile");
    }

    get etag(): string {
        return `"${this.etagCounter}"`;
    }

    /** Ids of its network interfaces, the primary one first or as they are written. */
    get networkInterfaces(): { id: string; properties?: { primary?: boolean; deleteOption?: string } }[] {
        const { networkInterfaces = [] } = this.part("networkProfile") as {
            networkInterfaces?: { id: string; properties?: { primary?: boolean; deleteOption?: string } }[];
        };
        return networkInterfaces;
    }

    get availabilitySetId(): string | undefined {
        return this.part("availabilitySet").id as string | undefined;
    }

    private part(name: string): Json {
        return (this.wire.properties[name] ?? {}) as Json;
    }
}

/** A single VM. */
export class SingleVm extends VmRecord {
    readonly model: SingleVmModel;
    /** The Flexible scale set that has made it, and of which state its model was then. */
    madeBy: { set: ScaleSetRecord; modelVersion: number } | undefined;

    constructor(wire: Wire, created: Date) {
        const model = new SingleVmModel(wire);
        super(
            (model.osProfile.computerName as string | undefined) ?? wire.name,
            (wire.zones as string[] | undefined)?.[0],
            created,
        );
        this.model = model;
    }

    get id(): string {
        return this.model.wire.id;
    }

    get instanceId(): string {
        return this.model.name;
    }

    /** The Flexible scale set that it says it belongs to. */
    get scaleSetId(): string | undefined {
        return (this.model.wire.properties.virtualMachineScaleSet as { id?: string } | undefined)?.id;
    }

    get latestModelApplied(): boolean {
        return this.madeBy === undefined || this.madeBy.modelVersion === this.madeBy.set.modelVersion;
    }

    get label(): string {
        return this.model.name;
    }

    get wire(): Wire {
        return this.model.wire;
    }

    /** The group as the VM's own id has it (recorded, unlike an instance's). */
    newDiskId(part: string, hex: string, givenName?: string): string {
        // As Microsoft's page on modifying a Flexible set shows it.
        const kind = this.madeBy ? part.replace("OsDisk_", "disk") : part;
        return this.diskId(givenName ?? `${this.model.name}_${kind}_${hex}`);
    }

    private diskId(givenName: string): string {
        return `${this.model.groupId}/providers/Microsoft.Compute/disks/${givenName}`;
    }

    keeps({ deleteOption }: { deleteOption?: string }): boolean {
        return deleteOption !== "Delete";
    }
}
