// Holding kured's lock while a node is out of service for a capture, so that kured does not take another node out at
// the same time.
//
// kured reboots at most `--concurrency` nodes at once, by a lock in an annotation of its DaemonSet. It leaves an entry
// alone whose nodeID is not its own node's name, until the entry's TTL is over.
import { randomInt } from "node:crypto";
import { setInterval } from "node:timers";
import { PatchStrategy, setHeaderOptions, type V1DaemonSet } from "@kubernetes/client-node";
import { asMinute } from "../core/duration";
import { UserError, orUndefined, statusOf } from "../core/errors";
import { withRetries, rest, until } from "../core/retry";
import { findKured, toKured, type Kured } from "./kuredDaemonSet";
import { RENEW_LOCK_MS, entryOf, isExpired, releaseLock, takeLock, type LockEntry } from "./kuredLockValue";
import { describe, type Kubernetes } from "./kubernetes";
import { NODE_NAME_FORMAT } from "./nodeName";

export { lockHolder } from "./kuredLockValue";

type Cluster = Pick<Kubernetes, "apps" | "server">;

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
    cluster: Cluster,
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
    const lock = new Lock(cluster, kured, holder);
    return (await waitFor(lock, options)) ? lock.lease() : noLease(`there is no DaemonSet ${lock.where}`);
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
    cluster: Cluster,
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
 * kured's DaemonSet: the one that is named, else the one that is found in the cluster; undefined when there is none.
 */
export async function findInCluster(
    { apps, server }: Cluster,
    { daemonSet, nodeLabels }: Pick<KuredLockOptions, "daemonSet" | "nodeLabels"> = {},
): Promise<Kured | undefined> {
    try {
        if (daemonSet !== undefined) {
            const [name, namespace = "kube-system"] = daemonSet.split("/").reverse();
            const named = await readDaemonSet({ apps }, namespace, name);
            if (!named) {
                throw new UserError(
                    `kamino:kuredDaemonSet: there is no DaemonSet ${namespace}/${name}; check it with kubectl get daemonsets -A`,
                );
            }
            return toKured(named);
        }
        const { items } = await withRetries(() => apps.listDaemonSetForAllNamespaces({ resourceVersion: "0" }));
        return findKured(items, nodeLabels);
    } catch (error) {
        if (statusOf(error) !== 403 || daemonSet !== undefined) {
            throw toUserError(error, server);
        }
    }
    // All may not be listed: kured's usual place can still be looked at.
    const usual = await readDaemonSet({ apps }, "kube-system", "kured").catch((error: unknown) => {
        throw toUserError(error, server);
    });
    return usual && toKured(usual);
}

function toUserError(error: unknown, server: string): UserError {
    if (error instanceof UserError) {
        return error;
    }
    const advice = statusOf(error) === 403 ? "; or set kamino:kuredLock to false where kured does not run" : "";
    return new UserError(`kured's lock cannot be used: ${describe(error, server)}${advice}`);
}

async function readDaemonSet(
    { apps }: Pick<Cluster, "apps">,
    namespace: string,
    name: string,
): Promise<V1DaemonSet | undefined> {
    return orUndefined(withRetries(() => apps.readNamespacedDaemonSet({ namespace, name })));
}

/** What one look at the lock came to. */
type Look = "acquired" | "absent" | { held: LockEntry[] };

/**
 * Waits as long as the same others have the lock for no longer than the limit. @returns false when its DaemonSet is not
 * there
 */
