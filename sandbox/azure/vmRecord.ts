// A machine as the local Azure keeps it: what scale sets' instances and single VMs have in common, and the instance.
import { randomUUID } from "node:crypto";
import type { Identity } from "./guest";
import { capitalGroup } from "./ids";
import type { Json, MachineModel } from "./machineModel";
import type { ScaleSetRecord } from "./scaleSetRecord";
import type { Power, Vm } from "./types";

/** A data disk of a VM. */
export interface DataDisk {
    lun: number;
    name: string;
    caching?: string;
    createOption: string;
    deleteOption?: string;
    managedDisk: { id: string; storageAccountType: string };
}

/** An extension as applied to a VM, with how it went. */
export interface VmExtension {
    name: string;
    properties: Json;
    succeeded: boolean;
}

/** A VM, of a scale set or single. */
export abstract class VmRecord implements Vm, Identity {
    readonly vmId = randomUUID();
    readonly machineIds: string[] = [];
    readonly bootLog: string[] = [];
    /** kubelet's node name: the computer name in lower case. */
    readonly nodeName: string;
    power: Power = "starting";
    provisioningState = "Creating";
    diskDirectory = "";
    osDiskId = "";
    bootstrapped = false;
    bootstrapRan = false;
    joined = false;
    /** Whether the last boot found no trace of another machine. */
    bootedClean = false;
    deleted = false;
    lastBootMilliseconds = 0;
    bootId = "";
    kernelVersion = "";
    extensions: VmExtension[] = [];
    dataDisks: DataDisk[] = [];
    /** What its OS disk was made from: the model's storage profile of that time, with the version that was meant. */
    storageProfile: Json = {};
    /** The platform's copy of the custom data, fixed when the VM was made. */
    customData: string | undefined;

    constructor(
        readonly computerName: string,
        readonly zone: string | undefined,
        readonly created: Date,
    ) {
        this.nodeName = computerName.toLowerCase();
    }

    abstract readonly id: string;
    /** What it is made from. */
    abstract readonly model: MachineModel;
    abstract readonly scaleSetId: string | undefined;
    abstract readonly instanceId: string;
    abstract readonly latestModelApplied: boolean;
    /** What errors call it. */
    abstract readonly label: string;

    /** Id of a disk that is made with it: `part` is such as OsDisk_1, `hex` makes the name unlike any other. */
    abstract newDiskId(part: string, hex: string, givenName: string | undefined): string;

    /** Whether a disk that it was made with, or that was attached, is left when it is deleted. */
    abstract keeps(disk: { createOption?: string; deleteOption?: string }): boolean;

    get location(): string {
        return this.model.location;
    }

    get size(): string {
        return this.model.size;
    }

    /** Takes over what the model says of a machine's first boot. */
    takeModel(): void {
        this.customData = this.model.osProfile.customData as string | undefined;
        this.extensions = this.model.extensions.map((extension) => ({
            ...structuredClone(extension),
            succeeded: true,
        }));
    }
}

/** A VM instance of a scale set. */
export class InstanceRecord extends VmRecord {
    modelVersion: number;
    /** Whether its model was changed apart from the set's. */
    ownModel = false;
    /** Its own tags, if it was given any. */
    tags: Record<string, string> | undefined;

    constructor(
        readonly scaleSet: ScaleSetRecord,
        readonly number: number,
        created: Date,
    ) {
        const prefix = (scaleSet.osProfile.computerNamePrefix as string | undefined) ?? scaleSet.name;
        const zones = scaleSet.wire.zones as string[] | undefined;
        // Computer name: prefix and six digits in base 36.
        super(
            `${prefix}${number.toString(36).padStart(6, "0").toUpperCase()}`,
            zones?.length ? zones[number % zones.length] : undefined,
            created,
        );
        this.modelVersion = scaleSet.modelVersion;
    }

    get id(): string {
        return `${this.scaleSet.id}/virtualMachines/${this.number}`;
    }

    get model(): MachineModel {
        return this.scaleSet;
    }

    get scaleSetId(): string {
        return this.scaleSet.id;
    }

    get instanceId(): string {
        return String(this.number);
    }

    get label(): string {
        return `${this.scaleSet.name}_${this.number}`;
    }

    get latestModelApplied(): boolean {
        return this.modelVersion === this.scaleSet.modelVersion;
    }

    /** The service writes the group in capitals there. */
    newDiskId(part: string, hex: string): string {
        const { name, groupId } = this.scaleSet;
        return `${capitalGroup(groupId)}/providers/Microsoft.Compute/disks/${name}_${name}_${this.number}_${part}_${hex}`;
    }

    keeps({ createOption, deleteOption }: { createOption?: string; deleteOption?: string }): boolean {
        return createOption === "Attach" && deleteOption !== "Delete";
    }

    takeModel(): void {
        super.takeModel();
        this.modelVersion = this.scaleSet.modelVersion;
    }
}
