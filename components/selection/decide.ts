// From facts to a decision: which node's disk becomes the next image, which version is current, what history keeps.
// Pure.
import type { Bootstrap } from "../../policies/contract";
import { failedCaptures, heldBack, type FailedCaptures } from "../capture/failedCaptures";
import type { CaptureWay } from "../capture/mode";
import { asUtc } from "../core/duration";
import { UserError } from "../core/errors";
import { compareVersions, includesVersion, momentOf, sameVersion, versionOf } from "../core/version";
import { MOST_ATTEMPTS, inOrder, prune, withAttempt, type History } from "./history";
import { isHeld, type ImageInUse } from "./models";
import type { Choice, FailedImage, GivenUp } from "./nodeSelection";
import {
    ALL_BUT_REBOOT,
    HARD_RULES,
    best,
    filterCandidates,
    firstFailure,
    isNewer,
    neededAt,
    rebootedAt,
    type Facts,
    type PoolNode,
    type Reason,
    type Screening,
} from "./rules";
import type { GalleryVersion } from "../azure/imageVersions";
import { canSpare, type MinimumNodes, type OtherNodes } from "../node/nodeList";
import { describePool, singleVmsIn } from "../core/machinesId";
import { instanceOf } from "../node/providerId";
import type { UnfinishedCapture } from "./unfinished";
import { fallback, pinned, stillFailed, usable, verdictOn, type Usable, type Verdict, type Verdicts } from "./verdict";

/** Everything a decision is made from. */
export interface DecisionInputs {
    pool: string;
    facts: Facts;
    history: History;
    gallery: GalleryVersion[];
    /** The version of this definition that the scale set's model points at, if it does. */
    live?: string;
    maxHistory: number;
    node?: string;
    pin?: string;
    /** Captures of the pool's nodes that have not ended. */
    unfinished: UnfinishedCapture[];
    /** Nodes of the cluster that kured is rebooting. */
    rebooting: string[];
    /** Which way a disk is captured. */
    way: CaptureWay;
    /** Whether new nodes still join by their own bootstrap. */
    bootstrap: Bootstrap;
    /** Setting `minimumReadyNodes`. */
    minimumReadyNodes?: MinimumNodes;
    /** Choices whose image Azure has failed to make as often as it is tried. */
    givenUp: GivenUp[];
    /** The pool that has to prove an image first, and the newest version that its new nodes have proven. */
    canary?: CanaryProof;
    /** The images that the machines of a Uniform scale set use, the oldest first. */
    imagesInUse?: ImageInUse[];
    /** Versions that must not be used, or may be whatever is known of them. */
    verdicts: Verdicts;
}

/** What a canary has shown: the newest of its versions that its new nodes have proven, if any. */
export interface CanaryProof {
    pool: string;
    proven?: string;
}

/** A decision. */
export interface Decision {
    versions: Choice[];
    /** The version that the model is to point at; empty when there is none yet. */
    current: string;
    currentNode: string;
    /** The newest version, where it must not be used and `current` is used in its place. */
    instead?: Verdict;
    /** The version that the model points at, where it must not be used. */
    left?: Verdict;
    /** The node to take in this run; undefined when nothing is to change. */
    chosen?: { node: PoolNode; choice: Choice; way: CaptureWay };
    /** How many nodes each rule has rejected; undefined where the configuration names the node or the version. */
    screening?: Screening;
    /** Why no node was taken although some may fit. */
    noChoice?: NoChoice;
    /** What the next run must not try again, unless a person asks for it. */
    givenUp: GivenUp[];
    /** Images that failed. */
    failed: FailedImage[];
}

