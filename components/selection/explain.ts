// The line that a person decides by: which node, patched when, Ready for how long, from which image to which, and why no other. Pure.
import { formatDuration } from "../core/duration";
import { sameVersion } from "../core/version";
import type { Decision } from "./decide";
import { REASONS, readyFor, type Facts, type Reason, type Verdict } from "./rules";

/**
 * The fresh line of a preview or an update, as of now:
 * `pool1: node NODE, patched 2026-11-22 04:12Z, ready 15h, image A → B (12 nodes: 9 not newer than the image, 2 rebooting, 1 fits)`.
 *
 * @param before the version that was current until now; empty when there was none
 */
export function freshLine(pool: string, decision: Decision, facts: Facts, before: string): string {
    const { chosen, verdict, held, current } = decision;
    const how = verdict ? ` (${counts(verdict, facts)})` : "";
    if (chosen) {
        const ready = `ready ${age(readyFor(chosen.node, facts.now))}`;
        return `${pool}: ${taken(decision, ready, before)}${how || ", as named by the configuration (node)"}`;
    }
    if (held?.kind === "pinned") {
        return `${pool}: ${lastingLine(decision, before)} by the configuration (pin)`;
    }
    const why = heldBack(decision, facts);
    const image = current ? `image ${current}${from(decision)}` : "no image yet";
    return `${pool}: unchanged, ${image}${why && `; ${why}`}${how}`;
}

/** The line that is kept in the state: what was decided, without what is different a minute later. */
export function lastingLine(decision: Decision, before: string): string {
    if (decision.chosen) {
        return taken(decision, "", before);
    }
    if (decision.held?.kind === "pinned") {
        return `pinned to image ${decision.current}`;
    }
    return decision.current ? `image ${decision.current}${from(decision)}` : "no node fits yet, so there is no image";
}

function taken({ chosen }: Decision, ready: string, before: string): string {
    const { node, version, patched, attempt } = chosen!.choice;
    const when = `patched ${patched.slice(0, 16).replace("T", " ")}Z`;
    const image = before && !sameVersion(before, version) ? `image ${before} → ${version}` : `image ${version}`;
    const again = attempt > 1 ? `attempt ${attempt}, as Azure could not make the image before` : "";
    return [`node ${node}`, when, ready, image, again].filter(Boolean).join(", ");
}

function from({ currentNode }: Decision): string {
    return currentNode && ` from node ${currentNode}`;
}

function heldBack({ held }: Decision, facts: Facts): string {
    switch (held?.kind) {
        case "tooFew":
            return `${held.fits} of the ${held.needed} nodes that minimumCandidates wants`;
        case "named":
            return held.reason
                ? `node ${held.node} is ${wording(held.reason, facts)}`
                : `node ${held.node} was not rebooted since`;
        default:
            return "";
    }
}

/** `12 nodes: 9 not newer than the image, 2 rebooting, 1 fits`: the largest number first, those that fit last. */
function counts({ total, fallen, candidates }: Verdict, facts: Facts): string {
    const order = Object.keys(REASONS);
    const parts = (Object.entries(fallen) as [Reason, number][])
        .sort(([a, m], [b, n]) => n - m || order.indexOf(a) - order.indexOf(b))
        .map(([reason, count]) => `${count} ${wording(reason, facts)}`);
    const fits = candidates.length;
    const all = [...parts, ...(fits > 0 || parts.length === 0 ? [`${fits} ${fits === 1 ? "fits" : "fit"}`] : [])];
    return `${total} ${total === 1 ? "node" : "nodes"}: ${all.join(", ")}`;
}

function wording(reason: Reason, { rules, newest }: Facts): string {
    switch (reason) {
        case "tooFresh":
            return `Ready for less than ${formatDuration(rules.minimumReadyTimeMs)}`;
        case "notNewer":
            return newest ? REASONS.notNewer : "with an old reboot annotation";
        default:
            return REASONS[reason];
    }
}

/** `45s`, `20m`, `15h`, `3d`: the largest unit that is full at least twice, since nobody decides by more. */
export function age(milliseconds: number): string {
    const seconds = Math.floor(milliseconds / 1000);
    const units: [string, number][] = [
        ["d", 86_400],
        ["h", 3600],
        ["m", 60],
    ];
    const [unit, size] = units.find(([, each]) => seconds >= 2 * each) ?? ["s", 1];
    return `${Math.floor(seconds / size)}${unit}`;
}
