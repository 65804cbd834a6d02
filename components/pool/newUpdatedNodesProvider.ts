// What the engine calls for a NewUpdatedNodes: create adds the nodes, the others do nothing.
import type { dynamic } from "@pulumi/pulumi";
import { writeCapacity } from "../azure/capacity";
import { versionIn } from "../azure/ids";
import { readMachines } from "../azure/machines";
import type { ScaleSetModel } from "../azure/scaleSetForm";
import { readScaleSet } from "../azure/scaleSets";
import { oneLine } from "../core/errors";
import { sameVersion } from "../core/version";
import { isWaiting, tryAtRest, type Waiting } from "../engine/atRest";
import { deferSignals } from "../engine/interruption";
import { info, warn } from "../engine/progress";
import { decideNewNodes, lineOf, withMark, type ScaleSetNow } from "./newNodes";
import type { NewUpdatedNodesInputs, NewUpdatedNodesState } from "./newUpdatedNodes";

type Inputs = NewUpdatedNodesInputs;
type State = NewUpdatedNodesState;

export { configureFromStack as configure } from "../azure/settings";
// The nodes stay: whether the pool needs them is the autoscaler's to say.
export { check, forget as delete, read } from "../engine/plainProvider";

/** What was done for a version is done, whatever the settings say now. */
export async function diff(): Promise<dynamic.DiffResult> {
    return Promise.resolve({ changes: false });
}

/**
 * Adds the nodes, or says why none are added: either way it is done for this version.
 *
 * @throws UserError in one line when Azure is away or refuses, or the run is interrupted; then nothing was added
 */
export async function create(inputs: Inputs): Promise<dynamic.CreateResult<State>> {
    const outcome = await deferSignals((signal) => addAtRest(inputs, signal));
    return { id: `${inputs.pool}-${inputs.version}`, outs: { ...inputs, ...outcome } };
}

/** Never called, since nothing is a change. */
export async function update(_id: string, olds: State): Promise<dynamic.UpdateResult<State>> {
    return Promise.resolve({ outs: olds });
}

type Outcome = Pick<State, "added" | "outcome">;

/** Tries until the scale set is at rest. */
async function addAtRest(inputs: Inputs, signal: AbortSignal): Promise<Outcome> {
    const { pool, version } = inputs;
    const found = await tryAtRest(`${pool}: waits until the scale set is at rest`, signal, () => tryToAdd(inputs));
    const outcome = isWaiting(found) ? { added: 0, outcome: found.waitsFor } : found;
    if (outcome.added === 0) {
        await warn(`${pool}: no node was added for image ${version} (newUpdatedNodes): ${outcome.outcome}`);
    }
    return outcome;
}

async function tryToAdd(inputs: Inputs): Promise<Outcome | Waiting> {
    const { pool, scaleSetId, imageDefinitionId } = inputs;
    const scaleSet = await readScaleSet(scaleSetId);
    if (!scaleSet) {
        return { added: 0, outcome: "the scale set is not there any more" };
    }
    const now = scaleSetNow(scaleSet, imageDefinitionId);
    // Machines are asked for only where nodes would be added.
    const made = decideNewNodes(now, inputs).kind === "add" ? await machinesMade(inputs) : 0;
    const verdict = decideNewNodes(now, inputs, made);
    if (verdict.kind !== "add") {
        return verdict.kind === "wait" ? { waitsFor: verdict.why } : { added: 0, outcome: verdict.why };
    }
    const written = await writeCapacity(scaleSet, verdict.to, withMark(now.tags, inputs, verdict));
    if ("waitsFor" in written) {
        return written;
    }
    if ("refused" in written) {
        return { added: 0, outcome: written.refused };
    }
    await info(`${pool}: ${lineOf(inputs, verdict)}`);
    const outcome = { added: verdict.to - verdict.from, outcome: `capacity ${verdict.from} → ${verdict.to}` };
    try {
        await written.made();
        return outcome;
    } catch (error) {
        // The capacity is raised; the image's proof, or its lack, is the next run's to say.
        await warn(`${pool}: Azure could not make all of the new nodes: ${oneLine(error)}`);
        return { ...outcome, outcome: `${outcome.outcome}, but Azure could not make all of them` };
    }
}

function scaleSetNow(
    { virtualMachineProfile, upgradePolicy, ...set }: ScaleSetModel,
    imageDefinitionId: string,
): ScaleSetNow {
    return {
        version: versionIn(virtualMachineProfile?.storageProfile?.imageReference?.id, imageDefinitionId),
        upgradeMode: upgradePolicy?.mode,
        upgradesItself: upgradePolicy?.automaticOSUpgradePolicy?.enableAutomaticOSUpgrade === true,
        provisioningState: set.provisioningState,
        capacity: set.sku?.capacity,
        tags: set.tags ?? {},
    };
}

/** How many of the scale set's machines were made from the version. */
async function machinesMade({ scaleSetId, imageDefinitionId, version }: Inputs): Promise<number> {
    const machines = await readMachines(scaleSetId);
    return machines.filter(({ image }) => sameVersion(versionIn(image.id, imageDefinitionId) ?? "", version)).length;
}
