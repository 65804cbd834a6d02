// Doing one thing after the other.

/** Works that take turns: each begins when all that came before it have ended, well or not. */
export class Turns {
    private last: Promise<unknown> = Promise.resolve();
    private left = 0;

    /** Whether a work that came now would have to wait. */
    get busy(): boolean {
        return this.left > 0;
    }

    /** Does a work in its turn. @throws what it throws, and nothing of those before it */
    next<T>(work: () => Promise<T>): Promise<T> {
        this.left++;
        const ended = this.last.then(work).finally(() => this.left--);
        this.last = ended.catch(() => undefined);
        return ended;
    }
}
