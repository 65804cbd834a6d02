// Folders of runs whose process is gone: one that was killed could not remove its own.
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

/** A folder this young without a process id may be of a run that is just starting. */
const YOUNG_MS = 60_000;

/** Removes the folders of runs that nobody runs any more. */
export function removeAbandonedRuns(runs: string): void {
    if (!existsSync(runs)) {
        return;
    }
    for (const name of readdirSync(runs)) {
        const directory = join(runs, name);
        if (!inUse(directory)) {
            rmSync(directory, { recursive: true, force: true });
        }
    }
}

function inUse(directory: string): boolean {
    try {
        process.kill(Number(readFileSync(join(directory, "pid"), "utf8")), 0);
        return true;
    } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "ENOENT") {
            return Date.now() - (statSync(directory, { throwIfNoEntry: false })?.mtimeMs ?? 0) < YOUNG_MS;
        }
        // Somebody else's process is a process, too.
        return code === "EPERM";
    }
}