/** Why nothing is taken, although nodes may fit. */
export type NoChoice =
    /** The configuration pins a version. */
    | { kind: "pinned" }
    /** Fewer nodes fit than `minimumCandidates` asks for. */
    | { kind: "tooFew"; fits: number; needed: number }
    /** The node that the configuration names is rejected by a rule, or is taken already. */
    | { kind: "configured"; node: string; reason?: Reason }
    /** A node of the pool carries the journal of a capture. One bad capture must not be followed by another one. */
    | { kind: "unfinished"; capture: UnfinishedCapture }
    /** The pool cannot spare one more node at this moment. */
    | ({ kind: "noSpare"; node: string } & OtherNodes)
    /** Azure has failed to make this image as often as it is tried. */
    | ({ kind: "failed" } & GivenUp)
    /** Captures in place of the node for this image have failed as often as it is taken out of service for one. */
    | { kind: "captureFailed"; node: string; named: boolean; failed: FailedCaptures }
    /** The image of the node must not be used: it was taken already, and is rejected or has failed. */
    | { kind: "notAgain"; node: string; verdict: Verdict }
    /** New machines made from the image could be of more models than Azure lets a scale set have. */
    | { kind: "models"; node: string; imagesInUse: ImageInUse[] }
    /** Another pool's new nodes have to prove an image of this day first. */
    | { kind: "canary"; node: string; canary: CanaryProof; day: string }
    /**
     * The node's disk would be cleaned in place, and that is not possible: new nodes join by their own bootstrap, or
     * the pool's VMs are single ones.
     */
    | { kind: "needsCopy"; node: string; why: string; whose?: "singleVms" };

/** Names of the nodes that could still win by what the list of nodes tells, so that their details have to be read. */
export function contenders(nodes: PoolNode[], inputs: DecisionInputs): string[] {
    const { facts, node, pin } = inputs;
    if (pin !== undefined) {
        return [];
    }
    if (node !== undefined) {
        return nodes.some(({ name }) => name === node) ? [node] : [];
    }
    const relaxed = imageIsTooOld(facts);
    const possible = nodes.filter(
        (each) => !firstFailure(each, facts) || (relaxed && !firstFailure(each, facts, ALL_BUT_REBOOT)),
    );
    return possible.map(({ name }) => name);
}

/**
 * Decides. The same facts give the same decision, and a decision that has been carried out gives none.
 *
 * @param nodes the pool's nodes, with details of those that `contenders` named
 * @throws UserError when what the configuration names (node, pin) is not there
 */
export function decide(nodes: PoolNode[], inputs: DecisionInputs): Decision {
    const { history, pin, node } = inputs;
    if (pin !== undefined) {
        return toDecision(inputs, history.built, { kind: "pinned" });
    }
    const pick = node !== undefined ? pickConfigured(nodes, node, inputs) : pickBest(nodes, inputs);
    if (!("node" in pick)) {
        const noChoice = pick.noChoice ?? unfinishedElsewhere(inputs);
        return { ...toDecision(inputs, history.built, noChoice), screening: pick.screening };
    }
    const choice = toChoice(pick.node, inputs);
    const obstacle = obstacleTo(pick.node, choice, nodes, inputs);
    if (obstacle) {
        return { ...toDecision(inputs, history.built, obstacle), screening: pick.screening };
    }
    const decision = toDecision(inputs, [...history.built, choice]);
    return { ...decision, screening: pick.screening, chosen: { node: pick.node, choice, way: inputs.way } };
}

/** What speaks against capturing this node in this run, although it is the one to take. */
function obstacleTo(node: PoolNode, choice: Choice, nodes: PoolNode[], inputs: DecisionInputs): NoChoice | undefined {
    const unfinished = unfinishedElsewhere(inputs, node.name);
    if (unfinished) {
        return unfinished;
    }
    const verdict = verdictOn(choice.version, inputs.verdicts);
    if (verdict) {
        return { kind: "notAgain", node: node.name, verdict };
    }
    if (choice.attempt > MOST_ATTEMPTS || (inputs.node === undefined && isGivenUp(choice, inputs))) {
        return { kind: "failed", node: node.name, version: choice.version };
    }
    const { canary, imagesInUse = [] } = inputs;
    if (isHeld(choice.version, imagesInUse)) {
        return { kind: "models", node: node.name, imagesInUse };
    }
    const day = dayOf(choice.version);
    if (canary && day > dayOf(canary.proven ?? "")) {
        return { kind: "canary", node: node.name, canary, day };
    }
    const { mode, why } = inputs.way;
    if (mode === "in-place" && inputs.bootstrap === "keep") {
        return { kind: "needsCopy", node: node.name, why };
    }
    if (mode === "in-place" && singleVmsIn(inputs.facts.scaleSetId) !== undefined) {
        return { kind: "needsCopy", node: node.name, why, whose: "singleVms" };
    }
    // A copy takes no node out of service.
    if (inputs.way.mode === "copy") {
        return undefined;
    }
    const named = inputs.node !== undefined;
    const failed = heldBack(failedCaptures(node.annotations), {
        named,
        rebootedSince: (version) => isNewer(node, { ...inputs.facts, newest: version }),
    });
    if (failed) {
        return { kind: "captureFailed", node: node.name, named, failed };
    }
    const ofPool = nodes.filter((each) => firstFailure(each, inputs.facts, ["elsewhere"]) === undefined);
    const { spare, ...capacity } = canSpare(ofPool, node.name, inputs.rebooting, inputs.minimumReadyNodes);
    return spare ? undefined : { kind: "noSpare", node: node.name, ...capacity };
}

