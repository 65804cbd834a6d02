// Runs a container's own script on the folders that its pod mounts, by a real shell, and ends it when it cuts the
// machine's power.
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { V1Container, V1Pod } from "@kubernetes/client-node";
import type { Mounts } from "./volumes";

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

/**
 * Whether the sandbox runs this pod for real: a run-once pod that no controller owns, or that mounts its node's root.
 */
export function isRunForReal({ metadata, spec }: V1Pod): boolean {
    const once = spec?.restartPolicy !== "Always";
    return once && ((metadata?.ownerReferences ?? []).length === 0 || hostVolume({ spec }) !== undefined);
}

/**
 * Starts one of the pod's containers. Variables whose value is a mounted path, or below one, hold the folder on this
 * machine in its place; `HOST_ROOT` is the folder of the node's disk in pods that mount it. One whose value is the
 * container's terminationMessagePath holds a file of this container's own. A container without a shell script does
 * nothing until it is ended.
 */
export function runContainer(pod: V1Pod, container: V1Container, mounts: Mounts): RunningScript {
    const command = [...(container.command ?? []), ...(container.args ?? [])];
    const host = mounts.get(hostVolume(pod) ?? "");
    if (!SHELLS.includes(command[0])) {
        return host === undefined ? idle() : refused(command[0]);
    }
    const folder = mkdtempSync(join(tmpdir(), "kamino-container-"));
    const messageFile = join(folder, "message");
    const path = container.terminationMessagePath ?? MESSAGE_PATH;
    const variables = Object.entries(environment(container, mounts, host)).map(([name, value]) => [
        name,
        value === path ? messageFile : value,
    ]);
    const env = { ...(Object.fromEntries(variables) as Record<string, string>), PATH: `${tools(folder)}:${PATH}` };
    const script = run(["sh", ...command.slice(1)], env, host ?? folder, host);
    const ended = script.ended.then((ending) => {
        const message = existsSync(messageFile) ? readFileSync(messageFile, "utf8") : "";
        rmSync(folder, { recursive: true, force: true });
        return { ...ending, message };
    });
    return { ...script, ended };
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** `sync` would write out all that this machine has in memory, for files that are nobody's disk. */
function tools(folder: string): string {
    const bin = join(folder, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "sync"), "#!/bin/sh\nexit 0\n");
    chmodSync(join(bin, "sync"), 0o755);
    return bin;
}

function run(
    [command, ...rest]: string[],
    env: Record<string, string>,
    cwd: string,
    host: string | undefined,
): RunningScript {
    const trigger = host === undefined ? undefined : join(host, "proc", "sysrq-trigger");
    if (trigger !== undefined) {
        writeFileSync(trigger, "");
    }
    let log = "";
    const append = (chunk: Buffer) => (log = (log + chunk.toString("utf8")).slice(-LOG_LIMIT));
    // Its own group, so that what the script has started ends with it.
    const child = spawn(command, rest, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.on("data", append);
    child.stderr.on("data", append);
    const kill = (signal: "SIGTERM" | "SIGKILL") => {
        try {
            if (child.pid) {
                process.kill(-child.pid, signal);
            }
        } catch {
            // Ended in between.
        }
    };
    const ended = new Promise<Ending>((resolve) => {
        // Power goes the moment that the letter is written: nothing after it is run.
        const poll = setInterval(() => {
            if (poweredOff(trigger)) {
                kill("SIGKILL");
            }
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
function poweredOff(trigger: string | undefined): boolean {
    return trigger !== undefined && existsSync(trigger) && readFileSync(trigger, "utf8").includes("o");
}

/** The container's own variables, with mounted paths moved to their folders; nothing of this process's. */
function environment(container: V1Container, mounts: Mounts, host: string | undefined): Record<string, string> {
    const paths = (container.volumeMounts ?? []).flatMap(({ name, mountPath, subPath }) => {
        const folder = mounts.get(name);
        return folder === undefined ? [] : [{ mountPath, folder: join(folder, subPath ?? "") }];
    });
    const moved = (value: string) => {
        const mount = paths.find(({ mountPath }) => value === mountPath || value.startsWith(`${mountPath}/`));
        return mount === undefined ? value : join(mount.folder, value.slice(mount.mountPath.length));
    };
    const variables = (container.env ?? []).map(({ name, value = "" }) => [name, moved(value)] as const);
    return { ...Object.fromEntries(variables), ...(host !== undefined && { HOST_ROOT: host }) };
}

function hostVolume({ spec }: Pick<V1Pod, "spec">): string | undefined {
    return spec?.volumes?.find(({ hostPath }) => hostPath?.path === "/")?.name;
}

function refused(command = "an image's own entry point"): RunningScript {
    return {
        log: () => `the sandbox runs shell scripts only, not ${command}\n`,
        ended: Promise.resolve({ exitCode: 128, poweredOff: false, message: "" }),
        kill: () => undefined,
    };
}

function idle(): RunningScript {
    let end: (ending: Ending) => void = () => undefined;
    const ended = new Promise<Ending>((resolve) => (end = resolve));
    return { log: () => "", ended, kill: () => end({ exitCode: 143, poweredOff: false, message: "" }) };
}
