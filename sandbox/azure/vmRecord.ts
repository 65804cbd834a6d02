// A VM instance as the local Azure keeps it.
import { randomUUID } from "node:crypto";
import type { Identity } from "./guest";
import type { ScaleSetRecord, Json } from "./scaleSetRecord";
import type { Power, Vm } from "./types";

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
