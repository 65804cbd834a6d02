// Writes a file whole or not at all.
import { rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { UserError, oneLine } from "../components/core/errors";

/** Writes a file in one step: whoever reads it meanwhile has the one before or the whole new one. */
export async function replaceFile(file: string, text: string): Promise<void> {
    // A collector of metrics reads no other ending than .prom.
    const unfinished = `${file}.${process.pid}.tmp`;
    try {
        await writeFile(unfinished, text, { mode: 0o644 });
        await rename(unfinished, file);
    } finally {
        await rm(unfinished, { force: true }).catch(() => undefined);
    }
}

/**
 * Does the same for a file that a flag names.
 *
 * @param flag the command's flag that named the file, for messages
 * @throws UserError in one line
 */
export async function writeWhole(file: string, text: string, flag: string): Promise<void> {
    try {
        await replaceFile(file, text);
    } catch (error) {
        throw new UserError(`${flag}: ${file} cannot be written: ${reasonOf(error, file)}`);
    }
}

function reasonOf(error: unknown, file: string): string {
    switch ((error as NodeJS.ErrnoException).code) {
        case "ENOENT":
        case "ENOTDIR":
            return `there is no folder ${dirname(file)}`;
        case "EISDIR":
            return "it is a folder";
        case "EACCES":
        case "EPERM":
            return `writing in ${dirname(file)} is not allowed`;
        default:
            return oneLine(error);
    }
}
