// What the local Azure shows to the processes and tests that use it.

/**
 * How long things take, in milliseconds. The defaults make tests quick; the demo uses longer ones so that waiting can
 * be seen.
 */
export interface Durations {
    /** Accepting to finished for a scale set's PUT, PATCH and DELETE, besides what its VMs take. */
    scaleSet: number;
    /** Allocating a VM until its guest starts to boot. */
    vmCreate: number;
    vmStart: number;
    vmStop: number;
    vmDelete: number;
    /** A write of a VM's own model, such as attaching a disk. */
    vmUpdate: number;
    /** A guest's boot. */
    boot: number;
    /** What a script extension takes to bootstrap a node. */
    bootstrap: number;
    /** A single VM's extension, besides what it runs. */
    extension: number;
    network: number;
    disk: number;
    snapshot: number;
    gallery: number;
    imageVersion: number;
}

/** Durations for tests. */
export const FAST: Durations = {
    scaleSet: 50,
    vmCreate: 30,
    vmStart: 50,
    vmStop: 50,
    vmDelete: 30,
    vmUpdate: 50,
    boot: 20,
    bootstrap: 300,
    extension: 30,
    network: 10,
    disk: 50,
    snapshot: 50,
    gallery: 30,
    imageVersion: 80,
};

/** A pool as AKS Engine would have made it; only `name` is needed. */
export interface PoolOptions {
    /** Pool name; the scale set is `k8s-<name>-<8 digits>-vmss` unless `scaleSet` says otherwise. */
    name: string;
    scaleSet?: string;
    /** Default: the first subscription. */
    subscriptionId?: string;
    resourceGroup?: string;
    location?: string;
    capacity?: number;
    zones?: string[];
    vmSize?: string;
    /** Patch level of the marketplace image, also its pinned version. */
    imageVersion?: string;
    labels?: Record<string, string>;
    taints?: string[];
    /** Nodes that join by their own cloud-init and kubeadm, as of a cluster that was built by hand. */
    kubeadm?: boolean;
    /** A scale set of orchestration mode Flexible, whose VMs are single ones. */
    flexible?: boolean;
    spot?: boolean;
    ephemeral?: boolean;
    /** User assigned identity ids, or "system". */
    identity?: string[] | "system";
    dataDiskSizesGB?: number[];
    tags?: Record<string, string>;
    /** IP configurations on the NIC (Azure CNI has up to 28). */
    ipConfigurations?: number;
    purchasePlan?: { name: string; publisher: string; product: string };
    /** Last word on the request body of the scale set, for what has no option (Windows, Rolling …). */
    change?: (body: ScaleSetBody) => void;
}

/** A VM apart from scale sets, whose node joins by kubeadm; only `name` is needed. */
export interface VmOptions {
    /** Of the VM and of its node. */
    name: string;
    /** Default: the first subscription. */
    subscriptionId?: string;
    resourceGroup?: string;
    location?: string;
    zone?: string;
    /** An availability set that is there. */
    availabilitySetId?: string;
    vmSize?: string;
    /** Patch level of the marketplace image, also its pinned version. */
    imageVersion?: string;
    /** A gallery image version or definition instead of the marketplace's image. */
    imageId?: string;
    /** What becomes of the OS disk when the VM is deleted. Default Detach, which is Azure's. */
    osDisk?: "Delete" | "Detach";
    labels?: Record<string, string>;
    taints?: string[];
    dataDiskSizesGB?: number[];
    tags?: Record<string, string>;
    purchasePlan?: { name: string; publisher: string; product: string };
    /** Last word on the request body of the VM, for what has no option. */
    change?: (body: VmBody) => void;
}

/** A single VM's request body; only what tests commonly change is typed. */
export interface VmBody {
    location: string;
    tags: Record<string, string>;
    zones?: string[];
    properties: Record<string, Record<string, unknown> | undefined>;
    [member: string]: unknown;
}

/** A scale set's request body; only what pools commonly change is typed. */
export interface ScaleSetBody {
    location: string;
    tags: Record<string, string>;
    sku: { name: string; tier?: string; capacity: number };
    properties: {
        upgradePolicy: Record<string, unknown>;
        virtualMachineProfile: Record<string, any>; // eslint-disable-line @typescript-eslint/no-explicit-any -- tests put anything in
        [member: string]: unknown;
    };
    [member: string]: unknown;
}

/** A scale set as the sandbox knows it. */
export interface ScaleSet {
    readonly id: string;
    readonly name: string;
    readonly resourceGroup: string;
    readonly location: string;
    readonly capacity: number;
    readonly etag: string;
    /** The whole model, with what a GET leaves out. A copy. */
    readonly model: Record<string, unknown>;
}

export type Power = "running" | "stopped" | "deallocated" | "starting";

/** A VM: an instance of a scale set, or a single one. */
export interface Vm {
    readonly id: string;
    /** Undefined for a single VM that belongs to no Flexible scale set. */
    readonly scaleSetId: string | undefined;
    /** Number of the instance; a single VM's own name. */
    readonly instanceId: string;
    readonly location: string;
    /** Name of its VM size. */
    readonly size: string;
    readonly computerName: string;
    /** Name that its kubelet registers under: the computer name in lower case. */
    readonly nodeName: string;
    readonly vmId: string;
    readonly zone: string | undefined;
    readonly power: Power;
    /** Root folder of the real files that are on its OS disk. */
    readonly diskDirectory: string;
    readonly osDiskId: string;
    /** Whether the disk holds a node that was set up: by a script extension, or by the image it came from. */
    readonly bootstrapped: boolean;
    /** Whether a script extension ran on this VM itself. */
    readonly bootstrapRan: boolean;
    /** Whether the last boot ended with a working kubelet under the VM's own identity. */
    readonly joined: boolean;
    /** Whether the last boot found no trace of another machine on the disk. */
    readonly bootedClean: boolean;
    readonly latestModelApplied: boolean;
    /** Anew at each boot, as /proc/sys/kernel/random/boot_id. */
    readonly bootId: string;
    /** The kernel that the last boot took: the newest of the disk's boot/vmlinuz-*. */
    readonly kernelVersion: string;
    /** What the guest said while booting, all boots. */
    readonly bootLog: string[];
    /** How long the last boot took in milliseconds, bootstrap included. */
    readonly lastBootMilliseconds: number;
}

/** What happened to a VM; sent when its power state and disk are final for that event. */
export interface VmEvent {
    kind: "created" | "started" | "stopped" | "deleted" | "bootFailed";
    vm: Vm;
}
