// Which way a disk is captured: by cleaning a copy, of which the node notices nothing, or in place, which takes the node out of service.
import { StorageV1Api } from "@kubernetes/client-node";
import { UserError, statusOf } from "../core/errors";
import { withRetries } from "../core/retry";
import type { Kubernetes } from "../node/kubernetes";

/** The two ways. */
export type CaptureMode = "copy" | "in-place";

/** The CSI driver for Azure disks: https://github.com/kubernetes-sigs/azuredisk-csi-driver */
export const DISK_DRIVER = "disk.csi.azure.com";

/**
 * The way that a capture will take, and why in a few words. In place unless the configuration says otherwise.
 *
 * @throws UserError in one line when a copy is wanted and the cluster could not attach one
 */
export async function captureMode(
    { config }: Pick<Kubernetes, "config">,
    configured?: CaptureMode,
): Promise<{ mode: CaptureMode; why: string }> {
    if (configured !== "copy") {
        return { mode: "in-place", why: configured ? "kamino:capture" : "the default" };
    }
    try {
        const storage = config.makeApiClient(StorageV1Api);
        await withRetries(() => storage.readCSIDriver({ name: DISK_DRIVER }));
    } catch (error) {
        if (statusOf(error) === 404) {
            throw new UserError(
                `kamino:capture is copy, but the cluster does not have the driver ${DISK_DRIVER} that attaches a copy; set it to in-place`,
            );
        }
        // Without the right to read it the attaching itself shows.
        if (statusOf(error) !== 403) {
            throw error;
        }
    }
    return { mode: "copy", why: "kamino:capture" };
}

/** A capture's way as a preview's line says it. */
export function describeMode({ mode, why }: { mode: CaptureMode; why: string }): string {
    return mode === "copy"
        ? `its disk is copied and the copy cleaned, while the node goes on (${why})`
        : `its disk is cleaned in place: the node is drained and off for some minutes (${why})`;
}
