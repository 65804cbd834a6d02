// Waiting for things to come true, with bounds, and trying again what may fail for a moment.
import { setTimeout as sleep } from "node:timers/promises";
import { UserError, isUnanswered, oneLine, statusOf } from "./errors";

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;
/** A longest pause where a look costs little and every second counts. */
export const SHORT_PAUSE_MS = 1000;

/** How to wait. */
export interface Patience {
    /** Longest time to wait, in milliseconds. */
    limit: number;
    /** Ends the waiting early: the run was interrupted. */
    signal?: AbortSignal;
    /** Longest pause between two looks, in milliseconds; 5 seconds if left out. */
    longestPause?: number;
}

/**
 * Probes again and again, at first quickly and then with the longest pause, until there is an answer.
 *
 * @returns the first answer that is not undefined, or undefined when the limit has passed without one
 * @throws what `probe` throws, and the signal's reason
 */
export async function until<T>(
    { limit, signal, longestPause = LONGEST_PAUSE_MS }: Patience,
    probe: () => Promise<T | undefined>,
): Promise<T | undefined> {
    const end = Date.now() + limit;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 1.5, longestPause)) {
        signal?.throwIfAborted();
        const answer = await probe();
        if (answer !== undefined || Date.now() >= end) {
            return answer;
        }
        await rest(Math.min(pause, Math.max(end - Date.now(), 0)), signal);
    }
}

/** Why work under a signal failed. Once it was aborted the libraries say only that, and not by what. */
export function reasonUnder(signal: AbortSignal, error: unknown): unknown {
    return signal.aborted ? signal.reason : error;
}

/** Sleeps, and throws the signal's reason as soon as it is aborted. */
export async function rest(milliseconds: number, signal?: AbortSignal): Promise<void> {
    await sleep(milliseconds, undefined, { signal }).catch(() => signal?.throwIfAborted());
}

/**
 * Waits for work at most this long. Work that takes longer goes on, and nobody hears of it any more.
 *
 * @throws what the work fails with, or a UserError with this message
 */
export async function within<T>(milliseconds: number, work: Promise<T>, message: string): Promise<T> {
    const waiting = new AbortController();
    const late = sleep(milliseconds, undefined, { signal: waiting.signal }).then(() => {
        throw new UserError(message);
    });
    try {
        return await Promise.race([work, late]);
    } finally {
        // A timer that is left would keep the process alive.
        waiting.abort();
    }
}

const ATTEMPTS = 6;
/** A request that nobody answers takes a minute each time. */
const ATTEMPTS_UNANSWERED = 2;

/**
 * Does something that may fail for a moment: lost connections, requests that are not answered, throttling and server
 * errors are tried again for about half a minute; of requests that are not answered, one. A refusal is not.
 */
export async function withRetries<T>(action: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    let unanswered = 0;
    for (let attempt = 1; ; attempt++) {
        try {
            return await action();
        } catch (error) {
            unanswered += isUnanswered(error) ? 1 : 0;
            if (attempt === ATTEMPTS || unanswered === ATTEMPTS_UNANSWERED || !isPassing(error)) {
                throw error;
            }
            await rest(Math.min(500 * 2 ** attempt, 10_000), signal);
        }
    }
}

/** Whether the same call may well work a moment later. */
function isPassing(error: unknown): boolean {
    const status = statusOf(error);
    if (status !== undefined) {
        return status === 429 || status >= 500;
    }
    // Of the Azure SDK (which has tried again by itself) and the Kubernetes client: no answer at all. A UserError is a
    // verdict.
    return (
        isUnanswered(error) ||
        (!(error instanceof UserError) && /cannot be reached|ECONN|ETIMEDOUT|socket hang up/.test(oneLine(error)))
    );
}

/**
 * Waits for all of some work that goes on side by side, also where one fails: what follows must not meet what goes on.
 *
 * @throws what the first of them, in this order, has failed with
 */
export async function allEnded(...works: Promise<unknown>[]): Promise<void> {
    await Promise.allSettled(works);
    await Promise.all(works);
}
