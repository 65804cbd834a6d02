// What an `up` would do, by the rules of a preview over what status has read. Pure.
import type { CaptureWay } from "../../components/capture/mode";
import { UserError } from "../../components/core/errors";
import { includesVersion, momentOf, sameVersion } from "../../components/core/version";
import { versionIn } from "../../components/azure/ids";
import type { PoolSettings } from "../../components/config/load";
import { joinedByKubeadm } from "../../components/node/kubeadm";
import { isBump } from "../../components/pool/declareNewNodes";
import { acceptedImage } from "../../components/pool/desiredModel";
import type { ForeignChange } from "../../components/pool/foreignChanges";
import { stepOf } from "../../components/pool/newNodes";
import { decide, type Decision, type DecisionInputs } from "../../components/selection/decide";
import { logLine, wording } from "../../components/selection/explain";
import { reconcile, type History } from "../../components/selection/history";
import { bootstrapOf, type Choice } from "../../components/selection/nodeSelection";
import type { MachineAndNode } from "../../components/selection/proof";
import { asksForProof, withProofs } from "../../components/selection/proven";
import { firstFailure, usualKubeletVersion, type Facts, type PoolNode } from "../../components/selection/rules";
import type { Verdicts } from "../../components/selection/verdict";
import { heldLines } from "./held";
import type { PoolFacts } from "./read";

/** What a forecast is made from, in a few words: a preview reads more, and has the last word. */
export const BASIS =
    "by the rules of a preview, from the stack's state, the nodes, the images and the machines as they are now; " +
    "npm run preview has the last word: it asks Azure Policy as well, and compares all of the model";

/** What an `up` would do with a pool. */
export interface Forecast {
    /** What it would do, one step each; empty where there is nothing to do. */
    steps: string[];
    /** Why the run would stop before it does anything. */
    stops?: string;
    /** Which node and why, or why none, as a preview says it; left out where it would stop before it decides. */
    why?: string;
    /** The node whose disk it would take, and the image version that it would make of it, with its moment. */
    takes?: { node: string; version: string; at?: Date };
}

/** Whether a node could be taken now, and if not, the first rule that rejects it, in words. */
export interface NodeVerdict {
    candidate: boolean;
    why?: string;
}

/** The forecast, the verdict on each of the pool's nodes by its name, and what keeps the pool from a new image. */
export interface Outlook {
    next: Forecast;
    verdicts: Map<string, NodeVerdict>;
    /** One line each, for what somebody should look at. */
    held: string[];
}

/**
 * Decides as a preview would.
 *
 * @param changes what others have changed of the model
 */
export function outlookOf(facts: PoolFacts, changes: ForeignChange[], now: Date): Outlook {
    const { settings } = facts;
    if (!settings) {
        const steps = ["leave the scale set as it is: the configuration does not name this pool any more"];
        return { next: { steps }, verdicts: new Map(), held: [] };
    }
    const known = knownOf(facts, settings, now);
    const rules = (node: PoolNode): NodeVerdict => {
        const reason = firstFailure(node, known.facts);
        return reason ? { candidate: false, why: wording(reason, known.facts) } : { candidate: true };
    };
    const verdicts = (decision?: Decision) =>
        new Map(
            facts.nodes.map((node) => {
                const fits = decision?.screening?.candidates.includes(node) ?? false;
                return [node.name, fits ? { candidate: true } : rules(node)];
            }),
        );
    const foreign = stopsFor(changes, settings);
    const { way, capi } = facts;
    if (capi?.refusal !== undefined) {
        return { next: { steps: [], stops: capi.refusal }, verdicts: verdicts(), held: [] };
    }
    if ("stops" in way) {
        return { next: { steps: [], stops: way.stops }, verdicts: verdicts(), held: [] };
    }
    try {
        const decision = decide(facts.nodes, inputsOf(facts, settings, known, way));
        const next = { ...forecastOf(decision, facts, known, changes), ...foreign };
        return { next, verdicts: verdicts(decision), held: heldLines(decision, known.facts) };
    } catch (error) {
        if (!(error instanceof UserError)) {
            throw error;
        }
        return { next: { steps: [], stops: error.message, ...foreign }, verdicts: verdicts(), held: [] };
    }
}

/** What the decision is made from, as the selection's own check puts it together. */
interface Known {
    facts: Facts;
    history: History;
    live?: string;
    verdicts: Verdicts;
}

function knownOf(pool: PoolFacts, { selection: rules }: PoolSettings, now: Date): Known {
    const { state, gallery, definition, nodes } = pool;
    const { output, selection } = state;
    const { versions = [], failed = [] } = selection;
    const live = versionIn(pool.live.image, definition);
    const said: Verdicts = { rejected: rules.reject ?? [], trusted: rules.trust ?? [], failed };
    const found = reconcile(versions, gallery, live, { made: output.versions, retained: output.retained });
    // By a cluster of which no machine of the pool is a node nothing is judged, as a preview does not.
    const proofs =
        nodes.length > 0 && asksForProof(found.built, live, said)
            ? withProofs(found.built, failed, (version) => machinesOf(version, pool), now, rules)
            : { built: found.built, failed };
    const history = { ...found, built: proofs.built };
    return {
        ...{ history, live, verdicts: { ...said, failed: proofs.failed } },
        facts: {
            ...{ scaleSetId: pool.poolId, rules, now },
            kubeletVersion: pool.capi?.kubelet ?? usualKubeletVersion(nodes),
            ...{ newest: history.newest, built: history.built, pending: history.pending },
        },
    };
}

