// One scheduled run at a time: a Kubernetes Lease that names the pod which runs. It makes releasing a stale state lock safe.
import { CoordinationV1Api, CoreV1Api, V1MicroTime, type KubeConfig, type V1Lease } from "@kubernetes/client-node";
import { statusOf, UserError } from "../components/core/errors";
import type { Pod } from "./pod";

/** The lease, held. */
export interface Held {
    /** The pod that held it before and died without giving it back. */
    deadHolder?: string;
    /** Gives it back. */
    release: () => Promise<void>;
}

/**
 * Takes the schedule's lease for this pod.
 *
 * The lease needs no renewal and knows no expiry: whether its holder is alive is asked of the holder itself, the pod. So a slow
 * network cannot make two runs believe that it is theirs; of two that try at once the API server refuses the second.
 *
 * @throws UserError when another pod's run is under way
 */
export async function takeLease(config: KubeConfig, pod: Pod): Promise<Held> {
    const leases = config.makeApiClient(CoordinationV1Api);
    const at = { name: pod.lease, namespace: pod.namespace };
    const lease = await leases.readNamespacedLease(at);
    const holder = lease.spec?.holderIdentity;
    if (holder && holder !== pod.name && !(await hasEnded(config, pod.namespace, holder))) {
        throw new UserError(
            `another run is under way: pod ${pod.namespace}/${holder} since ${String(lease.spec?.acquireTime)}; this one was not started`,
        );
    }
    const taken = await replace(leases, pod, held(lease, pod.name));
    return {
        deadHolder: holder && holder !== pod.name ? holder : undefined,
        release: async () => {
            await leases.replaceNamespacedLease({
                ...at,
                body: { ...taken, spec: { leaseTransitions: taken.spec?.leaseTransitions } },
            });
        },
    };
}

/**
 * Whether a pod's run has ended for certain: all its containers have. A lost node proves nothing.
 *
 * @param goneIsEnded what a pod that is not there means: for the holder of a lease, that it has ended
 */
export async function hasEnded(
    config: KubeConfig,
    namespace: string,
    name: string,
    goneIsEnded = true,
): Promise<boolean> {
    try {
        const { status } = await config.makeApiClient(CoreV1Api).readNamespacedPod({ name, namespace });
        return status?.phase === "Succeeded" || status?.phase === "Failed";
    } catch (error) {
        if (statusOf(error) === 404) {
            return goneIsEnded;
        }
        throw error;
    }
}

function held(lease: V1Lease, holder: string): V1Lease {
    const leaseTransitions = (lease.spec?.leaseTransitions ?? 0) + 1;
    return { ...lease, spec: { holderIdentity: holder, acquireTime: new V1MicroTime(), leaseTransitions } };
}

async function replace(leases: CoordinationV1Api, pod: Pod, body: V1Lease): Promise<V1Lease> {
    try {
        return await leases.replaceNamespacedLease({ name: pod.lease, namespace: pod.namespace, body });
    } catch (error) {
        if (statusOf(error) === 409) {
            throw new UserError("another run has just started; this one was not started");
        }
        throw error;
    }
}
