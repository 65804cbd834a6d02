// One scheduled run at a time: a Kubernetes Lease that names the running pod. It makes it safe to cancel a stale state
// lock.
import { CoordinationV1Api, CoreV1Api, V1MicroTime, type KubeConfig, type V1Lease } from "@kubernetes/client-node";
import { orUndefined, statusOf, UserError } from "../components/core/errors";
import { withRetries } from "../components/core/retry";
import type { Pod } from "./pod";

/** Why a run did not begin: another one is under way, whose report is to stay. */
export class LeaseHeldError extends UserError {}

/** The lease, acquired by this pod. */
export interface AcquiredLease {
    /**
     * The pods that held it before and died without releasing it, since an update last went through: one of them may
     * have left its lock on the stack's state.
     */
    deadHolders: string[];
    /** Has nobody look for what dead holders have left: an update went through, or their locks were cancelled. */
    forgetDead: () => void;
    release: () => Promise<void>;
}

/**
 * The annotation that keeps the dead holders. A run that fails before its update releases the lease, and the next one
 * still has to know whose lock it meets: their pods may be gone by then.
 */
const DEAD_HOLDERS = "kamino/dead-holders";

/** Any of them may have left the lock. Their names stay far below what annotations may hold, 256 KiB. */
const MOST_DEAD = 1000;

interface LeasePath {
    name: string;
    namespace: string;
}

/**
 * Acquires the schedule's lease for this pod.
 *
 * The lease is not renewed and does not expire: its holder is a pod, and the pod's phase tells whether it is alive. So
 * a slow network cannot make two runs believe that they hold it. Of two that try at once the API server refuses the
 * second.
 *
 * @throws UserError when another pod's run is under way
 */
export async function acquireLease(config: KubeConfig, pod: Pod): Promise<AcquiredLease> {
    const leases = config.makeApiClient(CoordinationV1Api);
    const at = { name: pod.lease, namespace: pod.namespace };
    const lease = await withRetries(() => leases.readNamespacedLease(at));
    const holder = lease.spec?.holderIdentity;
    if (holder && holder !== pod.name && !(await hasEnded(config, pod.namespace, holder))) {
        throw new LeaseHeldError(
            `another run is under way: pod ${pod.namespace}/${holder} since ${String(lease.spec?.acquireTime)}; this one was not started`,
        );
    }
    const dead = holder && holder !== pod.name ? [holder] : [];
    const deadHolders = [...new Set([...deadHoldersOf(lease), ...dead])].slice(-MOST_DEAD);
    const acquired = await replace(leases, at, withHolder(withDead(lease, deadHolders), pod.name));
    if (!acquired) {
        throw new LeaseHeldError("another run has just started; this one was not started");
    }
    let kept = deadHolders;
    return {
        deadHolders,
        forgetDead: () => (kept = []),
        release: async () => {
            const spec = { leaseTransitions: acquired.spec?.leaseTransitions };
            const free = { ...withDead(acquired, kept), spec };
            if (!(await replace(leases, at, free))) {
                throw new UserError("somebody else has changed it");
            }
        },
    };
}

/**
 * Whether a pod's run has ended for certain, that is, all its containers have. A pod on a lost node has not.
 *
 * @param goneIsEnded what to return for a pod that does not exist: true for the holder of a lease
 */
export async function hasEnded(
    config: KubeConfig,
    namespace: string,
    name: string,
    goneIsEnded = true,
): Promise<boolean> {
    const core = config.makeApiClient(CoreV1Api);
    const pod = await orUndefined(withRetries(() => core.readNamespacedPod({ name, namespace })));
    return pod ? pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed" : goneIsEnded;
}

/** Names of pods alone: somebody else may have written the annotation. */
function deadHoldersOf({ metadata }: V1Lease): string[] {
    const names = (metadata?.annotations?.[DEAD_HOLDERS] ?? "").split(",");
    return names.filter((name) => /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(name));
}

function withDead(lease: V1Lease, holders: string[]): V1Lease {
    const { [DEAD_HOLDERS]: _before, ...others } = lease.metadata?.annotations ?? {};
    const annotations = { ...others, ...(holders.length > 0 && { [DEAD_HOLDERS]: holders.join() }) };
    return { ...lease, metadata: { ...lease.metadata, annotations } };
}

function withHolder(lease: V1Lease, holder: string): V1Lease {
    const leaseTransitions = (lease.spec?.leaseTransitions ?? 0) + 1;
    return { ...lease, spec: { holderIdentity: holder, acquireTime: new V1MicroTime(), leaseTransitions } };
}

/**
 * Writes the lease as it was read before; undefined when somebody else has written it since. Where an answer is lost
 * the write is tried again, and may meet what it has itself written.
 */
async function replace(leases: CoordinationV1Api, at: LeasePath, body: V1Lease): Promise<V1Lease | undefined> {
    try {
        return await withRetries(() => leases.replaceNamespacedLease({ ...at, body }));
    } catch (error) {
        if (statusOf(error) !== 409) {
            throw error;
        }
        const now = await withRetries(() => leases.readNamespacedLease(at));
        const same =
            now.spec?.holderIdentity === body.spec?.holderIdentity &&
            now.spec?.leaseTransitions === body.spec?.leaseTransitions;
        return same ? now : undefined;
    }
}