function machinesOf(version: string, { machines, definition }: PoolFacts): MachineAndNode[] {
    return [...machines]
        .filter(([image]) => sameVersion(versionIn(image, definition) ?? "", version))
        .flatMap(([, made]) => made);
}

function inputsOf(pool: PoolFacts, settings: PoolSettings, known: Known, way: CaptureWay): DecisionInputs {
    const { name, gallery, rebooting, unfinished, nodes, canary, imagesInUse } = pool;
    const { versions = [], givenUp = [] } = pool.state.selection;
    const { node, pin } = settings.selection;
    const shown = nodes.some(joinedByKubeadm) ? "keep" : undefined;
    return {
        ...{ pool: name, ...known, gallery, node, pin, rebooting, unfinished, givenUp, way, canary, imagesInUse },
        maxHistory: settings.image.maxHistory,
        bootstrap: bootstrapOf(settings.scaleSet.bootstrap ?? shown, versions, pool.state.output.bootstrap === "keep"),
        minimumReadyNodes: settings.capture.minimumReadyNodes,
    };
}

function stopsFor(changes: ForeignChange[], { scaleSet }: PoolSettings): Pick<Forecast, "stops"> {
    const decided = scaleSet.onForeignChange === "stop" ? changes.filter(({ needsDecision }) => needsDecision) : [];
    const texts = decided.map(({ text }) => text).join("; ");
    return texts === "" ? {} : { stops: `${texts} since the last run, and kamino:onForeignChange is stop` };
}

function forecastOf(decision: Decision, pool: PoolFacts, known: Known, changes: ForeignChange[]): Forecast {
    const { chosen } = decision;
    const dead = pool.unfinished.filter(({ state, node }) => state === "dead" && node !== chosen?.node.name);
    const before = pool.state.selection.versions ?? [];
    const kept = decision.versions.map(({ version }) => version);
    const gone = before.filter(({ version }) => !includesVersion(kept, version)).map(({ version }) => version);
    const model = modelStep(decision.current, pool, known, changes);
    const how = chosen?.way.mode === "copy" ? "from a copy: the node goes on" : "in place: the node is off for minutes";
    return {
        steps: [
            ...dead.map(({ node }) => `restore node ${node}, whose capture was cut off`),
            ...(chosen
                ? [
                      `make image ${chosen.choice.version} of the OS disk of node ${chosen.node.name}, ${how}${afterCanary(pool)}`,
                  ]
                : []),
            ...model,
            ...(model.length > 0 ? newNodesStep(decision, pool) : []),
            ...gone.map((version) => `let image ${version} go (maxHistory)`),
        ],
        why: logLine(pool.name, decision, known.facts, known.facts.newest).slice(`${pool.name}: `.length),
        ...(chosen && { takes: takes(chosen.choice) }),
    };
}

/** Where the stack does not have the other pool yet, what that one has proven is not known. */
function afterCanary({ settings, canary: known }: PoolFacts): string {
    const canary = settings?.selection.canary;
    return canary === undefined || known
        ? ""
        : `, once new nodes of pool ${canary} have proven an image of that day or later`;
}

function takes({ node, version }: Choice): Forecast["takes"] {
    return { node, version, at: momentOf(version) };
}

function modelStep(current: string, pool: PoolFacts, { live }: Known, changes: ForeignChange[]): string[] {
    const { settings, state } = pool;
    const review = settings && { pool: { settings }, live: pool.live, changes };
    if (current === "" || !review || acceptedImage(review, state.output, current)) {
        return [];
    }
    if (!sameVersion(live ?? "", current)) {
        const atRest = pool.capi?.waitsFor === undefined ? "" : `, once the pool is at rest (${pool.capi.waitsFor})`;
        return [`point the model at image ${current}${atRest}`];
    }
    const undone = changes.filter((change) => change.needsDecision && change.live !== change.wanted);
    return undone.length > 0 ? [`write this stack's model again: ${undone.map(({ what }) => what).join(", ")}`] : [];
}

/** Nodes that are added once the model is written, so that the image proves itself. */
function newNodesStep({ current, versions: choices }: Decision, pool: PoolFacts): string[] {
    const { settings, scaleSet, definition: imageDefinitionId, state } = pool;
    const { newNodes, selection } = settings ?? {};
    const bump = { previous: state.output, written: current, choices, imageDefinitionId, pin: selection?.pin };
    if (!newNodes || !scaleSet || !isBump(bump)) {
        return [];
    }
    return [stepOf({ nodes: newNodes.count, maxNodes: newNodes.maximum }, scaleSet.capacity, scaleSet.tags)];
}
