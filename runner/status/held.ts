// What keeps a pool from a new image, for somebody to look at: not what ends by itself. Pure.
import { roundedDown } from "../../components/core/duration";
import type { Decision } from "../../components/selection/decide";
import { captureFailedLine, givenUpText, reasonFor } from "../../components/selection/explain";
import { needsPerson } from "../../components/selection/held";
import { isNewer, rebootedAt, type Facts } from "../../components/selection/rules";

/**
 * How long a node may fit before its patches are in no image, besides the time that it has to be Ready for. Runs are
 * daily; a canary has to get a new node first, and kured may be at work for days in a large pool.
 */
const PATIENCE_MS = 7 * 24 * 3_600_000;

/** Lines for what a person has to do, and for nodes that fit and were taken by none of many runs. */
export function heldLines(decision: Decision, facts: Facts): string[] {
    const { noChoice, givenUp } = decision;
    // The image is among those given up; unfinished captures and images in use have lines of their own.
    const isSaid = noChoice !== undefined && ["failed", "unfinished", "models"].includes(noChoice.kind);
    const mend = noChoice && needsPerson(noChoice);
    const lines = [
        ...givenUp.map((image) => givenUpText(image)),
        ...(mend && !isSaid
            ? [noChoice.kind === "captureFailed" ? captureFailedLine(noChoice) : reasonFor(noChoice, facts)]
            : []),
    ];
    // A pin is meant.
    return mend || lines.length > 0 || noChoice?.kind === "pinned" ? lines : waitingLines(decision, facts);
}

function waitingLines({ chosen, noChoice, screening }: Decision, facts: Facts): string[] {
    const waiting = (screening?.candidates ?? [])
        .filter((node) => isNewer(node, facts))
        .map((node) => ({ node: node.name, rebooted: rebootedAt(node, facts.now)?.getTime() ?? facts.now.getTime() }))
        .sort((a, b) => a.rebooted - b.rebooted || (a.node < b.node ? -1 : 1));
    if (waiting.length === 0) {
        return [];
    }
    const [{ node, rebooted }] = waiting;
    const age = facts.now.getTime() - rebooted;
    if (age <= PATIENCE_MS + facts.rules.minimumReadyTimeMs) {
        return [];
    }
    const made = facts.newest ? `the newest image is still ${facts.newest}` : "the pool has no image yet";
    const why = noChoice ? reasonFor(noChoice, facts) : chosen ? "no up has taken one of these nodes since" : "";
    return [`node ${node} was rebooted ${roundedDown(age)} ago, and ${made}${why && `: ${why}`}`];
}
