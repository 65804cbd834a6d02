// Looks for text in all bytes of a disk's file, whether a file system still refers to them or not.
import { open } from "node:fs/promises";

const CHUNK = 8 * 1024 * 1024;
const NOTHING = Buffer.alloc(CHUNK);
const CONTEXT = 60;

/** A place where a text was found. */
export interface Occurrence {
    /** Name of the text. */
    name: string;
    /** In bytes from the disk's beginning. */
    offset: number;
    /** What stands around it, as far as it is printable. */
    context: string;
}

/**
 * Searches a file for texts.
 *
 * @param texts by their names, each shorter than a few thousand bytes
 * @param most occurrences of each text that are returned
 */
export async function search(file: string, texts: Record<string, string>, most = 20): Promise<Occurrence[]> {
    const found: Occurrence[] = [];
    const overlap = Math.max(...Object.values(texts).map(({ length }) => length)) + CONTEXT;
    const handle = await open(file);
    try {
        const { size } = await handle.stat();
        let tail = Buffer.alloc(0);
        for (let position = 0; position < size; position += CHUNK) {
            const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK, position);
            const chunk = buffer.subarray(0, bytesRead);
            // Most of a disk is empty.
            if (chunk.equals(NOTHING.subarray(0, bytesRead))) {
                tail = Buffer.alloc(0);
                continue;
            }
            const window = Buffer.concat([tail, chunk]);
            found.push(...searchWindow(window, texts, { begin: position - tail.length, known: tail.length }));
            tail = Buffer.from(chunk.subarray(-overlap));
        }
    } finally {
        await handle.close();
    }
    return Object.keys(texts).flatMap((name) => found.filter((one) => one.name === name).slice(0, most));
}

/** What begins in the part that was searched before, and was whole there, is not found again. */
function searchWindow(
    window: Buffer,
    texts: Record<string, string>,
    { begin, known }: { begin: number; known: number },
): Occurrence[] {
    return Object.entries(texts).flatMap(([name, text]) => {
        const places: Occurrence[] = [];
        for (let at = window.indexOf(text); at >= 0; at = window.indexOf(text, at + text.length)) {
            if (at + text.length > known) {
                const around = window.subarray(Math.max(0, at - CONTEXT), at + text.length + CONTEXT);
                const context = around.toString("latin1").replace(/[^ -~]+/g, "·");
                places.push({ name, offset: begin + at, context });
            }
        }
        return places;
    });
}
