// Reading what the machines of a pool say of its images.
import { versionIn } from "../azure/ids";
import type { Machine } from "../azure/machines";
import { compareVersions, sameVersion } from "../core/version";
import { warn } from "../engine/progress";
import { byInstance } from "../node/providerId";
import type { CanaryProof } from "./decide";
import type { Canary, Choice, NodeSelectionArgs } from "./nodeSelection";
import { machinesOfPool, singleVmsOf, type SingleVm } from "./poolReads";
import { proofOf, withNode, type MachineAndNode } from "./proof";
import type { Nodes } from "./readNodes";
import type { PoolNode } from "./rules";
import { asksForProof, withProofs, type Proofs } from "./proven";
import type { Verdicts } from "./verdict";

/**
 * What the machines made from the pool's images say of them. Azure is asked only while the image that the model points
 * at is one of these and has shown nothing yet: what has proven itself stays so, whatever becomes of its machines.
 *
 * @param live the version of this definition that the model points at, if it does
 * @throws UserError in one line when Azure or the cluster is away or refuses
 */
export async function readProofs(
    args: NodeSelectionArgs,
    { built, live, verdicts }: { built: Choice[]; live?: string; verdicts: Verdicts },
    nodes: Nodes,
    { inPool, singleVms }: { inPool: PoolNode[]; singleVms?: SingleVm[] },
): Promise<Proofs> {
    if (!asksForProof(built, live, verdicts)) {
        return { built, failed: verdicts.failed };
    }
    const { pool, scaleSetId, imageDefinitionId, rules } = args;
    const machines = await machinesOf({ scaleSetId, imageDefinitionId, singleVms }, nodes, inPool);
    const madeFrom = (version: string) => machines.filter((machine) => sameVersion(machine.version, version));
    const proofs = withProofs(built, verdicts.failed, madeFrom, nodes.now, rules);
    const isJudged = proofs.failed.length > verdicts.failed.length;
    if (!isJudged || (await isTheirCluster(args, nodes, { inPool, singleVms }))) {
        return proofs;
    }
    await warn(
        `${pool}: none of its machines is a node of the cluster at ${nodes.server}, nor is one of another pool, so that nothing is said of its ` +
            "images; where this is another cluster, set kamino:context or kamino:kubeconfig, and where all of the machines are new and " +
            "have not joined, reject the image (reject)",
    );
    return { ...proofs, failed: verdicts.failed };
}

/**
 * Whether the cluster is the one that the pools' machines join: one of this pool's is a node of it, or one of another
 * pool of the run. To any other cluster all machines would look as if their image had failed.
 */
async function isTheirCluster(
    { scaleSetId, poolsOfRun }: NodeSelectionArgs,
    nodes: Nodes,
    { inPool, singleVms }: { inPool: PoolNode[]; singleVms?: SingleVm[] },
): Promise<boolean> {
    const own = await machinesOfPool(scaleSetId, singleVms);
    if ((await nodesOf(own, scaleSetId, nodes, inPool)).size > 0) {
        return true;
    }
    for (const other of poolsOfRun.filter((each) => each.scaleSetId !== scaleSetId)) {
        const named = await nodes.ofPool({ ...other, singleVms: await singleVmsOf(other) });
        const names = named.slice(0, NODES_TRIED).map(({ name }) => name);
        const whole = await nodes.withDetails(named, names);
        if (byInstance(whole, ({ details }) => details?.providerID, other.scaleSetId).size > 0) {
            return true;
        }
    }
    return false;
}

// A node that is named as one of a pool is one of it as a rule.
const NODES_TRIED = 5;

/**
 * What the new nodes of another pool have proven: the newest of its versions. Of machines that are there, since what
 * they had shown once is in no place that this pool reads.
 *
 * @throws UserError in one line when Azure or the cluster is away or refuses
 */
export async function readCanary(canary: Canary, nodes: Nodes): Promise<CanaryProof> {
    const singleVms = await singleVmsOf(canary);
    const inPool = await nodes.ofPool({ ...canary, singleVms });
    const machines = await machinesOf({ ...canary, singleVms }, nodes, inPool);
    const versions = [...new Set(machines.map(({ version }) => version))].filter((version) => {
        const made = machines.filter((machine) => machine.version === version);
        return proofOf(made, nodes.now, canary).state === "proven";
    });
    return { pool: canary.pool, proven: versions.sort(compareVersions).at(-1) };
}

/** The machines that were made from versions of a pool's definition, each with its node where it has one. */
async function machinesOf(
    {
        scaleSetId,
        imageDefinitionId,
        singleVms,
    }: Pick<NodeSelectionArgs, "scaleSetId" | "imageDefinitionId"> & { singleVms?: SingleVm[] },
    nodes: Nodes,
    inPool: PoolNode[],
): Promise<(MachineAndNode & { version: string })[]> {
    const machines = (await machinesOfPool(scaleSetId, singleVms)).flatMap((machine) => {
        const version = versionIn(machine.image.id, imageDefinitionId);
        return version === undefined ? [] : [{ ...machine, version }];
    });
    const nodeOf = await nodesOf(machines, scaleSetId, nodes, inPool);
    return machines.map((machine) => {
        const node = nodeOf.get(machine.instanceId);
        return { ...withNode(machine, node?.details, node?.name), version: machine.version };
    });
}

/** The machines' nodes, by the machines' numbers. A node that is not named as its computer has to be looked for. */
async function nodesOf(
    machines: Machine[],
    scaleSetId: string,
    nodes: Nodes,
    inPool: PoolNode[],
): Promise<Map<string, PoolNode>> {
    const computers = new Set(machines.map(({ name }) => name));
    const named = inPool.filter(({ name }) => computers.has(name));
    const candidates = named.length < machines.length ? inPool : named;
    const whole = await nodes.withDetails(
        inPool,
        candidates.map(({ name }) => name),
    );
    return byInstance(whole, ({ details }) => details?.providerID, scaleSetId);
}
