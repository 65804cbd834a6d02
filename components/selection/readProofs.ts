// Reading what the machines of a pool say of its images.
import { versionIn } from "../azure/ids";
import { readMachines } from "../azure/machines";
import { sameVersion } from "../core/version";
import { instanceOf } from "../node/providerId";
import type { Choice, FailedImage, NodeSelectionArgs } from "./nodeSelection";
import { proofOf, withNode, type Proof } from "./proof";
import type { Nodes } from "./readNodes";
import type { PoolNode } from "./rules";
import { verdictOn, type Verdicts } from "./verdict";

/** What the pool's images have shown so far. */
export interface Proofs {
    /** The choices that became images, with `proven` at those whose machines have shown it. */
    built: Choice[];
    failed: FailedImage[];
}

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
    const current = built.find(({ version }) => sameVersion(version, live ?? ""));
    if (!current || current.proven || verdictOn(current.version, verdicts)) {
        return { built, failed: verdicts.failed };
    }
    const all = await readMachines(scaleSetId);
    const machines = all.flatMap((machine) => {
        const version = versionIn(machine.image.id, imageDefinitionId);
        return version === undefined ? [] : [{ ...machine, version }];
    });
    // A node that is not named as its computer is found by its provider id.
    const computers = new Set(machines.map(({ name }) => name));
    const named = inPool.filter(({ name }) => computers.has(name));
    const whole = await nodes.withDetails(
        inPool,
        (named.length < machines.length ? inPool : named).map(({ name }) => name),
    );
    const nodeOf = new Map(whole.map((node) => [instanceOf(node.details?.providerID ?? "", scaleSetId), node]));
    const proofs = built.map(({ version }): Proof & { made: number } => {
        const made = machines
            .filter((machine) => sameVersion(machine.version, version))
            .map((machine) => {
                const node = nodeOf.get(machine.instanceId);
                return withNode(machine, node?.details, node?.name);
            });
        return { ...proofOf(made, nodes.now, rules), made: made.length };
    });
    const failed = built.flatMap(({ version }, index): FailedImage[] => {
        const { state, late, made } = proofs[index];
        const isNew = !verdicts.failed.some((each) => sameVersion(each.version, version));
        return state === "failed" && isNew ? [{ version, machines: made, late }] : [];
    });
    return {
        built: built.map((choice, index) => (proofs[index].state === "proven" ? { ...choice, proven: true } : choice)),
        failed: [...verdicts.failed, ...failed],
    };
}
