// The line that says what a capture is doing at this moment. A trace of the run reads it again: how long a step took.
// Pure.
import { truncate } from "../core/text";

/** What a capture is doing, for the screen and the event log. */
export function capturingLine(pool: string, node: string, doing: string, since: string): string {
    return `${pool}: capturing node ${node}: ${doing} (${since})`;
}

/** What such a line says. */
export interface CapturingLine {
    pool: string;
    node: string;
    /** The step, without what is different from one line of it to the next: `draining`, of "draining, 3 pods to go". */
    step: string;
}

/** Longer than the program's own steps: only a message of something else is cut off by it. */
const LONGEST = 60;

/** Reads such a line; undefined for any other. */
export function parseCapturingLine(line: string): CapturingLine | undefined {
    const match = /^(\S+): capturing node (\S+): (.+) \([^()]*\)\s*$/s.exec(line);
    if (!match) {
        return undefined;
    }
    const [, pool, node, doing] = match;
    const [step] = doing.replace(/\b\d+ /g, "").split(/[,;:(]/);
    return { pool, node, step: truncate(step.trim(), LONGEST) };
}
