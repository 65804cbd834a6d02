// The Node processes (programs, policy packs) that the language host has running, so that none outlives it.
import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { once } from "node:events";

/**
 * In milliseconds: how long a process may take to leave after it was asked to, before it is killed: the engine itself
 * waits 5 s.
 */
const patience = 3000;

export class Children {
    private readonly running = new Set<ChildProcess>();

    /** Starts Node with these arguments; the process is ended by `end` unless it ends by itself. */
    start(args: string[], options: SpawnOptions): ChildProcess {
        const child = spawn(process.execPath, args, options);
        this.running.add(child);
        const forget = () => this.running.delete(child);
        child.once("exit", forget).once("error", forget);
        return child;
    }

    /** Ends every process still running; resolves when all are gone. */
    async end(): Promise<void> {
        await Promise.all([...this.running].map(endProcess));
    }
}

/** Asks a process to end and kills it if it does not; resolves when it is gone. */
export async function endProcess(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
        return;
    }
    const gone = once(child, "exit");
    const late = setTimeout(() => child.kill("SIGKILL"), patience);
    child.kill("SIGINT");
    await gone;
    clearTimeout(late);
}
