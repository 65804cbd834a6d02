// The child process that starts and ends the cluster's programs: they end when this process does, however it ends.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** A program to run. */
export interface Program {
    name: string;
    /** Executable and arguments. */
    command: string[];
    /** File that takes what it prints. */
    log: string;
}

/** Runs programs until it is stopped. */
export interface Supervisor {
    readonly pid: number;
    start(program: Program): void;
    /**
     * Rejects with one line, the program's last words in it, when a program ends before the supervisor was stopped;
     * never resolves.
     */
    readonly failed: Promise<never>;
    /** Ends all programs, the newest first, and waits for them. */
    stop(): Promise<void>;
}

/** Starts the supervisor that `cluster supervise` is; its programs have its environment. */
export function startSupervisor(executable: string, env: NodeJS.ProcessEnv = process.env): Supervisor {
    const child = spawn(executable, ["supervise"], { stdio: ["pipe", "pipe", "inherit"], env });
    const programs = new Map<string, Program>();
    let stopping = false;
    const exited = new Promise<void>((resolve) => child.once("close", () => resolve()));
    const failed = new Promise<never>((_, reject) => {
        const fail = (reason: string) => {
            if (!stopping) {
                reject(new Error(reason));
            }
        };
        child.once("error", (error) =>
            fail(`the sandbox's cluster could not be started: ${error.message}; run make build`),
        );
        child.once("close", () => fail("the sandbox's cluster was ended by something else"));
        createInterface(child.stdout).on("line", (line) => {
            const { name, error } = JSON.parse(line) as { name: string; error: string };
            fail(`the sandbox's ${name} stopped (${error}): ${lastWords(programs.get(name)?.log)}`);
        });
    });
    failed.catch(() => undefined);
    child.stdin.on("error", () => undefined);
    return {
        pid: child.pid ?? 0,
        failed,
        start(program) {
            programs.set(program.name, program);
            child.stdin.write(`${JSON.stringify(program)}\n`);
        },
        async stop() {
            stopping = true;
            child.stdin.end();
            await exited;
        },
    };
}

/** The last line of a log that says something, for an error message. */
function lastWords(log: string | undefined): string {
    if (!log) {
        return "no log";
    }
    try {
        const lines = readFileSync(log, "utf8").trim().split("\n");
        const telling = lines.filter((line) => /error|fatal|panic|address already in use/i.test(line));
        return `${telling.at(-1) ?? lines.at(-1) ?? "it said nothing"} (${log})`;
    } catch {
        return `no log at ${log}`;
    }
}