async function waitFor(lock: Lock, { waitLimit = DEFAULT_WAIT_MS, signal, progress }: KuredLockOptions) {
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

function describeHolder(entry: LockEntry): string {
    const { nodeID, created, TTL = 0 } = entry;
    const since = created === undefined ? "" : ` since ${minute(Date.parse(created))}`;
    // Whoever may write DaemonSets may have written any text.
    const name = NODE_NAME_FORMAT.test(nodeID) ? `node ${nodeID}` : JSON.stringify(nodeID.slice(0, 80));
    if (isExpired(entry, new Date())) {
        return `${name}${since}, expired: the node's own kured has yet to free the node`;
    }
    return `${name}${since}${TTL > 0 && created ? `, at most until ${minute(Date.parse(created) + TTL / 1e6)}` : ""}`;
}

function minute(moment: number): string {
    const date = new Date(moment);
    return Number.isNaN(date.getTime()) ? "?" : asMinute(date.toISOString());
}

function noLease(why: string): AcquiredLease {
    return { kind: "none", where: why, renew: () => Promise.resolve(), release: () => Promise.resolve() };
}

// The DaemonSet's controller writes it as well, at every change of a pod of kured's.
const CONFLICTS = 50;
const CONFLICT_PAUSE_MS = 200;

/** The lock's annotation, written only as the API server last gave it out. */
class Lock {
    readonly where: string;
    /** The command that removes the lock, for messages. */
    readonly removal: string;
    /** Every `created` that this run has tried to write: an answer may have been lost. */
    private readonly written = new Set<string>();

    constructor(
        private readonly cluster: Cluster,
        private readonly kured: Kured,
        private readonly holder: string,
    ) {
        const { lockNamespace, lockName, lockAnnotation } = kured.options;
        this.where = `${lockNamespace}/${lockName}`;
        this.removal = `kubectl -n ${lockNamespace} annotate daemonset ${lockName} ${lockAnnotation}-`;
    }

    lease(): AcquiredLease {
        return {
            kind: "held",
            where: `DaemonSet ${this.where}`,
            renew: () => this.renew(),
            release: () => this.release(),
        };
    }

    /** Takes a place, or renews the one that this run has. */
    async take(): Promise<Look> {
        const { concurrency } = this.kured.options;
        return this.change((value) => {
            const mine = entryOf(this.holder, new Date(), fraction());
            const attempt = takeLock(value, concurrency, mine, this.written, new Date());
            if (attempt.kind === "unusable") {
                throw new UserError(
                    `kured's lock on DaemonSet ${this.where} is not one that kured with --concurrency=${concurrency} can read, so ` +
                        `kured reboots nothing; look at it, then remove it with ${this.removal}`,
                );
            }
            if (attempt.kind === "held") {
                return { result: { held: attempt.by } };
            }
            this.written.add(mine.created);
            return { result: "acquired", write: attempt.value };
        });
    }

    private async renew(): Promise<void> {
        const look = await this.take();
        if (look === "absent") {
            throw new UserError(`DaemonSet ${this.where} with kured's lock has gone`);
        }
        if (look !== "acquired") {
            throw new UserError(
                `kured's lock on DaemonSet ${this.where} was lost: it is held by ${look.held.map(describeHolder).join(" and ")}`,
            );
        }
    }

    private async release(): Promise<void> {
        await this.change((value) => ({
            result: "acquired",
            write: releaseLock(value, this.holder, this.written),
        }));
    }

    /**
     * Reads the annotation and writes what is made of it, if the DaemonSet is still as it was read; else reads it
     * again.
     *
     * @param decide what the value becomes: null removes it, undefined leaves it
     */
    private async change(
        decide: (value: string | undefined) => { result: Look; write?: string | null },
    ): Promise<Look> {
        const { lockNamespace: namespace, lockName: name, lockAnnotation } = this.kured.options;
        const { apps, server } = this.cluster;
        try {
            for (let conflicts = 0; ; conflicts++) {
                const daemonSet = await readDaemonSet(this.cluster, namespace, name);
                if (!daemonSet) {
                    return "absent";
                }
                const { annotations = {}, resourceVersion } = daemonSet.metadata ?? {};
                const value = Object.hasOwn(annotations, lockAnnotation) ? annotations[lockAnnotation] : undefined;
                const { result, write } = decide(value);
                if (write === undefined) {
                    return result;
                }
                const body = { metadata: { resourceVersion, annotations: { [lockAnnotation]: write } } };
                const options = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
                try {
                    await withRetries(() => apps.patchNamespacedDaemonSet({ namespace, name, body }, options));
                    return result;
                } catch (error) {
                    if (statusOf(error) !== 409 || conflicts === CONFLICTS) {
                        throw error;
                    }
                    await rest(CONFLICT_PAUSE_MS);
                }
            }
        } catch (error) {
            throw toUserError(error, server);
        }
    }
}

/** Six digits of which the last is not 0. */
function fraction(): string {
    return `${String(randomInt(100_000)).padStart(5, "0")}${randomInt(1, 10)}`;
}
