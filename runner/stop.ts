// Finds pulumi's processes, and stops a run so that a capture can restore its node.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { formatDuration } from "../components/core/duration";
import { STOP_AT } from "../components/engine/interruption";
import { RUN_ENVIRONMENT } from "../components/schedule/environment";

/** A process of this machine. */
export interface Process {
    pid: number;
    parent: number;
    command: string;
}

/**
 * Stops a pulumi command gracefully, once.
 *
 * Sends SIGINT to pulumi: it starts nothing new, waits for what is under way, writes the state and releases its lock. A
 * capture that is under way runs in the process of the dynamic resources, which pulumi cannot notify. So that process
 * gets SIGTERM itself; it then restores its node and reports the capture as failed.
 *
 * @param pid of the pulumi command
 */
export function stopGracefully(pid: number, processes: Process[] = runningProcesses()): void {
    signal(pid, "SIGINT");
    dynamicProvidersUnder(pid, processes).forEach((provider) => signal(provider, "SIGTERM"));
}

/** The longest time that a timer takes, in milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * Stops a scheduled run when its time is over, as SIGTERM does. Its pod then ends by itself and stays, with its log;
 * one that runs until the Job's deadline is deleted.
 *
 * @param stop is called with why, at most once
 */
export function stopInTime(env: NodeJS.ProcessEnv, stop: (why: string) => void): void {
    const milliseconds = Number(env[RUN_ENVIRONMENT.stopAfter] ?? "") * 1000;
    if (milliseconds > 0 && milliseconds <= LONGEST_TIMER) {
        const why = `the run has taken ${formatDuration(milliseconds)} (kamino:schedule.activeDeadline)`;
        env[STOP_AT] = String(Date.now() + milliseconds);
        setTimeout(() => stop(why), milliseconds).unref();
    }
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

/** Whether this process exists and may be pulumi: true also when its command cannot be read. */
export function isPulumi(pid: number): boolean {
    try {
        process.kill(pid, 0);
    } catch (error) {
        // EPERM: it exists and belongs to another user.
        if ((error as NodeJS.ErrnoException).code !== "EPERM") {
            return false;
        }
    }
    // The number may belong to another program by now, above all after a restart of the machine.
    const [found] = processOf(pid);
    return found === undefined || found.command.includes("pulumi");
}

/** The namespace of all processes of a machine: PROC_PID_INIT_INO in Linux's include/linux/proc_ns.h. */
const ALL_PROCESSES = `pid:[${0xeffffffc}]`;

/** Whether this process sees all processes of its machine: false in most containers. True without /proc (macOS). */
export function seesAllProcesses(): boolean {
    try {
        return readlinkSync("/proc/self/ns/pid") === ALL_PROCESSES;
    } catch {
        return true;
    }
}

/**
 * All processes that this one can see, from /proc. None without /proc (macOS); pulumi itself is then signalled all the
 * same.
 */
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
