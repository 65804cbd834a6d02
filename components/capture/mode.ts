// Which way a disk is captured: by cleaning a copy, of which the node notices nothing, or in place, where the cluster cannot attach a copy.
import { StorageV1Api } from "@kubernetes/client-node";
import { brief, statusOf } from "../core/errors";
import { persistently } from "../core/retry";
import type { Kubernetes } from "../node/kubernetes";

/** The two ways. */
export type CaptureMode = "copy" | "in-place";

/** The CSI driver for Azure disks: https://github.com/kubernetes-sigs/azuredisk-csi-driver */
export const DISK_DRIVER = "disk.csi.azure.com";

/**
 * The way that a capture will take, and why in a few words.
 *
 * @param configured what the configuration says; else it is a copy where the cluster has the driver for Azure disks
 */
export async function captureMode(
    { config }: Pick<Kubernetes, "config">,
    configured?: CaptureMode,
): Promise<{ mode: CaptureMode; why: string }> {
    if (configured) {
        return { mode: configured, why: "kamino:capture" };
    }
    try {
        const storage = config.makeApiClient(StorageV1Api);
        await persistently(() => storage.readCSIDriver({ name: DISK_DRIVER }));
        return { mode: "copy", why: `the cluster has the driver ${DISK_DRIVER}` };
    } catch (error) {
        const why =
            statusOf(error) === 404
                ? `the cluster does not have the driver ${DISK_DRIVER}`
                : `whether the cluster has the driver ${DISK_DRIVER} cannot be read: ${brief(error, 150)}`;
        return { mode: "in-place", why };
    }
}

/** A capture's way as a preview's line says it. */
export function describeMode({ mode, why }: { mode: CaptureMode; why: string }): string {
    return mode === "copy"
        ? `its disk is copied and the copy cleaned, while the node goes on (${why})`
        : `its disk is cleaned in place: the node is drained and off for some minutes (${why})`;
}
