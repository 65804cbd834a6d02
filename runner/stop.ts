// Processes of pulumi: whether one is there, and how a run that is under way is stopped so that a capture can put its node back.
import { readdirSync, readFileSync } from "node:fs";

/** A process, as far as stopping needs to know it. */
export interface Process {
    pid: number;
    parent: number;
    command: string;
}

/**
 * Stops a pulumi command gracefully, once.
 *
 * pulumi gets SIGINT: it starts nothing new, waits for what is under way, writes the state and releases its lock. What is under way
 * may be a capture, in the process of the dynamic resources; pulumi has no way to tell that one, so it gets SIGTERM
 * itself, upon which it puts its node back and reports the capture as failed.
 *
 * @param pid of the pulumi command
 */
export function stopGracefully(pid: number, processes: Process[] = runningProcesses()): void {
    signal(pid, "SIGINT");
    dynamicProvidersUnder(pid, processes).forEach((provider) => signal(provider, "SIGTERM"));
}

/** The processes of dynamic resources among the descendants of a process. */
export function dynamicProvidersUnder(ancestor: number, processes: Process[]): number[] {
    const parents = new Map(processes.map(({ pid, parent }) => [pid, parent]));
    const isUnder = (pid: number): boolean => {
        const parent = parents.get(pid);
        return parent !== undefined && parent !== pid && (parent === ancestor || isUnder(parent));
    };
    return processes
        .filter(
            ({ pid, command }) => /\bdynamic-provider\b|pulumi-resource-pulumi-nodejs/.test(command) && isUnder(pid),
        )
        .map(({ pid }) => pid);
}

/** Whether there is a process of this number, and it is pulumi's, or nobody can tell whose. */
export function isPulumi(pid: number): boolean {
    try {
        process.kill(pid, 0);
    } catch (error) {
        // EPERM: it is there, and another user's.
        if ((error as NodeJS.ErrnoException).code !== "EPERM") {
            return false;
        }
    }
    // Numbers come again, after a restart of the machine above all.
    const [found] = processOf(pid);
    return found === undefined || found.command.includes("pulumi");
}

/** All processes that this one can see, from /proc. Empty where there is none (macOS); pulumi itself is then still told. */
export function runningProcesses(): Process[] {
    try {
        return readdirSync("/proc")
            .filter((entry) => /^\d+$/.test(entry))
            .flatMap((entry) => processOf(Number(entry)));
    } catch {
        return [];
    }
}

function processOf(pid: number): Process[] {
    try {
        // "PID (NAME) STATE PARENT …", where a name may have spaces and parentheses in it.
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
        const [, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        return [
            {
                pid,
                parent: Number(parent),
                command: readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " "),
            },
        ];
    } catch {
        // It has ended in the meantime.
        return [];
    }
}

function signal(pid: number, name: NodeJS.Signals): void {
    try {
        process.kill(pid, name);
    } catch {
        // It has ended in the meantime.
    }
}
