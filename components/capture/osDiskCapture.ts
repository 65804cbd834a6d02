// The resource that stands for one captured OS disk: made by taking a node out of service for minutes, deleted with its snapshot.
import * as pulumi from "@pulumi/pulumi";
import { shell } from "../engine/shell";
import type { KubernetesSettings } from "../node/kubernetes";

export { releaseSnapshot } from "./snapshot";

/** What is captured, as the provider gets it. Durations as configured: `90s`, `15m`. */
export interface OsDiskCaptureInputs {
    /** Name of the pool, for messages and names. */
    pool: string;
    version: string;
    /** Name of the node whose disk it is. */
    node: string;
    instanceId: string;
    scaleSetId: string;
    /** Where the snapshot goes; the subscription is the scale set's. */
    resourceGroup: string;
    /** When the node was patched, RFC 3339, UTC; a tag of the snapshot. */
    patched: string;
    settings: {
        /** Undefined: each pod has the time that it asks for itself. */
        gracePeriod?: string;
        drainTimeout: string;
        force: boolean;
        cleanerImage: string;
        captureNamespace: string;
    };
    kured?: { lock: boolean; daemonSet?: { namespace: string; name: string } };
    /** Further tags of the snapshot. */
    tags?: Record<string, string>;
    kubernetes: KubernetesSettings;
}

/** The inputs, any of which may be another resource's output. */
export type OsDiskCaptureArgs = { [K in keyof OsDiskCaptureInputs]: pulumi.Input<OsDiskCaptureInputs[K]> };

const provider = shell("components/capture/provider");

/**
 * The OS disk of a node, as a snapshot that an image version can be made from.
 *
 * Made in an `up` alone: the node is cordoned, drained, cleaned, powered off, copied, started again and put back in service. Only
 * another version, node or scale set makes it a new one; a changed setting counts from the next capture on. Deleting it deletes the
 * snapshot, if that is still there.
 */
export class OsDiskCapture extends pulumi.dynamic.Resource {
    /** ARM id of the snapshot; once the image version exists the snapshot may have been deleted. */
    declare readonly snapshotId: pulumi.Output<string>;
    /** When the snapshot was begun, RFC 3339, UTC. */
    declare readonly capturedAt: pulumi.Output<string>;

    constructor(name: string, args: OsDiskCaptureArgs, opts?: pulumi.CustomResourceOptions) {
        // The names of the outputs, for the SDK to make fields of them; their values come with the capture.
        const outputs = { snapshotId: undefined, capturedAt: undefined };
        // Minutes as a rule; a drain alone may be configured to take longer than the engine's usual two hours.
        const patient = pulumi.mergeOptions({ customTimeouts: { create: "6h" } }, opts);
        super(provider, name, { ...outputs, ...args }, patient, "kamino", "OsDiskCapture");
    }
}
