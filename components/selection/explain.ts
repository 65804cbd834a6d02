// The line that a person decides by: which node, its reboot, Ready for how long, from which image to which, and why no
// other. Pure.
import { describeWay } from "../capture/mode";
import { asMinute, formatDuration, roundedDown } from "../core/duration";
import { sameVersion } from "../core/version";
import { CUT_OFF, forgetFailedCaptures } from "../capture/failedCaptures";
import { JOURNAL } from "../capture/journal";
import { describeContent } from "./content";
import type { Decision, NoChoice } from "./decide";
import { modelsText } from "./models";
import { describeVerdict } from "./verdict";
import type { Choice, GivenUp } from "./nodeSelection";
import type { UnfinishedCapture } from "./unfinished";
import { REASONS, readyFor, rebootedAt, type Facts, type PoolNode, type Reason, type Screening } from "./rules";

/**
 * The line of a preview or an update, as of now:
 * `pool1: node NODE, reboot needed 2026-11-22 04:12Z, ready 15h, image A → B (12 nodes: 9 not newer than the image, 2
 * rebooting, 1 fits); capture by a copy: the node goes on (the cluster has disk.csi.azure.com)`.
 *
 * @param before the version that was current until now; empty when there was none
 */
export function logLine(pool: string, decision: Decision, facts: Facts, before: string): string {
    const { chosen, screening, noChoice, current } = decision;
    const how = screening ? ` (${counts(screening, facts)})` : "";
    if (chosen) {
        const ready = `ready ${roundedDown(readyFor(chosen.node, facts.now))}`;
        const named = how || ", as named by the configuration (node)";
        return `${pool}: ${taken(decision, facts, ready, before)}${named}; ${describeWay(chosen.way)}${bootstrapText(chosen.choice)}${contentText(decision, before)}`;
    }
    if (noChoice?.kind === "pinned") {
        return `${pool}: ${stateLine(decision, facts, before)} by the configuration (pin)`;
    }
    const why = noChoice ? reasonFor(noChoice, facts) : "";
    if (decision.left) {
        return `${pool}: back to ${stateLine(decision, facts, before)}${why && `; ${why}`}${how}`;
    }
    const image = current ? `image ${current}${from(decision)}` : "no image yet";
    return `${pool}: unchanged, ${image}${insteadOf(decision)}${why && `; ${why}`}${how}`;
}

function bootstrapText({ bootstrap }: Choice): string {
    return bootstrap === "keep" ? "; new nodes still join by their own bootstrap, from the patched disk" : "";
}

function contentText({ chosen, versions }: Decision, before: string): string {
    const content = chosen?.choice.content;
    const image = versions.find(({ version }) => sameVersion(version, before));
    return content ? `; ${describeContent(content, image?.content)}` : "";
}

/**
 * Why no node was taken, as the pool's line says it; empty where one was, or where the configuration pins a version.
 *
 * `1 of the 2 nodes that minimumCandidates wants (3 nodes: 2 not newer than the image, 1 fits)`
 */
export function whyNone({ chosen, screening, noChoice }: Decision, facts: Facts): string {
    if (chosen || noChoice?.kind === "pinned") {
        return "";
    }
    const how = screening ? `(${counts(screening, facts)})` : "";
    return [noChoice ? reasonFor(noChoice, facts) : "", how].filter(Boolean).join(" ");
}

/** The line that is kept in the state: what was decided, without what is different a minute later. */
export function stateLine(decision: Decision, facts: Facts, before: string): string {
    if (decision.chosen) {
        return taken(decision, facts, "", before);
    }
    if (decision.noChoice?.kind === "pinned") {
        return `pinned to image ${decision.current}`;
    }
    return decision.current
        ? `image ${decision.current}${from(decision)}${insteadOf(decision)}`
        : "no node fits yet, so there is no image";
}

function insteadOf({ instead }: Decision): string {
    return instead ? `; ${describeVerdict(instead)}` : "";
}

function taken({ chosen }: Decision, facts: Facts, ready: string, before: string): string {
    const { node, version, rebootNeededAt, attempt } = chosen!.choice;
    const needed = `reboot needed ${asMinute(rebootNeededAt)}`;
    const rebooted = rebootedAt(chosen!.node, facts.now)?.toISOString() ?? rebootNeededAt;
    // Only where the reboot has waited.
    const when = asMinute(rebooted) === asMinute(rebootNeededAt) ? "" : `rebooted ${asMinute(rebooted)}`;
    const image = before && !sameVersion(before, version) ? `image ${before} → ${version}` : `image ${version}`;
    const again = attempt > 1 ? `attempt ${attempt}, as Azure could not make the image before` : "";
    return [`node ${node}`, needed, when, ready, image, again].filter(Boolean).join(", ");
}

function from({ currentNode }: Decision): string {
    return currentNode && ` from node ${currentNode}`;
}

