// kured's mark on a node that a capture has restarted: that restart was the reboot, and nobody else would take the mark
// away.
import type { V1Node } from "@kubernetes/client-node";
import { hasRebooted } from "./identity";
import type { Journal } from "./journal";
import type { Kubernetes } from "../node/kubernetes";
import { REBOOT_IN_PROGRESS } from "../node/kured";
import { findInCluster, readDaemonSet } from "../node/kuredCluster";
import { namesNode, readLock } from "../node/kuredLockValue";
import { patchNode } from "../node/node";

/**
 * Removes kured's mark from a node that came up again, as kured would have after its own reboot. kured does so only
 * while its lock names the node; where it does, kured is left to it. Without it the node would count as rebooting for
 * ever, and its next reboot would be invisible, since kured writes no new moment while the mark is there.
 */
export async function clearRebootMark(cluster: Kubernetes, node: V1Node, journal: Journal): Promise<void> {
    const { name = "", annotations = {}, labels } = node.metadata ?? {};
    if (annotations[REBOOT_IN_PROGRESS] === undefined || hasRebooted(node, journal) !== true) {
        return;
    }
    if (await isLockedFor(cluster, name, labels)) {
        return;
    }
    await patchNode(cluster, name, { metadata: { annotations: { [REBOOT_IN_PROGRESS]: null } } });
}

/** Whether kured's lock names this node; also where that cannot be read. */
async function isLockedFor(cluster: Kubernetes, node: string, nodeLabels?: Record<string, string>): Promise<boolean> {
    const kured = await findInCluster(cluster, { nodeLabels }).catch(() => undefined);
    if (!kured) {
        return true;
    }
    const { lockNamespace: namespace, lockName: name, lockAnnotation } = kured.options;
    try {
        const found = await readDaemonSet(cluster, { namespace, name });
        return found !== undefined && namesNode(readLock(found.metadata?.annotations?.[lockAnnotation]), node);
    } catch {
        return true;
    }
}
