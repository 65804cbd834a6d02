// What kured writes on nodes, letter for letter; from its source (cmd/kured/main.go). No client in here.

/** When kured first saw the need for a reboot. */
export const MOST_RECENT_REBOOT_NEEDED = "weave.works/kured-most-recent-reboot-needed";
/** The same moment, until kured has freed the node after the reboot. */
export const REBOOT_IN_PROGRESS = "weave.works/kured-reboot-in-progress";
/** Key of kured's lock on its DaemonSet, unless `--lock-annotation` names another. */
export const NODE_LOCK = "weave.works/kured-node-lock";

const MINUTE_MS = 60_000;

/** A moment as Go's time.RFC3339 writes local time: whole seconds, the zone's offset, "Z" for none. */
export function kuredTime(at: Date, utcOffsetMinutes = 0): string {
    const local = new Date(at.getTime() + utcOffsetMinutes * MINUTE_MS).toISOString().slice(0, 19);
    if (utcOffsetMinutes === 0) {
        return `${local}Z`;
    }
    const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
    const size = Math.abs(utcOffsetMinutes);
    return `${local}${utcOffsetMinutes < 0 ? "-" : "+"}${two(size / 60)}:${two(size % 60)}`;
}