/** The day in UTC of the moment that a version is named by, as `2026-11-22`; empty for any other name. */
function dayOf(version: string): string {
    return momentOf(version)?.toISOString().slice(0, 10) ?? "";
}

function isGivenUp({ version, node }: Choice, { givenUp }: DecisionInputs): boolean {
    return givenUp.some((each) => each.node === node && sameVersion(each.version, version));
}

/**
 * A capture that has not ended, other than one of this node that died: capturing the node anew begins with its
 * recovery.
 */
function unfinishedElsewhere({ unfinished }: DecisionInputs, node = ""): NoChoice | undefined {
    const capture = [...unfinished]
        .sort((a, b) => (a.node < b.node ? -1 : 1))
        .find((each) => each.node !== node || each.state !== "dead");
    return capture && { kind: "unfinished", capture };
}

type Pick = { node: PoolNode; screening?: Screening } | { noChoice?: NoChoice; screening?: Screening };

/**
 * The best of those that fulfil all rules; when they are too few and the image is too old, again without the reboot
 * rules.
 */
function pickBest(nodes: PoolNode[], { facts }: DecisionInputs): Pick {
    const strict = filterCandidates(nodes, facts);
    const needed = facts.rules.minimumCandidates;
    const relaxed = strict.candidates.length < needed && imageIsTooOld(facts);
    const screening = relaxed ? filterCandidates(nodes, facts, ALL_BUT_REBOOT) : strict;
    const fits = screening.candidates.length;
    const node = fits >= needed ? best(screening.candidates, facts) : undefined;
    return node
        ? { node, screening }
        : { noChoice: fits > 0 ? { kind: "tooFew", fits, needed } : undefined, screening };
}

/**
 * The node that the configuration names, unless the newest image is of it already, or a rule that cannot be waived
 * rejects it.
 */
function pickConfigured(nodes: PoolNode[], name: string, { pool, facts, history, gallery }: DecisionInputs): Pick {
    const node = nodes.find((each) => each.name === name);
    const at = `kamino:pools, pool "${pool}", node: "${name}"`;
    if (!node || (node.details && instanceOf(node.details.providerID, facts.scaleSetId) === undefined)) {
        throw new UserError(
            `${at} is not a node of ${describePool(facts.scaleSetId)}; check the name with kubectl get nodes`,
        );
    }
    const reason = firstFailure(node, facts, HARD_RULES);
    if (reason === "own" || reason === "controlPlane") {
        const why = reason === "own" ? "is the node that this program runs on" : "is a control plane node";
        throw new UserError(`${at} ${why}; name another one`);
    }
    const source =
        history.built.find(({ version }) => version === history.newest)?.node ??
        gallery.find(({ version }) => version === history.newest)?.node;
    if (reason || !node.details || (source === name && !isNewer(node, facts))) {
        return { noChoice: { kind: "configured", node: name, reason } };
    }
    return { node };
}

/** Whether the newest image is older than `maximumImageAge`. Without an image yet, none is too old. */
function imageIsTooOld({ rules, newest, now }: Facts): boolean {
    const made = momentOf(newest);
    return (
        made !== undefined &&
        rules.maximumImageAgeMs !== undefined &&
        now.getTime() - made.getTime() > rules.maximumImageAgeMs
    );
}

