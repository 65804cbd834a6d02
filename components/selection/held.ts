// Why a pool takes no new image: one word for metrics, a line for people, and whether a person has to do something. A
// run says it in a line of its event log, which the runner reads again. Pure.
//
// It is not kept in the state: it may change between a preview and the up that obeys its plan, and any changed input is
// a violation of the plan.
import { safeToPrint } from "../core/text";
import type { NoChoice } from "./decide";
import type { UnfinishedCapture } from "./unfinished";

/** The word for what holds a pool. A journal that no capture wrote is apart from captures that end by themselves. */
export type HeldReason = NoChoice["kind"] | "unusable";

/**
 * Whether a person has to do something before the pool takes an image again. The others end by themselves as a rule, or
 * are what the configuration says.
 */
export const NEEDS_PERSON: Record<HeldReason, boolean> = {
    pinned: false,
    configured: false,
    tooFew: false,
    noSpare: false,
    unfinished: false,
    unusable: true,
    failed: true,
    notAgain: false,
    canary: false,
    needsCopy: true,
};

/** What the metrics call a pool that nothing holds. */
export const NOT_HELD = "none";

export function heldReason(noChoice: NoChoice): HeldReason {
    return noChoice.kind === "unfinished" && isUnusable(noChoice.capture) ? "unusable" : noChoice.kind;
}

/** Whether a node carries a journal that no capture wrote, which no run clears. */
export function isUnusable({ state }: UnfinishedCapture): boolean {
    return state === "unusable";
}

/** What holds a pool, if anything does. What needs a person comes before what ends by itself. */
export function heldBy(noChoice: NoChoice | undefined, unfinished: UnfinishedCapture[]): SelectionOutcome["held"] {
    if (noChoice?.kind !== "pinned" && unfinished.some(isUnusable)) {
        return "unusable";
    }
    return noChoice ? heldReason(noChoice) : NOT_HELD;
}

export function needsPerson(noChoice: NoChoice): boolean {
    return NEEDS_PERSON[heldReason(noChoice)];
}

/** What a selection came to in this run, besides what the state keeps. */
export interface SelectionOutcome {
    pool: string;
    held: HeldReason | typeof NOT_HELD;
    /** Why no node was taken, for people; empty where one was. */
    why: string;
    /** Versions that the configuration rejects. */
    rejected: string[];
}

const BEGINNING = "kamino selection: ";

/** The line of the event log that says it. */
export function outcomeLine(outcome: SelectionOutcome): string {
    return `${BEGINNING}${JSON.stringify(outcome)}`;
}

/** Reads such a line; undefined for any other, and for one of another version. */
export function parseOutcomeLine(line: string): SelectionOutcome | undefined {
    if (!line.startsWith(BEGINNING)) {
        return undefined;
    }
    try {
        const { pool, held, why, rejected } = JSON.parse(line.slice(BEGINNING.length)) as Partial<SelectionOutcome>;
        const isWhole = typeof pool === "string" && typeof held === "string" && typeof why === "string";
        return isWhole && Array.isArray(rejected) ? { pool, held, why: safeToPrint(why), rejected } : undefined;
    } catch {
        return undefined;
    }
}
