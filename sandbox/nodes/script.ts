// Runs a container's own script on a disk's folder by a real shell, and ends it when it cuts the machine's power.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { V1Container, V1Pod } from "@kubernetes/client-node";

/** Kept of what a script prints. */
const LOG_LIMIT = 1_000_000;
const SHELLS = ["sh", "bash", "/bin/sh", "/bin/bash", "/usr/bin/sh"];
const POWER_OFF_POLL_MS = 20;

/** How a script ended: with an exit code, or because it powered its machine off. */
export interface Ending {
    exitCode: number;
    poweredOff: boolean;
    /** What it has written to the file that `terminationMessagePath` names. */
    message: string;
}

/** Where a container may leave its termination message, unless it says otherwise. */
const MESSAGE_PATH = "/dev/termination-log";

/** A script that runs. */
export interface RunningScript {
    /** What it has printed so far. */
    log(): string;
    /** Never rejects. */
    readonly ended: Promise<Ending>;
    kill(signal: "SIGTERM" | "SIGKILL"): void;
}

/** Whether this is a pod that the sandbox runs for real: one that runs once and mounts its node's root. */
export function isHostPod(pod: V1Pod): boolean {
    return pod.spec?.restartPolicy !== "Always" && hostVolumes(pod).length > 0;
}

/** Starts one of the pod's containers on the disk in this folder. `HOST_ROOT` in its environment is that folder. */
export function runOnDisk(pod: V1Pod, container: V1Container, diskDirectory: string): RunningScript {
    const [shell = "", ...rest] = [...(container.command ?? []), ...(container.args ?? [])];
    if (!SHELLS.includes(shell))
        return refused(`the sandbox runs shell scripts only, not ${shell || "an image's own entry point"}`);
    const folder = mkdtempSync(join(tmpdir(), "kamino-message-"));
    const messageFile = join(folder, "message");
    const path = container.terminationMessagePath ?? MESSAGE_PATH;
    const env = Object.entries(environment(pod, container, diskDirectory)).map(([name, value]) => [
        name,
        value === path ? messageFile : value,
    ]);
    const script = run(["sh", ...rest], Object.fromEntries(env) as Record<string, string>, diskDirectory);
    const ended = script.ended.then((ending) => {
        const message = existsSync(messageFile) ? readFileSync(messageFile, "utf8") : "";
        rmSync(folder, { recursive: true, force: true });
        return { ...ending, message };
    });
    return { ...script, ended };
}

function run([command, ...rest]: string[], env: Record<string, string>, diskDirectory: string): RunningScript {
    const trigger = join(diskDirectory, "proc", "sysrq-trigger");
    writeFileSync(trigger, "");
    let log = "";
    const append = (chunk: Buffer) => (log = (log + chunk.toString("utf8")).slice(-LOG_LIMIT));
    // A group of its own, so that what the script has started ends with it.
    const child = spawn(command, rest, { cwd: diskDirectory, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.on("data", append);
    child.stderr.on("data", append);
    const kill = (signal: "SIGTERM" | "SIGKILL") => {
        try {
            if (child.pid) process.kill(-child.pid, signal);
        } catch {
            // Ended in between.
        }
    };
    const ended = new Promise<Ending>((resolve) => {
        // Power goes the moment that the letter is written: nothing after it is run.
        const poll = setInterval(() => {
            if (poweredOff(trigger)) kill("SIGKILL");
        }, POWER_OFF_POLL_MS);
        const finish = (exitCode: number) => {
            clearInterval(poll);
            resolve({ exitCode, poweredOff: poweredOff(trigger), message: "" });
        };
        child.once("error", (error) => {
            append(Buffer.from(`${error.message}\n`));
            finish(128);
        });
        child.once("close", (code, signal) => finish(code ?? (signal === "SIGKILL" ? 137 : 143)));
    });
    return { log: () => log, ended, kill };
}

/** `o` is the letter that powers off (Linux, Documentation/admin-guide/sysrq.rst). */
function poweredOff(trigger: string): boolean {
    return existsSync(trigger) && readFileSync(trigger, "utf8").includes("o");
}

/** The container's own variables, with paths below the mounted root moved to the disk's folder; nothing of this process's. */
function environment(pod: V1Pod, container: V1Container, diskDirectory: string): Record<string, string> {
    const volumes = hostVolumes(pod);
    const mounts = (container.volumeMounts ?? [])
        .filter(({ name }) => volumes.includes(name))
        .map(({ mountPath }) => mountPath);
    const moved = (value: string) => {
        const mount = mounts.find((path) => value === path || value.startsWith(`${path}/`));
        return mount === undefined ? value : join(diskDirectory, value.slice(mount.length));
    };
    const variables = (container.env ?? []).map(({ name, value = "" }) => [name, moved(value)] as const);
    return {
        PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ...Object.fromEntries(variables),
        HOST_ROOT: diskDirectory,
    };
}

function hostVolumes(pod: V1Pod): string[] {
    return (pod.spec?.volumes ?? []).filter(({ hostPath }) => hostPath?.path === "/").map(({ name }) => name);
}

function refused(reason: string): RunningScript {
    return {
        log: () => `${reason}\n`,
        ended: Promise.resolve({ exitCode: 128, poweredOff: false, message: "" }),
        kill: () => undefined,
    };
}
