// Reading what the machines of a pool say of its images.
import { versionIn } from "../azure/ids";
import { readMachines, type Machine } from "../azure/machines";
import { sameVersion } from "../core/version";
import { byInstance } from "../node/providerId";
import type { Choice, NodeSelectionArgs } from "./nodeSelection";
import { withNode } from "./proof";
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
    { scaleSetId, imageDefinitionId, rules }: NodeSelectionArgs,
    { built, live, verdicts }: { built: Choice[]; live?: string; verdicts: Verdicts },
    nodes: Nodes,
    inPool: PoolNode[],
): Promise<Proofs> {
    if (!asksForProof(built, live, verdicts)) {
        return { built, failed: verdicts.failed };
    }
    const machines = (await readMachines(scaleSetId)).flatMap((machine) => {
        const version = versionIn(machine.image.id, imageDefinitionId);
        return version === undefined ? [] : [{ ...machine, version }];
    });
    const nodeOf = await nodesOf(machines, scaleSetId, nodes, inPool);
    const machinesOf = (version: string) =>
        machines
            .filter((machine) => sameVersion(machine.version, version))
            .map((machine) => {
                const node = nodeOf.get(machine.instanceId);
                return withNode(machine, node?.details, node?.name);
            });
    return withProofs(built, verdicts.failed, machinesOf, nodes.now, rules);
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
