// The resource that stands for one captured OS disk, as a disk or snapshot that an image can be made from; deleted with
// it.
import * as pulumi from "@pulumi/pulumi";
import { DynamicResource } from "../engine/shell";
import type { KubernetesSettings } from "../node/kubernetes";
import type { MinimumNodes } from "../node/nodeList";

export { deleteSource, sourceExists } from "./source";

/** What tells a cleaned disk that an earlier run has left, and that nothing needs, from one that something does. */
export interface OrphanFacts {
    /** The stack, by its whole name: a tag of its disks. */
    stack: string;
    /** The versions that the stack keeps, each of which may have its disk in the state. */
    kept: string[];
    /** Where the pool's image versions are. */
    imageDefinitionId: string;
}

/** What is captured, as the provider gets it. Durations as configured: `90s`, `15m`. */
export interface OsDiskCaptureInputs {
    /** Name of the pool, for messages and names. */
    pool: string;
    version: string;
    /** Name of the node whose disk it is. */
    node: string;
    instanceId: string;
    scaleSetId: string;
    /** Where the snapshot or the copied disk goes; the subscription is the scale set's. */
    resourceGroup: string;
    /**
     * When kured saw the need for the node's latest reboot, RFC 3339, UTC; a tag of the copy. States of earlier
     * versions call it `patched`.
     */
    rebootNeededAt: string;
    settings: {
        /** Undefined: each pod has the time that it asks for itself. */
        gracePeriod?: string;
        drainTimeout: string;
        force: boolean;
        deleteBarePods?: boolean;
        deleteEmptyDirData?: boolean;
        cleanerImage: string;
        captureNamespace: string;
        /** How many of the pool's other nodes must be in service for one to leave it; all of them if left out. */
        minimumReadyNodes?: MinimumNodes;
        /** A copy of the disk is cleaned, or the node's own disk; what the cluster can do if left out. */
        mode?: "copy" | "in-place";
        /** The number of the root file system's partition; what the donor's system has if left out. */
        rootPartition?: number;
        /** Paths from the root of the disk that are removed besides what is known to be one machine's. */
        cleanPaths?: string[];
    };
    /**
     * Whether new machines of the pool get custom data by which they join, as kubeadm's nodes need it; they do not if
     * left out.
     */
    customData?: "kept" | "dropped";
    /** Whether kured's lock is held meanwhile, and where it is, unless it is to be looked for. */
    kured?: { lock: boolean; daemonSet?: { namespace: string; name: string } };
    /** Tells which cleaned disks nothing needs any more; none is deleted if left out. */
    orphans?: OrphanFacts;
    /** Further tags of what is made in Azure. */
    tags?: Record<string, string>;
    kubernetes: KubernetesSettings;
}

/** The inputs, any of which may be another resource's output. */
export type OsDiskCaptureArgs = { [K in keyof OsDiskCaptureInputs]: pulumi.Input<OsDiskCaptureInputs[K]> };

/**
 * The OS disk of a node, as something that an image version can be made from.
 *
 * Made in an `up` alone: by a copy of the disk, which is cleaned on another node, or in place, for which the node is
 * cordoned, drained, cleaned, powered off, copied and started again. Only another version, node or scale set makes it a
 * new one; a changed setting counts from the next capture on. Deleting it deletes the copy, if that is still there.
 */
export class OsDiskCapture extends DynamicResource {
    /**
     * ARM id of what an image version is made from: a snapshot, or of a copy a disk. The name is that of earlier
     * versions, whose states are still read. Once the image version exists the source may have been deleted.
     */
    declare readonly snapshotId: pulumi.Output<string>;
    /** The moment whose state the disk holds, RFC 3339, UTC. */
    declare readonly capturedAt: pulumi.Output<string>;

    constructor(name: string, args: OsDiskCaptureArgs, opts?: pulumi.CustomResourceOptions) {
        // The names of the outputs, for the SDK to make fields of them; their values come with the capture.
        const outputs = { snapshotId: undefined, capturedAt: undefined };
        // Minutes as a rule; a drain alone may be configured to take longer than the engine's usual two hours.
        const patient = pulumi.mergeOptions({ customTimeouts: { create: "6h" } }, opts);
        super("components/capture/provider", "OsDiskCapture", name, { ...outputs, ...args }, patient);
    }
}
