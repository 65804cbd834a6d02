// Holding kured's lock while a node is out of service for a capture, so that kured does not take another node out at
// the same time.
//
// kured reboots at most `--concurrency` nodes at once, by a lock in an annotation of its DaemonSet. It leaves an entry
// alone whose nodeID is not its own node's name, until the entry's TTL is over.
import { MINUTE, elapsed } from "../core/duration";
import { UserError } from "../core/errors";
import { oncePer } from "../core/once";
import { until } from "../core/retry";
import { Turns } from "../core/turns";
import { describeHolders } from "./kuredAnnotation";
import { findInCluster, type DaemonSetPlace } from "./kuredCluster";
import { placeIn, type KuredPlace } from "./kuredPlace";
import type { Kubernetes } from "./kubernetes";

/** How long one and the same holder is waited for: a reboot of kured's, with its drain. */
const DEFAULT_WAIT_MS = 30 * MINUTE;
/** How long a queue of holders is waited for. */
const LONGEST_WAIT_MS = 4 * 60 * MINUTE;

/** How to find and take the lock. */
export interface KuredLockOptions {
    /** `false`: the cluster is to be treated as one without kured (setting `kuredLock`). */
    enabled?: boolean;
    /** kured's DaemonSet (setting `kuredDaemonSet`); it is looked for if left out. */
    daemonSet?: DaemonSetPlace;
    /**
     * Whether the pools of this run have one place together, each with the others that want the same: for work that
     * takes no node out of service and only must not meet a reboot.
     */
    together?: boolean;
    /** Labels of the node that goes out of service: of several kureds the one that runs there counts. */
    nodeLabels?: Record<string, string>;
    /** How long one holder is waited for, in milliseconds; half an hour if left out. */
    waitLimit?: number;
    signal?: AbortSignal;
    /** Is called with what is being waited for, as in `waiting for kured's lock, held by node …`. */
    progress?: (doing: string) => void;
}

/** A place in kured's lock that this run has. */
export interface AcquiredLease {
    /**
     * "none" where there is no lock to hold: kured is not in the cluster, or the setting says so. Then renewing and
     * releasing do nothing.
     */
    readonly kind: "held" | "none";
    /** Where the lock is, or why there is none; for messages. */
    readonly where: string;
    /**
     * Renews the entry, and takes it again if it has gone meanwhile.
     *
     * @throws UserError in one line when somebody else has the lock now, or the API server refuses
     */
    renew(): Promise<void>;
    /** Removes this run's entry and no other. Does nothing when it has gone. */
    release(): Promise<void>;
}

/**
 * Takes a place in kured's lock for a pool, renews it every half minute from then on, and waits for it while others
 * have it.
 *
 * @throws UserError in one line when others keep the lock for too long, when its value is one that blocks kured itself,
 *     when the DaemonSet named is not there, or when the API server refuses; nothing is taken then
 */
export async function acquireKuredLock(
    cluster: Pick<Kubernetes, "apps" | "config" | "server">,
    pool: string,
    options: KuredLockOptions = {},
): Promise<AcquiredLease> {
    if (options.enabled === false) {
        return noLease("kuredLock is false");
    }
    const kured = await findInCluster(cluster, options);
    if (!kured) {
        return noLease("no kured DaemonSet was found");
    }
    const place = placeIn(cluster, kured, options.together);
    return (await waitFor(place, pool, options))
        ? leaseOf(place, pool)
        : noLease(`there is no DaemonSet ${place.where}`);
}

/**
 * Does something while holding kured's lock for a pool, and gives it back at the end, also when the work fails. Without
 * a lock to hold, works that do not go on together take turns within this run.
 *
 * @param work gets the lease; `lease.renew()` right before a step that cannot be undone tells whether the lock is still
 *     held
 * @throws what the work throws, and what `acquireKuredLock` throws before the work has begun
 */
export async function withKuredLock<T>(
    cluster: Pick<Kubernetes, "apps" | "config" | "server">,
    pool: string,
    options: KuredLockOptions,
    work: (lease: AcquiredLease) => Promise<T>,
): Promise<T> {
    const lease = await acquireKuredLock(cluster, pool, options);
    try {
        if (lease.kind === "held" || options.together) {
            return await work(lease);
        }
        const turns = turnsIn(cluster);
        if (turns.busy) {
            options.progress?.("waiting until another node that this run captures is back in service");
        }
        return await turns.next(() => work(lease));
    } finally {
        // What cannot be given back ends by itself when its TTL is over; the work's own outcome is what counts.
        await lease.release().catch(() => undefined);
    }
}

/** The works of this run in a cluster that has no lock to hold. */
const turnsIn = oncePer(
    (cluster: object) => cluster,
    () => new Turns(),
);

/**
 * Waits as long as the same others have the lock for no longer than the limit. @returns false when its DaemonSet is not
 * there
 */
async function waitFor(
    place: KuredPlace,
    pool: string,
    { waitLimit = DEFAULT_WAIT_MS, signal, progress }: KuredLockOptions,
): Promise<boolean> {
    const start = Date.now();
    const end = start + Math.max(LONGEST_WAIT_MS, waitLimit);
    for (let before = ""; ;) {
        let holders = "";
        // A holder that gives way to another one is progress, and the waiting begins anew.
        const come = await until({ limit: Math.min(waitLimit, end - Date.now()), signal }, async () => {
            const look = await place.join(pool);
            if (typeof look === "string") {
                return look;
            }
            holders = describeHolders(look);
            progress?.(`waiting for kured's lock, held by ${holders}`);
            const now = look.held.map(({ nodeID }) => nodeID).join();
            const changed = before !== "" && before !== now;
            before = now;
            return changed ? ("changed" as const) : undefined;
        });
        if (come === "acquired" || come === "absent") {
            return come === "acquired";
        }
        if (come === undefined || Date.now() >= end) {
            throw new UserError(
                `kured's lock on DaemonSet ${place.where} was not free within ${elapsed(Date.now() - start)}: held by ` +
                    `${holders}; run again later, or if nobody is at work there any more, remove it ` +
                    `with ${place.removal}`,
            );
        }
    }
}

function leaseOf(place: KuredPlace, pool: string): AcquiredLease {
    return {
        kind: "held",
        where: `DaemonSet ${place.where}`,
        renew: () => place.renew(),
        release: () => place.leave(pool),
    };
}

function noLease(why: string): AcquiredLease {
    return { kind: "none", where: why, renew: () => Promise.resolve(), release: () => Promise.resolve() };
}
