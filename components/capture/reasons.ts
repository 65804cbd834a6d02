// Reasons that go into a longer line: short enough that what comes after them is still read.
import { oneLine } from "../errors";

/** An error in one line of at most `longest` characters. */
export function brief(error: unknown, longest: number): string {
    const line = oneLine(error);
    return line.length > longest ? `${line.slice(0, longest - 1)}…` : line;
}
