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
