// kured's lock as text: what a kured does with what it finds in the annotation. From its source (pkg/daemonsetlock),
// tried with kured 1.7 to 1.23. Pure: no client in here.

/** One holder, as both forms of the lock write it. */
export interface LockEntry {
    nodeID: string;
    metadata: { unschedulable: boolean };
    /** RFC 3339 in UTC with up to nine decimals. */
    created: string;
    /** Nanoseconds; 0 does not expire. */
    TTL: number;
}

/** What a kured brings to the lock. */
export interface LockRequest {
    nodeID: string;
    /** Whether the node was cordoned before kured came: it stays cordoned after the reboot. */
    unschedulable: boolean;
    /** `--concurrency`: 1 uses the single form, more the form with several holders. */
    concurrency: number;
    /** `--lock-ttl` in milliseconds; 0 for a lock that does not expire. */
    ttlMs: number;
    now: Date;
}

/** Outcome of asking for the lock: the new value to write, or who has it. */
export type Acquisition = { held: true; value: string | undefined; entry: LockEntry } | { held: false; reason: string };

interface SeveralLocks {
    maxOwners: number;
    locks: LockEntry[];
}

const NANOSECONDS_PER_MS = 1_000_000;

/**
 * What a kured does that wants to reboot its node. `value` is the annotation's text, undefined if there is none. A held
 * lock without a new value is one that names this node already: kured takes it for its own and writes nothing.
 */
export function acquire(value: string | undefined, request: LockRequest): Acquisition {
    return request.concurrency > 1 ? acquireOneOfSeveral(value, request) : acquireSingle(value, request);
}

/** The entry that gives this node the lock now, undefined if there is none or it has expired. */
export function holding(value: string | undefined, request: LockRequest): LockEntry | undefined {
    const entries = request.concurrency > 1 ? severalIn(value).locks : [singleIn(value)];
    const own = entries.find((entry) => entry?.nodeID === request.nodeID);
    return own && !expired(own, request.now) ? own : undefined;
}

/** The annotation's text after this node lets go: null removes it, undefined leaves it as it is (not the holder). */
export function release(value: string | undefined, request: LockRequest): string | null | undefined {
    if (request.concurrency <= 1) {
        return singleIn(value)?.nodeID === request.nodeID ? null : undefined;
    }
    const several = severalIn(value);
    const others = several.locks.filter(({ nodeID }) => nodeID !== request.nodeID);
    if (others.length === several.locks.length) {
        return undefined;
    }
    // kured leaves an empty list behind, which means free.
    return JSON.stringify({ maxOwners: request.concurrency, locks: others });
}

function acquireSingle(value: string | undefined, request: LockRequest): Acquisition {
    const entry = newEntry(request);
    if (value === undefined) {
        return { held: true, value: JSON.stringify(entry), entry };
    }
    const found = singleIn(value);
    if (!found) {
        return { held: false, reason: "the lock is not JSON that kured reads" };
    }
    if (found.nodeID === request.nodeID) {
        return { held: true, value: undefined, entry: found };
    }
    if (expired(found, request.now)) {
        return { held: true, value: JSON.stringify(entry), entry };
    }
    return { held: false, reason: `Lock already held: ${found.nodeID}` };
}

// A value of the single form has no member `locks`: it reads as an empty list and is overwritten, whoever holds it.
function acquireOneOfSeveral(value: string | undefined, request: LockRequest): Acquisition {
    const { locks } = severalIn(value);
    const own = locks.find(({ nodeID }) => nodeID === request.nodeID);
    if (own) {
        return { held: true, value: undefined, entry: own };
    }
    const entry = newEntry(request);
    const written = (entries: LockEntry[]): Acquisition => ({
        held: true,
        value: JSON.stringify({ maxOwners: request.concurrency, locks: entries } satisfies SeveralLocks),
        entry,
    });
    // Expired entries count as taken, and are kept, while there is a free place.
    if (locks.length < request.concurrency) {
        return written([...locks, entry]);
    }
    const old = locks.find((one) => expired(one, request.now));
    if (old) {
        return written(locks.map((one) => (one === old ? entry : one)));
    }
    return { held: false, reason: `Lock already held: ${locks.map(({ nodeID }) => nodeID).join(", ")}` };
}

/** Whether the entry's own TTL is over; the TTL that this kured is started with does not count. */
function expired({ created, TTL }: LockEntry, now: Date): boolean {
    return TTL > 0 && Date.parse(created) + TTL / NANOSECONDS_PER_MS < now.getTime();
}

function newEntry({ nodeID, unschedulable, ttlMs, now }: LockRequest): LockEntry {
    return {
        nodeID,
        metadata: { unschedulable },
        created: goNanoTime(now),
        TTL: Math.round(ttlMs * NANOSECONDS_PER_MS),
    };
}

/** Fields that are missing have Go's zero values; text that Go cannot read gives undefined. */
function singleIn(value: string | undefined): LockEntry | undefined {
    const found = parsed(value);
    if (!found) {
        return undefined;
    }
    const { nodeID = "", metadata, created = "0001-01-01T00:00:00Z", TTL = 0 } = found as Partial<LockEntry>;
    if (typeof nodeID !== "string" || typeof TTL !== "number" || Number.isNaN(Date.parse(created))) {
        return undefined;
    }
    return { nodeID, metadata: { unschedulable: metadata?.unschedulable === true }, created, TTL };
}

function severalIn(value: string | undefined): SeveralLocks {
    const found = parsed(value) as Partial<SeveralLocks> | undefined;
    return { maxOwners: found?.maxOwners ?? 0, locks: Array.isArray(found?.locks) ? found.locks : [] };
}

function parsed(value: string | undefined): object | undefined {
    try {
        const found: unknown = JSON.parse(value ?? "");
        return typeof found === "object" && found !== null ? found : undefined;
    } catch {
        return undefined;
    }
}

/**
 * A moment as Go's time.RFC3339Nano writes UTC: nine decimals, trailing zeros cut. Digits below a millisecond are the
 * clock's own.
 */
export function goNanoTime(at: Date): string {
    const below = String(process.hrtime.bigint() % 1_000_000n).padStart(6, "0");
    const decimals = `${at.toISOString().slice(20, 23)}${below}`.replace(/0+$/, "");
    return `${at.toISOString().slice(0, 19)}${decimals && `.${decimals}`}Z`;
}
