// Which way a disk is captured: by cleaning a copy, of which the node notices nothing, or in place, which takes the
// node out of service.
import { StorageV1Api } from "@kubernetes/client-node";
import { UserError, statusOf } from "../core/errors";
import { singleVmsIn } from "../core/machinesId";
import { withRetries } from "../core/retry";
import type { Kubernetes } from "../node/kubernetes";
import type { OsDiskCaptureInputs } from "./osDiskCapture";

/** The two ways. */
export type CaptureMode = "copy" | "in-place";

/** A way, and why it is this one, in a few words. */
export interface CaptureWay {
    mode: CaptureMode;
    why: string;
}

/** The CSI driver for Azure disks: https://github.com/kubernetes-sigs/azuredisk-csi-driver */
export const DISK_DRIVER = "disk.csi.azure.com";

/**
 * The way that a capture takes: the configured one; otherwise a copy where the cluster has the driver that attaches it,
 * and in place where it does not, or where that cannot be known.
 *
 * @throws UserError in one line when a copy is wanted and the cluster could not attach one
 */
export async function captureWay(
    cluster: Pick<Kubernetes, "config">,
    configured: CaptureMode | undefined,
): Promise<CaptureWay> {
    if (configured === "in-place") {
        return { mode: "in-place", why: "kamino:capture" };
    }
    const driver = await lookForDriver(cluster);
    if (configured === undefined) {
        return {
            installed: { mode: "copy", why: `the cluster has ${DISK_DRIVER}` } as const,
            missing: { mode: "in-place", why: `the cluster does not have ${DISK_DRIVER}` } as const,
            unknown: {
                mode: "in-place",
                why: "not allowed to get csidrivers; kamino:capture can say copy",
            } as const,
        }[driver];
    }
    if (driver === "missing") {
        throw new UserError(
            `kamino:capture is copy, but the cluster does not have the driver ${DISK_DRIVER} that attaches a copy; install it, or set ` +
                "kamino:capture to in-place for pools that are neither of single VMs nor of nodes that join by kubeadm",
        );
    }
    // Without the right to look for the driver the attaching itself shows.
    return { mode: "copy", why: "kamino:capture" };
}

async function lookForDriver({ config }: Pick<Kubernetes, "config">): Promise<"installed" | "missing" | "unknown"> {
    try {
        const storage = config.makeApiClient(StorageV1Api);
        await withRetries(() => storage.readCSIDriver({ name: DISK_DRIVER }));
        return "installed";
    } catch (error) {
        switch (statusOf(error)) {
            case 404:
                return "missing";
            case 403:
                return "unknown";
            default:
                throw error;
        }
    }
}

/**
 * Whose disks are captured by a copy alone; undefined where in place is possible. In place a machine is off for
 * minutes: nothing here switches a single VM off, and a node that has joined by its own bootstrap would not come back.
 */
export function onlyByCopy({ scaleSetId, customData }: Pick<OsDiskCaptureInputs, "scaleSetId" | "customData">) {
    if (singleVmsIn(scaleSetId) !== undefined) {
        return "single VMs are";
    }
    return customData === "kept" ? "nodes that join by their own bootstrap are" : undefined;
}

/** A capture's way as a preview's line says it. */
export function describeWay({ mode, why }: CaptureWay): string {
    return mode === "copy"
        ? `capture by a copy: the node goes on (${why})`
        : `capture in place: the node is drained and off for minutes (${why})`;
}
