// The value of kured's lock: reading both of its forms, and what taking, renewing and giving it back writes. Pure.
//
// Source: kured's pkg/daemonsetlock/daemonsetlock.go (kubereboot/kured). With --concurrency=1 the value is one entry,
// with more it is `{"maxOwners":n,"locks":[entry, …]}`. kured ends with a fatal error at a value that it cannot read
// (1.7 to 1.15) or never reboots again, and it overwrites the form that it does not expect. So only values that every
// version reads as they are meant are written.

/** One entry of the lock. */
export interface LockEntry {
    /** The node, or whatever else holds the lock. kured takes an entry with its own node's name for its own. */
    nodeID: string;
    /** kured leaves a node cordoned after its reboot when `unschedulable` is true here. */
    metadata?: unknown;
    /** RFC 3339. */
    created?: string;
    /** In nanoseconds; 0 or nothing never expires. */
    TTL?: number;
}

/** How long an entry of ours counts without being renewed, and how often it is renewed, in milliseconds. */
export const LOCK_TTL_MS = 5 * 60_000;
export const RENEW_LOCK_MS = 30_000;

/** The start of every name that this program holds the lock by. A slash cannot be in a node's name. */
const OURS = "kamino/";

/** Between the names of pools; not in any of them. */
const AND = "+";

/** The name that pools hold a place in the lock by: `kamino/POOL`, or `kamino/POOL+POOL` for several. */
export function lockHolder(...pools: string[]): string {
    return OURS + pools.join(AND);
}

/** The pools that an entry is for; none where it is not this program's. */
function poolsOf({ nodeID }: LockEntry): string[] {
    return nodeID.startsWith(OURS) ? nodeID.slice(OURS.length).split(AND) : [];
}

/** A lock as it was read; "unusable" for what kured cannot read either, or what could not be written again as it is. */
export type ReadLock = { entries: LockEntry[]; maxOwners?: number } | "unusable";

/**
 * Reads a lock of either form. With `maxOwners` it is one of several entries.
 *
 * @param value the annotation's value, if there is the annotation
 */
export function readLock(value: string | undefined): ReadLock {
    if (value === undefined) {
        return { entries: [] };
    }
    const read = parseObject(value);
    if (!read) {
        return "unusable";
    }
    if (!("locks" in read) && !("maxOwners" in read)) {
        return isEntry(read) ? { entries: [read] } : "unusable";
    }
    const { locks, maxOwners } = read;
    // Go writes an empty list as null.
    const entries: unknown = locks ?? [];
    return Number.isSafeInteger(maxOwners) && Array.isArray(entries) && entries.every(isEntry)
        ? { entries, maxOwners: maxOwners as number }
        : "unusable";
}

/** Whether a lock has an entry of this node. What cannot be read may be anybody's. */
export function namesNode(lock: ReadLock, node: string): boolean {
    return lock === "unusable" || lock.entries.some(({ nodeID }) => nodeID === node);
}

function parseObject(text: string): Record<string, unknown> | undefined {
    try {
        const value: unknown = JSON.parse(text);
        return typeof value === "object" && value !== null && !Array.isArray(value)
            ? (value as Record<string, unknown>)
            : undefined;
    } catch {
        return undefined;
    }
}

/**
 * Also numbers must come through as they are: a TTL of more than 104 days would be rounded, maybe to one that Go cannot
 * read.
 */
function isEntry(value: unknown): value is LockEntry {
    if (typeof value !== "object" || value === null) {
        return false;
    }
    const { nodeID, created, TTL } = value as Record<string, unknown>;
    return (
        typeof nodeID === "string" &&
        (created === undefined || (typeof created === "string" && !Number.isNaN(Date.parse(created)))) &&
        (TTL === undefined || Number.isSafeInteger(TTL))
    );
}

