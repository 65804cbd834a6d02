// Processes of a run under test: finding all of them, and ending them at one moment.
import { runningProcesses } from "../../../runner/stop";

/** A process and all that descend from it. */
export function processTree(first: number): number[] {
    const processes = runningProcesses();
    const under = (ancestor: number): number[] =>
        processes.filter(({ parent }) => parent === ancestor).flatMap(({ pid }) => [pid, ...under(pid)]);
    return [first, ...under(first)];
}

/**
 * Ends a process and all that descend from it, as when their machine loses power: stopped first, so that none sees
 * another one's end.
 */
export function killAll(first: number): void {
    const all = processTree(first);
    for (const signal of ["SIGSTOP", "SIGKILL"] as const) {
        all.forEach((pid) => signalIfThere(pid, signal));
    }
}

/** Whether a process still runs; one that has ended and waits for its parent to notice does not. */
export function isRunning(pid: number): boolean {
    return runningProcesses().some((one) => one.pid === pid && one.command !== "");
}

/**
 * A child may end on its own between the look at the processes and the signal, as when its parent has just been killed.
 */
function signalIfThere(pid: number, signal: NodeJS.Signals): void {
    try {
        process.kill(pid, signal);
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") {
            throw error;
        }
    }
}