/** What holds the pool, and what to do about it. */
export function reasonFor(noChoice: NoChoice, facts: Facts): string {
    switch (noChoice.kind) {
        case "tooFew":
            return `${noChoice.fits} of the ${noChoice.needed} nodes that minimumCandidates wants`;
        case "configured":
            return noChoice.reason
                ? `node ${noChoice.node} is ${wording(noChoice.reason, facts)}`
                : `node ${noChoice.node} was not rebooted since`;
        case "unfinished":
            return unfinishedText(noChoice.capture);
        case "noSpare":
            return noChoice.rebooting !== undefined
                ? `node ${noChoice.node} fits, but kured is rebooting node ${noChoice.rebooting}; the next run looks again`
                : `node ${noChoice.node} fits, but ${noChoice.inService} of the ${noChoice.others} other nodes are in service, and ` +
                      `${noChoice.needed} must be (minimumReadyNodes)`;
        case "failed":
            return `node ${noChoice.node} fits, but ${givenUpText(noChoice, "it")}`;
        case "captureFailed":
            return `node ${noChoice.node} fits, but ${captureFailed(noChoice)}`;
        case "notAgain":
            return `node ${noChoice.node} fits, but ${describeVerdict(noChoice.verdict)}: a later reboot gives another one`;
        case "models":
            return `node ${noChoice.node} fits, but ${modelsText(noChoice.imagesInUse)}`;
        case "canary":
            return (
                `node ${noChoice.node} fits, but waits for pool ${noChoice.canary.pool}, none of whose new nodes has proven an image of ` +
                `${noChoice.day} or later yet (${noChoice.canary.proven ? `the newest is ${noChoice.canary.proven}` : "nor any other"})`
            );
        case "needsCopy":
            return (
                `node ${noChoice.node} fits, but ${noChoice.whose === "singleVms" ? "single VMs" : "nodes that joined by kubeadm"} cannot be cleaned in place (${noChoice.why}): set ` +
                "kamino:capture to copy, for which the cluster needs the driver disk.csi.azure.com"
            );
        case "pinned":
            return "";
    }
}

type CaptureFailed = Extract<NoChoice, { kind: "captureFailed" }>;

function captureFailed({ failed: { version, count, step } }: CaptureFailed): string {
    const last = step === CUT_OFF ? "the last one was cut off" : `the last one at step "${step}"`;
    return `${count} captures of it for image ${version} have failed after it had left service, ${last}`;
}

/** What a person has to know of a node that is not taken out of service once more. */
export function captureFailedLine(noChoice: CaptureFailed): string {
    const { node, named } = noChoice;
    const naming = named ? "" : "name the node (node) or ";
    return (
        `node ${node} is not taken out of service once more: ${captureFailed(noChoice)}; see why in the Events and reports; to try again ` +
        `${naming}run ${forgetFailedCaptures(node)}; a later reboot is tried without that`
    );
}

/** An image that is not tried again, and the way out. */
export function givenUpText({ node, version }: GivenUp, whose = `node ${node}`): string {
    return (
        `Azure has failed twice to make image ${version} of ${whose}: see the resource group's activity log; to try it again name ` +
        "the node (node), a later reboot is tried without that"
    );
}

/** A capture that has not ended, what holds the pool until then, and what to do. */
export function unfinishedText({ node, state, version }: UnfinishedCapture): string {
    const clear = `kubectl annotate node ${node} ${JOURNAL}-`;
    switch (state) {
        case "running":
            return `node ${node} is being captured for image ${version} by another run`;
        case "dead":
            return (
                `no other node is captured before node ${node} is back in service, whose capture for image ${version} was cut off: an up ` +
                `recovers it first; where it cannot, look at the node and then clear it (${clear})`
            );
        case "unusable":
            return `no node is captured while node ${node} carries a ${JOURNAL} that no capture wrote: look at the node, then ${clear}`;
    }
}

/** A node whose reboot mark outlived its reboot. kured removes the mark only while it holds its lock for that node. */
export function staleMarkLine(
    { name }: Pick<PoolNode, "name">,
    annotation: string,
    mark: string,
    readySince: Date,
): string {
    return (
        `node ${name} counts as rebooting since ${asMinute(mark)} although it became Ready at ${asMinute(readySince.toISOString())} and kured's ` +
        `lock is not held for it: unless it waits for a reboot still, remove the mark with kubectl annotate node ${name} ${annotation}-`
    );
}

/** `12 nodes: 9 not newer than the image, 2 rebooting, 1 fits`: the largest number first, those that fit last. */
function counts({ total, rejected, candidates }: Screening, facts: Facts): string {
    const order = Object.keys(REASONS);
    const parts = (Object.entries(rejected) as [Reason, number][])
        .sort(([a, m], [b, n]) => n - m || order.indexOf(a) - order.indexOf(b))
        .map(([reason, count]) => `${count} ${wording(reason, facts)}`);
    const fits = candidates.length;
    const all = [...parts, ...(fits > 0 || parts.length === 0 ? [`${fits} ${fits === 1 ? "fits" : "fit"}`] : [])];
    return `${total} ${total === 1 ? "node" : "nodes"}: ${all.join(", ")}`;
}

/** Why a rule rejects a node, in words. */
export function wording(reason: Reason, { rules, newest }: Pick<Facts, "rules" | "newest">): string {
    switch (reason) {
        case "tooFresh":
            return `Ready for less than ${formatDuration(rules.minimumReadyTimeMs)}`;
        case "notNewer":
            return newest ? REASONS.notNewer : "with an old reboot annotation";
        default:
            return REASONS[reason];
    }
}
