// A VM instance as the local Azure keeps it.
import { randomUUID } from "node:crypto";
import type { Identity } from "./guest";
import type { ScaleSetRecord, Json } from "./scaleSetRecord";
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

/** A VM instance of a scale set. */
export class VmRecord implements Vm, Identity {
    readonly vmId = randomUUID();
    readonly machineIds: string[] = [];
    readonly bootLog: string[] = [];
    readonly computerName: string;
    readonly nodeName: string;
    readonly zone: string | undefined;
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
    /** Extensions as applied to this VM, with how each went. */
    extensions: { name: string; properties: Json; succeeded: boolean }[] = [];
    modelVersion: number;
    dataDisks: DataDisk[] = [];
    /** Whether its model was changed apart from the set's. */
    ownModel = false;
    /** What its OS disk was made from: the model's storage profile of that time, with the version that was meant. */
    storageProfile: Json = {};
    /** Its own tags, if it was given any. */
    tags: Record<string, string> | undefined;
    /** The platform's copy of the custom data, fixed when the VM was made. */
    customData: string | undefined;

    constructor(
        readonly scaleSet: ScaleSetRecord,
        readonly number: number,
        readonly created: Date,
    ) {
        const prefix = (scaleSet.osProfile.computerNamePrefix as string | undefined) ?? scaleSet.name;
        // Computer name: prefix and six digits in base 36; kubelet's node name is the same in lower case.
        this.computerName = `${prefix}${number.toString(36).padStart(6, "0").toUpperCase()}`;
        this.nodeName = this.computerName.toLowerCase();
        const zones = scaleSet.wire.zones as string[] | undefined;
        this.zone = zones?.length ? zones[number % zones.length] : undefined;
        this.modelVersion = scaleSet.modelVersion;
    }

    get id(): string {
        return `${this.scaleSet.id}/virtualMachines/${this.number}`;
    }

    get scaleSetId(): string {
        return this.scaleSet.id;
    }

    get instanceId(): string {
        return String(this.number);
    }

    get latestModelApplied(): boolean {
        return this.modelVersion === this.scaleSet.modelVersion;
    }
}
