// How a node shows that its machine has started anew, and from a cleaned disk: what kubelet reports in status.nodeInfo.
// Pure.
import type { V1Node } from "@kubernetes/client-node";
import type { Journal } from "./journal";
import { isReady, isReadyAgain } from "../node/node";

type Before = Pick<Journal, "machineId" | "bootId">;

/** What a journal keeps of a node's identity. */
export function identityOf({ status }: V1Node): Before {
    const { machineID, bootID } = status?.nodeInfo ?? {};
    return { ...(machineID && { machineId: machineID }), ...(bootID && { bootId: bootID }) };
}

/** Whether the node runs another boot than the journal's; undefined where one of them is not known. */
export function hasRebooted({ status }: V1Node, { bootId }: Before): boolean | undefined {
    const now = status?.nodeInfo?.bootID;
    return bootId && now ? now !== bootId : undefined;
}

/**
 * Whether the node is in service again after its VM was started, or was found running.
 *
 * @param before the node as it was before its VM was started
 * @param started whether the VM was off: Ready then counts only from a kubelet that has spoken since
 */
export function isBackInService(now: V1Node, before: V1Node | undefined, started: boolean, journal: Before): boolean {
    if (!started || !before) {
        return isReady(now);
    }
    return isReady(now) && (hasRebooted(now, journal) ?? isReadyAgain(now, before));
}

/**
 * Why a node that was restarted does not prove that its disk had been cleaned; undefined when it does. An emptied
 * /etc/machine-id gives a new one at boot. A few hypervisors (not Azure's) have systemd take it from the machine's own
 * UUID: a copy then gets its own anyway.
 *
 * Source: machine-id(5), and systemd's machine-id-setup.c for the UUID.
 */
export function provesNewIdentity({ status }: V1Node, before: Before): string | undefined {
    const { machineID = "", bootID = "", systemUUID = "" } = status?.nodeInfo ?? {};
    if (before.bootId && bootID && before.bootId === bootID) {
        return "the node has not been restarted";
    }
    const fromHardware = plain(machineID) === plain(systemUUID) && machineID !== "";
    if (before.machineId && machineID && plain(before.machineId) === plain(machineID) && !fromHardware) {
        return "the node has the same machine id after its restart as before";
    }
    return undefined;
}

/**
 * Whether a node's `systemUUID` is a VM's `vmId`. On generation 1 the firmware's first three groups may come with their
 * bytes reversed:
 * https://github.com/canonical/cloud-init/blob/main/cloudinit/sources/azure/identity.py
 */
export function isSameMachine(systemUUID: string, vmId: string): boolean {
    const [uuid, id] = [plain(systemUUID), plain(vmId)];
    const reversed = (hex: string) => (hex.match(/../g) ?? []).reverse().join("");
    const swapped = reversed(id.slice(0, 8)) + reversed(id.slice(8, 12)) + reversed(id.slice(12, 16)) + id.slice(16);
    return uuid === id || uuid === swapped;
}

function plain(id: string): string {
    return id.toLowerCase().replace(/-/g, "").trim();
}
