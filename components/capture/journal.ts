// The journal of a capture: an annotation on the node that tells what it was like before, enough to put it back after a kill -9. Pure.
import { hostname } from "node:os";
import { parseVersion } from "../core/version";

/** The annotation that a node carries while its disk is captured; one that stays belongs to a capture that died. */
export const JOURNAL = "kamino/capture-journal";

/** What a journal says. Whose node and which VM it is, the node itself tells: an annotation is no proof. */
export interface Journal {
    pool: string;
    /** The image version that the disk was captured for. */
    version: string;
    /** The resource group that its snapshot goes to. */
    resourceGroup: string;
    /** The namespace of its cleaning pod. */
    namespace: string;
    /** Whether the node was cordoned before the capture. */
    cordoned: boolean;
    /** What the annotation that keeps the cluster autoscaler away was before, if it was there. */
    scaleDownDisabled?: string;
    /** The host and process that capture. */
    host: string;
    process: number;
    /** RFC 3339: when the capture last gave a sign of life, which it does every half minute. */
    alive: string;
}

/** How often a capture renews its journal, and how old a journal must be to be taken for a dead capture's. In milliseconds. */
export const SIGN_OF_LIFE_MS = 30_000;
export const ABANDONED_AFTER_MS = 3 * 60_000;

/** The journal as the annotation's value. */
export function formatJournal(journal: Journal): string {
    return JSON.stringify(journal);
}

// Longer than any real one; whoever may write nodes may write anything.
const LONGEST = 4096;
const FIELDS: Record<keyof Journal, (value: unknown) => boolean> = {
    pool: matches(/^[\w.-]{1,80}$/),
    version: (value) => typeof value === "string" && parseVersion(value) !== undefined,
    resourceGroup: matches(/^[\w.()-]{1,90}$/),
    namespace: matches(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/),
    cordoned: (value) => typeof value === "boolean",
    scaleDownDisabled: (value) => value === undefined || (typeof value === "string" && value.length <= 1024),
    host: matches(/^[\w.-]{1,253}$/),
    process: (value) => Number.isSafeInteger(value) && (value as number) > 0,
    alive: (value) => typeof value === "string" && !Number.isNaN(Date.parse(value)),
};

function matches(pattern: RegExp) {
    return (value: unknown) => typeof value === "string" && pattern.test(value);
}

/** The journal in an annotation's value; undefined when there is none, or when it is none that a capture wrote. */
export function parseJournal(annotation: string | undefined): Journal | undefined {
    if (annotation === undefined || annotation.length > LONGEST) {
        return undefined;
    }
    let value: unknown;
    try {
        value = JSON.parse(annotation);
    } catch {
        return undefined;
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
        return undefined;
    }
    const read = value as Record<string, unknown>;
    const names = Object.keys(FIELDS) as (keyof Journal)[];
    if (!names.every((name) => FIELDS[name](Object.hasOwn(read, name) ? read[name] : undefined))) {
        return undefined;
    }
    return Object.fromEntries(
        names.filter((name) => name in read).map((name) => [name, read[name]]),
    ) as unknown as Journal;
}

/**
 * Whether the capture that wrote this journal is dead: its process is gone, where that can be seen from here, or it has given
 * no sign of life for some minutes.
 *
 * @param now as the API server tells it, if at hand
 */
export function isAbandoned(journal: Journal, now: Date): boolean {
    if (journal.host === hostname() && !processLives(journal.process)) {
        return true;
    }
    return now.getTime() - Date.parse(journal.alive) > ABANDONED_AFTER_MS;
}

function processLives(id: number): boolean {
    try {
        process.kill(id, 0);
        return true;
    } catch (error) {
        // Not allowed to signal it: it lives, under another user.
        return (error as NodeJS.ErrnoException).code === "EPERM";
    }
}
