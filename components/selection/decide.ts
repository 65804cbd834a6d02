// From facts to a decision: which node's disk becomes the next image, which version is current, what history keeps. Pure.
import { UserError } from "../core/errors";
import { compareVersions, momentOf, sameVersion, versionOf } from "../core/version";
import { prune, withAttempt, type History } from "./history";
import type { Choice } from "./nodeSelection";
import {
    ALL_BUT_REBOOT,
    HARD_RULES,
    best,
    firstFailure,
    judge,
    rebootOf,
    type Facts,
    type PoolNode,
    type Reason,
    type Verdict,
} from "./rules";
import type { GalleryVersion } from "../azure/imageVersions";
import { instanceOf } from "../node/providerId";

/** Everything a decision is made from. */
export interface Question {
    pool: string;
    facts: Facts;
    history: History;
    gallery: GalleryVersion[];
    /** The version of this definition that the scale set's model points at, if it does. */
    live?: string;
    maxHistory: number;
    node?: string;
    pin?: string;
}

/** A decision. */
export interface Decision {
    versions: Choice[];
    /** The version that the model is to point at; empty when there is none yet. */
    current: string;
    currentNode: string;
    /** The node to take in this run; undefined when nothing is to change. */
    chosen?: { node: PoolNode; choice: Choice };
    /** How the nodes fared under the rules; undefined where the configuration names the node or the version. */
    verdict?: Verdict;
    /** Why no node was taken although some may fit. */
    held?: Held;
}

/** Why nothing is taken: a version is pinned, too few nodes fit, or the node named outright falls to a rule or is taken already. */
export type Held =
    | { kind: "pinned" }
    | { kind: "tooFew"; fits: number; needed: number }
    | { kind: "named"; node: string; reason?: Reason };

/** Names of the nodes that could still win by their metadata, so that their details have to be read. */
export function undecided(nodes: PoolNode[], question: Question): string[] {
    const { facts, node, pin } = question;
    if (pin !== undefined) {
        return [];
    }
    if (node !== undefined) {
        return nodes.some(({ name }) => name === node) ? [node] : [];
    }
    const wide = imageIsTooOld(facts);
    const asked = nodes.filter(
        (each) => !firstFailure(each, facts) || (wide && !firstFailure(each, facts, ALL_BUT_REBOOT)),
    );
    return asked.map(({ name }) => name);
}

/**
 * Decides. The same facts give the same decision, and a decision that has been carried out gives none.
 *
 * @param nodes the pool's nodes, with details of those that `undecided` named
 * @throws UserError when what the configuration names (node, pin) is not there
 */
export function decide(nodes: PoolNode[], question: Question): Decision {
    const { history, pin, node } = question;
    if (pin !== undefined) {
        return conclude(question, history.built, { kind: "pinned" });
    }
    const pick = node !== undefined ? named(nodes, node, question) : elected(nodes, question);
    if (!("node" in pick)) {
        return { ...conclude(question, history.built, pick.held), verdict: pick.verdict };
    }
    const choice = toChoice(pick.node, question);
    const decision = conclude(question, [...history.built, choice]);
    return { ...decision, verdict: pick.verdict, chosen: { node: pick.node, choice } };
}

type Pick = { node: PoolNode; verdict?: Verdict } | { held?: Held; verdict?: Verdict };

/** The best of those that fulfil all rules; when they are too few and the image is too old, again without the reboot rules. */
function elected(nodes: PoolNode[], { facts }: Question): Pick {
    const strict = judge(nodes, facts);
    const needed = facts.rules.minimumCandidates;
    const wide = strict.candidates.length < needed && imageIsTooOld(facts);
    const verdict = wide ? judge(nodes, facts, ALL_BUT_REBOOT) : strict;
    const fits = verdict.candidates.length;
    const node = fits >= needed ? best(verdict.candidates, facts) : undefined;
    return node ? { node, verdict } : { held: fits > 0 ? { kind: "tooFew", fits, needed } : undefined, verdict };
}

