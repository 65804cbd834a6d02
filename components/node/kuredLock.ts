// Holding kured's lock while a node is out of service for a capture, so that kured does not take another node out at
// the same time.
//
// kured reboots at most `--concurrency` nodes at once, by a lock in an annotation of its DaemonSet. It leaves an entry
// alone whose nodeID is not its own node's name, until the entry's TTL is over.
import { setInterval } from "node:timers";
import { UserError } from "../core/errors";
import { until } from "../core/retry";
import { KuredAnnotation, describeHolder } from "./kuredAnnotation";
import { findInCluster } from "./kuredCluster";
import { RENEW_LOCK_MS, type LockEntry } from "./kuredLockValue";
import type { Kubernetes } from "./kubernetes";
import { NODE_NAME_FORMAT } from "./nodeName";

export { lockHolder } from "./kuredLockValue";

const MINUTE = 60_000;
/** How long one and the same holder is waited for: a reboot of kured's, with its drain. */
const DEFAULT_WAIT_MS = 30 * MINUTE;
/** How long a queue of holders is waited for. */
const LONGEST_WAIT_MS = 4 * 60 * MINUTE;

/** How to find and take the lock. */
export interface KuredLockOptions {
    /** `false`: the cluster is to be treated as one without kured (setting `kuredLock`). */
    enabled?: boolean;
    /**
     * kured's DaemonSet as `namespace/name`, or `name` in kube-system (setting `kuredDaemonSet`); else it is looked
     * for.
     */
    daemonSet?: string;
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
 * Takes a place in kured's lock, and waits for it while others have it.
 *
 * @param holder `kamino/POOL`, as `lockHolder` makes it; must not be what a node could be called
 * @throws UserError in one line when others keep the lock for too long, when its value is one that blocks kured itself,
 *     when the DaemonSet named is not there, or when the API server refuses; nothing is taken then
 */
export async function acquireKuredLock(
    cluster: Pick<Kubernetes, "apps" | "server">,
    holder: string,
    options: KuredLockOptions = {},
): Promise<AcquiredLease> {
    if (NODE_NAME_FORMAT.test(holder)) {
        throw new RangeError(`${holder} could be a node's name: that node's kured would take the lock for its own`);
    }
    if (options.enabled === false) {
        return noLease("kuredLock is false");
    }
    const kured = await findInCluster(cluster, options);
    if (!kured) {
        return noLease("no kured DaemonSet was found");
    }
    const lock = new KuredAnnotation(cluster, kured, holder);
    return (await waitFor(lock, options)) ? leaseOf(lock) : noLease(`there is no DaemonSet ${lock.where}`);
}

/**
 * Does something while holding kured's lock: renews it every half minute, and gives it back at the end, also when the
 * work fails.
 *
 * @param work gets the lease; `lease.renew()` right before a step that cannot be undone tells whether the lock is still
 *     held
 * @throws what the work throws, and what `acquireKuredLock` throws before the work has begun
 */
export async function withKuredLock<T>(
    cluster: Pick<Kubernetes, "apps" | "server">,
    holder: string,
    options: KuredLockOptions,
    work: (lease: AcquiredLease) => Promise<T>,
): Promise<T> {
    const lease = await acquireKuredLock(cluster, holder, options);
    let renewing = Promise.resolve();
    // An API server that is away for a while is not a reason to stop: the entry lives for minutes without being
    // renewed.
    const renew = () => (renewing = renewing.then(() => lease.renew().catch(() => undefined)));
    const timer = lease.kind === "held" ? setInterval(() => void renew(), RENEW_LOCK_MS) : undefined;
    try {
        return await work(lease);
    } finally {
        clearInterval(timer);
        await renewing;
        // What cannot be given back ends by itself when its TTL is over; the work's own outcome is what counts.
        await lease.release().catch(() => undefined);
    }
}

/**
 * Waits as long as the same others have the lock for no longer than the limit. @returns false when its DaemonSet is not
 * there
 */
async function waitFor(lock: KuredAnnotation, { waitLimit = DEFAULT_WAIT_MS, signal, progress }: KuredLockOptions) {
    const end = Date.now() + Math.max(LONGEST_WAIT_MS, waitLimit);
    for (let before = ""; ;) {
        let holders: LockEntry[] = [];
        // A holder that gives way to another one is progress, and the waiting begins anew.
        const come = await until({ limit: Math.min(waitLimit, end - Date.now()), signal }, async () => {
            const look = await lock.take();
            if (typeof look === "string") {
                return look;
            }
            holders = look.held;
            progress?.(`waiting for kured's lock, held by ${holders.map(describeHolder).join(" and ")}`);
            const now = holders.map(({ nodeID }) => nodeID).join();
            const changed = before !== "" && before !== now;
            before = now;
            return changed ? ("changed" as const) : undefined;
        });
        if (come === "acquired" || come === "absent") {
            return come === "acquired";
        }
        if (come === undefined || Date.now() >= end) {
            throw new UserError(
                `kured's lock on DaemonSet ${lock.where} was not free within ${Math.round(waitLimit / MINUTE)} minutes: held by ` +
                    `${holders.map(describeHolder).join(" and ")}; run again later, or if nobody is at work there any more, remove it ` +
                    `with ${lock.removal}`,
            );
        }
    }
}

function leaseOf(lock: KuredAnnotation): AcquiredLease {
    return {
        kind: "held",
        where: `DaemonSet ${lock.where}`,
        renew: () => lock.renew(),
        release: () => lock.release(),
    };
}

function noLease(why: string): AcquiredLease {
    return { kind: "none", where: why, renew: () => Promise.resolve(), release: () => Promise.resolve() };
}
