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
    /** The pod that held it before and died without releasing it. */
    deadHolder?: string;
    release: () => Promise<void>;
}

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
    const acquired = await replace(leases, at, withHolder(lease, pod.name));
    if (!acquired) {
        throw new LeaseHeldError("another run has just started; this one was not started");
    }
    return {
        deadHolder: holder && holder !== pod.name ? holder : undefined,
        release: async () => {
            const free = { ...acquired, spec: { leaseTransitions: acquired.spec?.leaseTransitions } };
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
