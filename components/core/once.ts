// Asking once for what several pools of a run need.

/**
 * The same function, which asks once for each key. What has failed stays so: all that need it say the same.
 *
 * @param keyOf what tells arguments apart
 */
export function oncePer<A, T>(keyOf: (asked: A) => unknown, ask: (asked: A) => T): (asked: A) => T {
    const answers = new Map<unknown, T>();
    return (asked) => {
        const key = keyOf(asked);
        if (!answers.has(key)) {
            answers.set(key, ask(asked));
        }
        return answers.get(key)!;
    };
}

/** For how long an answer is as good as a new one, in milliseconds: all pools of a run are looked at within seconds. */
const FRESH_MS = 15_000;

/**
 * The same function, which asks for a key again only when the answer that it has is older than some seconds. Who asks
 * while an answer is under way gets that one, and a failure is an answer like any other.
 *
 * @param keyOf what tells arguments apart
 */
export function freshPer<A, T>(keyOf: (asked: A) => unknown, ask: (asked: A) => Promise<T>): (asked: A) => Promise<T> {
    const answers = new Map<unknown, { answer: Promise<T>; came: number }>();
    return (asked) => {
        const key = keyOf(asked);
        const known = answers.get(key);
        if (known && Date.now() < known.came + FRESH_MS) {
            return known.answer;
        }
        const asking = { answer: ask(asked), came: Infinity };
        answers.set(key, asking);
        const note = () => void (asking.came = Date.now());
        asking.answer.then(note, note);
        return asking.answer;
    };
}