function toChoice(node: PoolNode, inputs: DecisionInputs): Choice {
    const { facts, history, gallery } = inputs;
    const again = history.pending.find(
        (choice) => choice.node === node.name && compareVersions(choice.version, facts.newest) > 0,
    );
    const moment = versionMoment(node, inputs);
    // An earlier choice of this very node stands until kured reboots the node once more.
    const version = again && !isNewer(node, { ...facts, newest: again.version }) ? again.version : versionOf(moment);
    const needed = neededAt(node, facts.now);
    const rebootNeededAt = asUtc(needed instanceof Date ? needed : (momentOf(version) ?? moment));
    const instanceId = instanceOf(node.details?.providerID ?? "", facts.scaleSetId) ?? "";
    const choice = { version, node: node.name, instanceId, rebootNeededAt, capture: inputs.way.mode };
    const bootstrap = inputs.bootstrap === "keep" && { bootstrap: inputs.bootstrap };
    const content = node.details?.content && { content: node.details.content };
    return withAttempt({ ...choice, ...bootstrap, ...content }, history.pending, gallery);
}

const MINUTE_MS = 60_000;

/**
 * The moment that a version is named by: that of the node's reboot. A node that was not rebooted since the newest image
 * (taken for its age, or named by the configuration) gets that image's moment plus whole `maximumImageAge` periods, or
 * one minute without that setting, so that preview and up agree on the name. One that stands in the gallery and is not
 * a choice of this stack's is passed over: it has failed, and another will do.
 */
function versionMoment(node: PoolNode, { facts, history, gallery }: DecisionInputs): Date {
    const { now, newest, rules } = facts;
    const reboot = rebootedAt(node, now);
    if (reboot && isNewer(node, facts)) {
        return reboot;
    }
    const base = momentOf(newest);
    if (!base) {
        // Neither an image nor a reboot: the moment at which it became Ready is at least the node's.
        return node.details?.readySince ?? now;
    }
    const step = rules.maximumImageAgeMs ?? 0;
    const steps = step > 0 ? Math.floor((now.getTime() - base.getTime()) / step) : 0;
    const taken = gallery
        .map(({ version }) => version)
        .filter((version) => !history.pending.some((choice) => sameVersion(choice.version, version)));
    let moment = new Date(base.getTime() + Math.max(steps * step, MINUTE_MS));
    while (includesVersion(taken, versionOf(moment))) {
        moment = new Date(moment.getTime() + MINUTE_MS);
    }
    return moment;
}

/** Versions of the gallery that a machine can start from; `Updating` is one that goes to further regions. */
function usableImages({ gallery, history }: DecisionInputs): string[] {
    const isUsable = ({ version, state }: GalleryVersion) =>
        state === "Succeeded" || state === "Updating" || includesVersion(history.changeFailed, version);
    return gallery.filter(isUsable).map(({ version }) => version);
}

/** What history keeps and which version is current. */
function toDecision(inputs: DecisionInputs, versions: Choice[], noChoice?: NoChoice): Decision {
    const { pin, live, gallery, maxHistory, facts, history } = inputs;
    const { pool, verdicts } = inputs;
    const { version: current, instead }: Usable =
        pin === undefined
            ? usable(pool, versions, live, verdicts)
            : { version: pinned(pool, pin, usableImages(inputs), verdicts) };
    const needed = [current, live ?? "", fallback(versions, verdicts)];
    const kept = inOrder([...prune(versions, maxHistory, needed), ...history.missing]);
    const currentNode =
        kept.find(({ version }) => sameVersion(version, current))?.node ??
        gallery.find(({ version }) => sameVersion(version, current))?.node ??
        "";
    // A newer image makes it meaningless that an older one failed.
    const before = inputs.givenUp.filter(({ version }) => compareVersions(version, facts.newest) > 0);
    const failed = noChoice?.kind === "failed" ? [{ node: noChoice.node, version: noChoice.version }] : [];
    const others = before.filter((each) => !failed.some(({ version }) => sameVersion(version, each.version)));
    return {
        ...{ versions: kept, current, currentNode, instead, noChoice, givenUp: [...others, ...failed] },
        left: live !== undefined && pin === undefined ? verdictOn(live, verdicts) : undefined,
        failed: stillFailed(verdicts.failed, kept, current),
    };
}
