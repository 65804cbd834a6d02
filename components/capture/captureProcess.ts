// The process that captures: what a journal says of it, and whether it is still at work.
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { until } from "../core/retry";
import { ABANDONED_AFTER_MS, HEARTBEAT_MS, type Journal } from "./journal";

/** What a journal says of the process that wrote it. */
export type CaptureProcess = Pick<Journal, "host" | "space" | "process">;

/**
 * What tells this host, as it has booted, and this space of process numbers from all others: a process that has gone
 * can be told by its number here alone. A host's name is not enough: machines made from one image may share
 * it, as do containers in the network of their host. Undefined where the system does not tell (it is not Linux).
 * Source: `random/boot_id` in proc(5), pid_namespaces(7)
 */
function ownSpace(): string | undefined {
    try {
        const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
        return `${boot}/${readlinkSync("/proc/self/ns/pid")}`;
    } catch {
        return undefined;
    }
}

/** This process. */
export function ownProcess(): CaptureProcess {
    const space = ownSpace();
    return { host: hostname(), ...(space !== undefined && { space }), process: process.pid };
}

/** Whether the process can be seen from here to have gone. One that cannot be seen may be at work. */
export function hasGone({ space, process: id }: CaptureProcess): boolean {
    return space !== undefined && space === ownSpace() && !lives(id);
}

function lives(id: number): boolean {
    try {
        process.kill(id, 0);
        return true;
    } catch (error) {
        // Not allowed to signal it: it lives, under another user.
        return (error as NodeJS.ErrnoException).code === "EPERM";
    }
}

/**
 * Watches a node's journal until it tells whether its capture is at work: a heartbeat that changes is one of a capture
 * that is, and one that has not changed for minutes of one of a capture that died. Two clocks are never compared: one
 * that is minutes off would have a capture be taken for dead while it goes on.
 *
 * @param read the journal as it is now, with what else was read; undefined when there is none any more
 * @param limit for how long a capture that is at work is waited for, in milliseconds; not at all if left out
 * @returns what the capture came to; of a dead one what was read last
 */
export async function watchCapture<T extends { journal: Journal }>(
    read: () => Promise<T | undefined>,
    limit = 0,
): Promise<{ fate: "ended" | "working" } | { fate: "dead"; found: T }> {
    const begun = Date.now();
    let seen: { heartbeatAt: string; since: number } | undefined;
    const result = await until({ limit: limit + ABANDONED_AFTER_MS + HEARTBEAT_MS }, async () => {
        const found = await read();
        if (!found) {
            return { fate: "ended" as const };
        }
        const { journal } = found;
        const now = Date.now();
        const hasChanged = seen !== undefined && seen.heartbeatAt !== journal.heartbeatAt;
        if (hasChanged && now - begun >= limit) {
            return { fate: "working" as const };
        }
        seen = seen && !hasChanged ? seen : { heartbeatAt: journal.heartbeatAt, since: now };
        const isDead = hasGone(journal) || now - seen.since >= ABANDONED_AFTER_MS;
        return isDead ? { fate: "dead" as const, found } : undefined;
    });
    return result ?? { fate: "working" };
}
