// Which MachinePools this program may change, and which it refuses with what words. Pure.
import { isZero, neverRollsOut, type NoRollout } from "../../policies/contract";
import {
    CAPZ_MANAGER,
    replicasManagedBy,
    strategyOf,
    type AzureMachinePool,
    type CapiPool,
    type MachinePool,
} from "./machinePool";

/** Annotation of an object that its controllers leave alone. */
export const PAUSED = "cluster.x-k8s.io/paused";
/** Label of an object that a ClusterClass keeps. */
export const TOPOLOGY_OWNED = "topology.cluster.x-k8s.io/owned";

/** One reason why a pool is refused: does it hold, and what to say. */
interface Refusal {
    holds: (pool: CapiPool) => boolean;
    say: string | ((pool: CapiPool) => string);
}

const either = ({ machinePool, azureMachinePool }: CapiPool) => [machinePool, azureMachinePool];

/**
 * What makes a pool one that must not be changed, each with what the user can do.
 *
 * Found by trying CAPZ 1.25.0 and Cluster API 1.13.3: a changed image replaces machines unless the pool is set so that
 * it cannot, a pool of a ClusterClass is set back by the topology controller, and a paused one takes no image.
 */
const REFUSALS: Refusal[] = [
    {
        holds: (pool) => either(pool).some(({ metadata }) => metadata.deletionTimestamp !== undefined),
        say: "it is being deleted; take it out of kamino:pools",
    },
    {
        holds: (pool) => either(pool).some(({ metadata }) => Object.hasOwn(metadata.labels ?? {}, TOPOLOGY_OWNED)),
        say: "it belongs to a ClusterClass, whose controller would set its image back; the image has to go through a variable of the class",
    },
    {
        holds: ({ azureMachinePool }) => !azureMachinePool.spec.providerID,
        say: "CAPZ has made no scale set for it yet (spec.providerID is empty)",
    },
    {
        holds: (pool) =>
            pool.clusterPaused ||
            either(pool).some(({ metadata }) => Object.hasOwn(metadata.annotations ?? {}, PAUSED)),
        say: `it or its Cluster is paused (${PAUSED}), so that no image would reach its scale set; end the pause first`,
    },
    {
        holds: (pool) => !neverRollsOut(noRolloutOf(pool)),
        say: (pool) => rolloutLine(pool),
    },
];

/**
 * Why this pool must not be changed, in one line, or undefined when it may be.
 *
 * @param configKey where the pool is configured, to begin the line with
 */
export function capiRefusal(pool: CapiPool, configKey: string): string | undefined {
    const reason = REFUSALS.find(({ holds }) => holds(pool));
    if (!reason) {
        return undefined;
    }
    const said = typeof reason.say === "string" ? reason.say : reason.say(pool);
    return `${configKey}: MachinePool ${nameOf(pool.machinePool)} is refused: ${said}`;
}

/** `NAMESPACE/NAME` of an object. */
export function nameOf({ metadata }: MachinePool | AzureMachinePool): string {
    return `${metadata.namespace}/${metadata.name}`;
}

/** What keeps a changed image from replacing machines, for the policy pack to judge by itself. */
export function noRolloutOf({ machinePool, azureMachinePool, skipsModelReconciliation }: CapiPool): NoRollout {
    const manager = replicasManagedBy(machinePool);
    return {
        ...strategyOf(azureMachinePool),
        ...(manager !== undefined && { replicasManagedBy: manager }),
        ...(skipsModelReconciliation !== undefined && { skipsModelReconciliation }),
    };
}

/** Zero as a percentage: the webhook refuses 0 and 0 as numbers. */
const NO_ROLLOUT_PATCH = JSON.stringify({
    spec: { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: "0%" } } },
});

const MISSING_RIGHT =
    `the right to get Deployment ${CAPZ_MANAGER.namespace}/${CAPZ_MANAGER.name} is missing ` +
    "(kamino-machine-pools-gate in deploy/permissions/kubernetes/machine-pools.yaml; of a schedule run up of its stack)";

function rolloutLine(pool: CapiPool): string {
    const { maxSurge, maxUnavailable, skipsModelReconciliation: gate } = noRolloutOf(pool);
    const { namespace, name } = pool.azureMachinePool.metadata;
    const seen = gate === false ? "CAPZ runs without" : "CAPZ is not seen to run with";
    const why = pool.gateForbidden ? `: ${MISSING_RIGHT}` : "";
    const withoutGate = isZero(maxSurge) ? `, and ${seen} SkipMachinePoolModelReconciliation${why}` : "";
    return (
        `CAPZ would replace its machines once the image changes (maxSurge ${maxSurge}, maxUnavailable ${maxUnavailable}${withoutGate}); make it keep them: ` +
        `kubectl -n ${namespace} patch azuremachinepool ${name} --type merge -p '${NO_ROLLOUT_PATCH}'`
    );
}

/**
 * Why the image must not be written at this moment: CAPZ sends the number of machines along with it, and what is under
 * way would be cut off. It passes by itself. Undefined for a pool at rest.
 */
export function unsettled({ machinePool, azureMachinePool }: CapiPool): string | undefined {
    const wanted = machinePool.spec.replicas ?? 1;
    const [known, made] = [machinePool.status?.replicas ?? 0, azureMachinePool.status?.replicas ?? 0];
    if (known !== wanted || made !== wanted) {
        return `${wanted} machines are wanted, Cluster API sees ${known} and Azure has ${made}`;
    }
    const { provisioningState = "Succeeded", longRunningOperationStates = [] } = azureMachinePool.status ?? {};
    if (longRunningOperationStates.length > 0) {
        return `CAPZ has an operation under way in Azure (${longRunningOperationStates.map(({ type }) => type).join(", ")})`;
    }
    return provisioningState === "Succeeded" ? undefined : `its scale set is ${provisioningState}`;
}
