// Which MachineDeployments and MachineSets this program may change, and which it refuses with what words. Pure.
import { machinesText } from "../core/machinesId";
import { deploymentOf, type CapiMachines } from "./machines";
import { PAUSED, TOPOLOGY_OWNED } from "./refusals";

/** The strategy that keeps machines until somebody deletes them. */
const ON_DELETE = "OnDelete";

/** One reason why a pool is refused: does it hold, and what to say. */
interface Refusal {
    holds: (pool: CapiMachines) => boolean;
    say: string | ((pool: CapiMachines) => string);
}

/**
 * What makes a pool one that must not be changed, each with what the user can do.
 *
 * Found by trying Cluster API 1.13.3: a changed template replaces machines unless the strategy is OnDelete, a pool of a
 * ClusterClass is set back by the topology controller, and of a paused one no new machine is made. A MachineSet makes
 * new machines from the template alone, and replaces none.
 */
const REFUSALS: Refusal[] = [
    {
        holds: ({ owner }) => owner.metadata.deletionTimestamp !== undefined,
        say: "it is being deleted; take it out of kamino:pools",
    },
    {
        holds: ({ kind, owner }) => kind === "MachineSet" && deploymentOf(owner) !== undefined,
        say: ({ owner }) =>
            `it belongs to MachineDeployment ${deploymentOf(owner)}, whose template counts; name that (machineDeployment: ${owner.metadata.namespace}/${deploymentOf(owner)})`,
    },
    {
        holds: ({ owner, template }) =>
            [owner, template].some(({ metadata }) => Object.hasOwn(metadata.labels ?? {}, TOPOLOGY_OWNED)),
        say: "it belongs to a ClusterClass, whose controller would set its template back; the image has to go through a variable of the class",
    },
    {
        holds: ({ owner, cluster }) =>
            cluster?.paused === true ||
            owner.spec.paused === true ||
            Object.hasOwn(owner.metadata.annotations ?? {}, PAUSED),
        say: `it or its Cluster is paused (${PAUSED}, spec.paused), so that no machine would be made from a new template; end the pause first`,
    },
    {
        holds: (pool) => pool.kind === "MachineDeployment" && strategyOfMachines(pool) !== ON_DELETE,
        say: (pool) => rolloutLine(pool),
    },
];

/**
 * Why these machines must not get another template, in one line, or undefined when they may.
 *
 * @param configKey where the pool is configured, to begin the line with
 */
export function machinesRefusal(pool: CapiMachines, configKey: string): string | undefined {
    const reason = REFUSALS.find(({ holds }) => holds(pool));
    if (!reason) {
        return undefined;
    }
    const said = typeof reason.say === "string" ? reason.say : reason.say(pool);
    return `${configKey}: ${textOf(pool)} is refused: ${said}`;
}

/** `MachineDeployment NAMESPACE/NAME` of a pool that was read. */
export function textOf({ kind, owner: { metadata } }: CapiMachines): string {
    return machinesText({ kind, namespace: metadata.namespace ?? "", name: metadata.name ?? "" });
}

/** A MachineDeployment's strategy, with Cluster API's default; undefined of a MachineSet, which has none. */
export function strategyOfMachines({ kind, owner: { spec } }: CapiMachines): string | undefined {
    return kind === "MachineSet" ? undefined : ((spec.rollout?.strategy ?? spec.strategy)?.type ?? "RollingUpdate");
}

function rolloutLine(pool: CapiMachines): string {
    const { namespace, name } = pool.owner.metadata;
    const strategy = { type: ON_DELETE, rollingUpdate: null };
    const patch = { spec: pool.apiVersion === "v1beta1" ? { strategy } : { rollout: { strategy } } };
    return (
        `Cluster API would replace its machines once the template changes (strategy ${strategyOfMachines(pool)}); make it keep them: ` +
        `kubectl -n ${namespace} patch machinedeployments.${pool.apiVersion}.cluster.x-k8s.io ${name} --type merge -p '${JSON.stringify(patch)}'`
    );
}

/**
 * Why the template must not be changed at this moment; it passes by itself. Undefined for a pool at rest: it has the
 * machines that it is to have, and none of them is on its way out.
 */
export function unsettledMachines({ owner, machines }: CapiMachines): string | undefined {
    const { generation = 0 } = owner.metadata;
    const { replicas = 0, observedGeneration = 0 } = owner.status ?? {};
    const wanted = owner.spec.replicas ?? 1;
    const leaving = machines.filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
    if (observedGeneration < generation) {
        return "Cluster API has not looked at its last change yet";
    }
    if (leaving.length > 0) {
        return `${leaving.map(({ metadata }) => metadata.name).join(", ")} is being deleted`;
    }
    return replicas === wanted && machines.length === wanted
        ? undefined
        : `${wanted} machines are wanted, and Cluster API has ${machines.length}`;
}
