// What kured writes, letter for letter; from its source (cmd/kured/main.go, pkg/daemonsetlock). No client in here.

/** When the need for a reboot was seen. */
export const MOST_RECENT_REBOOT_NEEDED = "weave.works/kured-most-recent-reboot-needed";
/** The same moment, until the node is back. */
export const REBOOT_IN_PROGRESS = "weave.works/kured-reboot-in-progress";
/** On kured's DaemonSet: which node may reboot. */
export const NODE_LOCK = "weave.works/kured-node-lock";

const MINUTE_MS = 60_000;

/** A moment as Go's time.RFC3339 writes local time: whole seconds, the zone's offset, "Z" for none. */
export function kuredTime(at: Date, utcOffsetMinutes = 0): string {
    const local = new Date(at.getTime() + utcOffsetMinutes * MINUTE_MS).toISOString().slice(0, 19);
    if (utcOffsetMinutes === 0) return `${local}Z`;
    const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
    const size = Math.abs(utcOffsetMinutes);
    return `${local}${utcOffsetMinutes < 0 ? "-" : "+"}${two(size / 60)}:${two(size % 60)}`;
}

/** The lock's value while a node holds it. TTL 0: it doesn't expire. */
export function lockValue(nodeID: string, unschedulable: boolean, created: Date): string {
    return JSON.stringify({ nodeID, metadata: { unschedulable }, created: created.toISOString(), TTL: 0 });
}
