// Reasons that go into a longer line: short enough that what comes after them is still read.
import { oneLine } from "../errors";

/** What a refusal says of who asked and for which object, before it says which action or verb is missing. */
const ASIDES = [
    /The client '[^']*' with object id '[^']*' (has permission to perform action '[^']*' on scope '[^']*'; however, it )?/,
    / "[^"]*"(?= is forbidden: )|(?<= is forbidden: )User "[^"]*" /g,
];

/** An error in one line of at most `longest` characters; one that is too long loses first what a reader can do without. */
export function brief(error: unknown, longest: number): string {
    const line = oneLine(error);
    if (line.length <= longest) {
        return line;
    }
    const short = ASIDES.reduce((text, aside) => text.replace(aside, ""), line);
    return short.length > longest ? `${short.slice(0, longest - 1)}…` : short;
}
