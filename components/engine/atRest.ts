// Waiting until a pool is at rest, to change something of it.
import { MINUTE } from "../core/duration";
import { until } from "../core/retry";
import { info } from "./progress";

/** How long a pool has to come to rest: machines are made and removed within minutes. */
export const SETTLES_WITHIN_MS = 10 * MINUTE;

/** What a try came to that has to be made again. */
export interface Waiting {
    waitsFor: string;
}

/** Whether a try has to be made again. */
export function isWaiting(outcome: unknown): outcome is Waiting {
    return typeof outcome === "object" && outcome !== null && "waitsFor" in outcome;
}

/**
 * Tries until the pool is at rest, and says what is waited for when the waiting begins.
 *
 * @param line begins what is said: `pool1: waits until the pool is at rest`
 * @returns the outcome, or what the pool still waits for when the time is up
 * @throws what `attempt` throws, and the signal's reason
 */
export async function tryAtRest<T>(
    line: string,
    signal: AbortSignal,
    attempt: () => Promise<T | Waiting>,
): Promise<T | Waiting> {
    let last: Waiting | undefined;
    const done = await until({ limit: SETTLES_WITHIN_MS, signal }, async () => {
        const outcome = await attempt();
        if (!isWaiting(outcome)) {
            return { outcome };
        }
        if (!last) {
            await info(`${line}: ${outcome.waitsFor}`);
        }
        last = outcome;
        return undefined;
    });
    return done ? done.outcome : last!;
}