/** Whether an entry has outlived its TTL: `created` + TTL, as kured reckons. */
export function isExpired({ created, TTL = 0 }: LockEntry, now: Date): boolean {
    const since = created === undefined ? 0 : Date.parse(created);
    return TTL > 0 && now.getTime() - since >= TTL / 1e6;
}

/** What came of trying to take the lock: its new value, or who has it, or that nobody can tell. */
export type LockAttempt =
    { kind: "acquired"; value: string } | { kind: "held"; by: LockEntry[] } | { kind: "unusable" };

/**
 * Takes a place in the lock, or renews the one taken before.
 *
 * An expired entry of a node is not replaced, although kured would: that node's kured then never uncordons it and never
 * removes its reboot-in-progress annotation. An expired entry of this program was left by a run that died, and is. A
 * pool has one place at a time, however many there are: two runs at once would take the same node.
 *
 * @param mine the entry to write, as `entryOf` makes it
 * @param before values of `created` that this run has written for its place before, whichever pools it was for then; an
 *     entry of the same name with another one is another run's
 */
export function takeLock(
    value: string | undefined,
    concurrency: number,
    mine: LockEntry,
    before: ReadonlySet<string>,
    now: Date,
): LockAttempt {
    const lock = readLock(value);
    // Where kured expects one entry, a list is an entry without a node and without an end: it waits for ever.
    if (lock === "unusable" || (concurrency === 1 && lock.maxOwners !== undefined)) {
        return { kind: "unusable" };
    }
    // Where kured expects a list, it would overwrite a single entry, and the holder would not know: the entry becomes
    // one of the list.
    const others = lock.entries.filter((entry) => !isOwn(entry, before));
    const pools = poolsOf(mine);
    const samePool = others.filter(
        (entry) => poolsOf(entry).some((pool) => pools.includes(pool)) && !isExpired(entry, now),
    );
    if (samePool.length > 0) {
        return { kind: "held", by: samePool };
    }
    const left = others.length < concurrency ? others : others.filter((entry) => !isLeftByRun(entry, now));
    if (left.length >= concurrency) {
        return { kind: "held", by: left };
    }
    return { kind: "acquired", value: formatLock([...left, mine], concurrency) };
}

/**
 * Gives a place in the lock back, and leaves the places of others as they are.
 *
 * @returns the new value, null to remove the annotation, or undefined when there is nothing of this run in it
 */
export function releaseLock(value: string | undefined, before: ReadonlySet<string>): string | null | undefined {
    const lock = readLock(value);
    if (lock === "unusable" || !lock.entries.some((entry) => isOwn(entry, before))) {
        return undefined;
    }
    const others = lock.entries.filter((entry) => !isOwn(entry, before));
    // An empty list would block kured for ever once its concurrency is 1 again; no annotation is free in both forms.
    return others.length > 0 ? formatLock(others, lock.maxOwners) : null;
}

function isOwn({ nodeID, created }: LockEntry, before: ReadonlySet<string>): boolean {
    return nodeID.startsWith(OURS) && created !== undefined && before.has(created);
}

function isLeftByRun(entry: LockEntry, now: Date): boolean {
    return entry.nodeID.startsWith(OURS) && isExpired(entry, now);
}

/**
 * An entry of this program.
 *
 * @param fraction six digits that follow the milliseconds and do not end with 0. They tell the entries of two runs
 *     apart, and kured, which writes other entries again without trailing zeros, leaves them as they are.
 */
export function entryOf(nodeID: string, now: Date, fraction: string): LockEntry & { created: string } {
    const created = now.toISOString().replace("Z", `${fraction}Z`);
    return { nodeID, metadata: { unschedulable: false }, created, TTL: LOCK_TTL_MS * 1e6 };
}

/** A list where there may be several owners, else the one entry; members in the order in which kured writes them. */
function formatLock(locks: LockEntry[], maxOwners = 1): string {
    return JSON.stringify(maxOwners > 1 ? { maxOwners, locks } : locks[0]);
}
