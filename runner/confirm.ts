// Asks a person before something changes.
import { createInterface } from "node:readline/promises";
import { UserError } from "../components/core/errors";

/**
 * Asks for a "yes" on the terminal.
 *
 * @param stop aborted when the run is to stop; the answer is then no
 * @throws UserError when there is no terminal, or the answer is not yes
 */
export async function confirm(question: string, stop: AbortSignal): Promise<void> {
    if (!process.stdin.isTTY) {
        throw new UserError(
            "nobody can be asked here, since stdin is not a terminal; add --yes to go on without a question",
        );
    }
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    try {
        const answer = await terminal.question(`${question} [y/N] `, { signal: stop }).catch(() => "");
        if (!/^y(es)?$/i.test(answer.trim())) {
            throw new UserError("stopped before anything was changed");
        }
    } finally {
        terminal.close();
    }
}