/** The node that the configuration names, unless the newest image is its already, or it falls to a rule that cannot be wished away. */
function named(nodes: PoolNode[], name: string, { pool, facts, history, gallery }: Question): Pick {
    const node = nodes.find((each) => each.name === name);
    const at = `kamino:pools, pool "${pool}", node: "${name}"`;
    if (!node || (node.details && instanceOf(node.details.providerID, facts.scaleSetId) === undefined)) {
        throw new UserError(
            `${at} is no node of scale set ${facts.scaleSetId.split("/").at(-1)}; check the name with kubectl get nodes`,
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
        return { held: { kind: "named", node: name, reason } };
    }
    return { node };
}

function isNewer(node: PoolNode, { now, newest }: Facts): boolean {
    const reboot = rebootOf(node, now);
    return reboot instanceof Date && compareVersions(versionOf(reboot), newest) > 0;
}

/** Whether the newest image is older than `maximumImageAge`. Where there is no image yet, there is none too old. */
function imageIsTooOld({ rules, newest, now }: Facts): boolean {
    const made = momentOf(newest);
    return (
        made !== undefined &&
        rules.maximumImageAgeMs !== undefined &&
        now.getTime() - made.getTime() > rules.maximumImageAgeMs
    );
}

function toChoice(node: PoolNode, question: Question): Choice {
    const { facts, history, gallery } = question;
    const again = history.open.find(
        (choice) => choice.node === node.name && compareVersions(choice.version, facts.newest) > 0,
    );
    const moment = momentFor(node, facts);
    // An earlier choice of this very node stands, so long as kured has not rebooted the node since.
    const version = again && !isNewer(node, { ...facts, newest: again.version }) ? again.version : versionOf(moment);
    const reboot = rebootOf(node, facts.now);
    const patched = (reboot instanceof Date ? reboot : (momentOf(version) ?? moment))
        .toISOString()
        .replace(/\.\d+Z$/, "Z");
    const instanceId = instanceOf(node.details?.providerID ?? "", facts.scaleSetId) ?? "";
    return withAttempt({ version, node: node.name, instanceId, patched }, history.open, gallery);
}

const MINUTE_MS = 60_000;

/**
 * The moment that names the version of a node: that of its reboot. A node that was not rebooted since the newest image (taken for
 * its age, or named outright) gets the latest moment that is a whole number of `maximumImageAge` after it, so that preview and up
 * agree on the name; without that setting, the minute after.
 */
function momentFor(node: PoolNode, facts: Facts): Date {
    const { now, newest, rules } = facts;
    const reboot = rebootOf(node, now);
    if (reboot instanceof Date && isNewer(node, facts)) {
        return reboot;
    }
    const base = momentOf(newest);
    if (!base) {
        // No image and no reboot: it became Ready at a moment of its own at least.
        return node.details?.readySince ?? now;
    }
    const step = rules.maximumImageAgeMs ?? 0;
    const steps = step > 0 ? Math.floor((now.getTime() - base.getTime()) / step) : 0;
    return new Date(base.getTime() + Math.max(steps * step, MINUTE_MS));
}

/** What history keeps and which version is current. */
function conclude(question: Question, versions: Choice[], held?: Held): Decision {
    const { pin, live, gallery, maxHistory } = question;
    const current = pin === undefined ? newestOf(versions, live) : pinned(question, pin);
    const kept = prune(versions, maxHistory, [current, live ?? ""]);
    const currentNode =
        kept.find(({ version }) => sameVersion(version, current))?.node ??
        gallery.find(({ version }) => sameVersion(version, current))?.node ??
        "";
    return { versions: kept, current, currentNode, held };
}

/** The newest of this stack's versions; a newer one that the model points at already is not gone back from. */
function newestOf(versions: Choice[], live: string | undefined): string {
    const all = [...versions.map(({ version }) => version), ...(live === undefined ? [] : [live])];
    return all.sort(compareVersions).at(-1) ?? "";
}

/** The pinned version, by the gallery's own spelling. */
function pinned({ pool, gallery }: Question, pin: string): string {
    // "Updating" is a version that is being replicated to further regions; it can be used.
    const usable = gallery.filter(({ state }) => state === "Succeeded" || state === "Updating");
    const found = usable.find(({ version }) => sameVersion(version, pin));
    if (!found) {
        const there = usable.map(({ version }) => version);
        throw new UserError(
            `kamino:pools, pool "${pool}", pin: there is no image version ${pin} in the gallery; there is ${there.sort(compareVersions).join(", ") || "none yet"}`,
        );
    }
    return found.version;
}
