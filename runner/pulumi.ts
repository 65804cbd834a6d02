// The pulumi commands of a run: literally what a person would type, shown before they run, always with the policy pack.
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { parseEvents, summarize, type Summary } from "./events";
import type { Options } from "./options";
import { stopGracefully } from "./stop";

/** The project: where Pulumi.yaml and the policy pack are. */
export const PROJECT = join(__dirname, "..");

/** What a pulumi command came to. */
export interface Result {
    succeeded: boolean;
    /** What it printed, without colours. */
    output: string;
    summary: Summary;
}

/** Where a run's pulumi commands work. */
export interface Workplace {
    /** A folder for this run alone. */
    scratch: string;
    env: NodeJS.ProcessEnv;
    /** Aborted when the run is to stop. */
    stop: AbortSignal;
}

/** `pulumi preview` to a plan file. Takes no lock. */
export async function preview(options: Options, plan: string, place: Workplace): Promise<Result> {
    return await run(["preview", "--diff", "--save-plan", plan], options, place, false);
}

/**
 * `pulumi up` that does what the plan says or stops.
 *
 * @param again whether the plan comes from elsewhere, so that the policies are asked again before anything is changed
 */
export async function up(options: Options, plan: string, again: boolean, place: Workplace): Promise<Result> {
    return await run(["up", "--yes", "--plan", plan, ...(again ? [] : ["--skip-preview"])], options, place, true);
}

/** `pulumi cancel`: releases the locks on the stack's state. */
export async function releaseLocks(options: Options, place: Workplace): Promise<void> {
    const { exitCode, all } = await pulumi(["cancel", "--yes", ...stackFlags(options, false)], place, false);
    if (exitCode !== 0) {
        throw new Error(`the lock on the stack's state could not be released: ${all}`);
    }
}

async function run(command: string[], options: Options, place: Workplace, live: boolean): Promise<Result> {
    const log = join(place.scratch, `${command[0]}.events`);
    const policyConfig = options.policyConfig ? ["--policy-pack-config", options.policyConfig] : [];
    const flags = [...stackFlags(options), "--policy-pack", join(PROJECT, "policies"), ...policyConfig];
    const { exitCode, all } = await pulumi([...command, ...flags], place, live, log);
    const events = await readFile(log, "utf8").catch(() => "");
    await rm(log, { force: true });
    return { succeeded: exitCode === 0, output: all, summary: summarize(parseEvents(events)) };
}

function stackFlags({ stack, configFile }: Options, withConfig = true): string[] {
    return [...(stack ? ["--stack", stack] : []), ...(withConfig && configFile ? ["--config-file", configFile] : [])];
}

async function pulumi(args: string[], { env, stop }: Workplace, live: boolean, log?: string) {
    console.error(`$ pulumi ${args.map(quoted).join(" ")}`);
    const child = execa(
        "pulumi",
        [...args, "--non-interactive", "--color", "never", ...(log ? ["--event-log", log] : [])],
        {
            cwd: PROJECT,
            // Shows --event-log, a flag for programs.
            env: { ...env, PULUMI_DEBUG_COMMANDS: "true" },
            extendEnv: false,
            stdin: "ignore",
            stdout: live ? ["pipe", "inherit"] : "pipe",
            stderr: live ? ["pipe", "inherit"] : "pipe",
            all: true,
            reject: false,
            // A group of its own: Ctrl-C reaches the runner alone, and pulumi hears of it once. Twice would end it on the spot.
            detached: true,
            cleanup: false,
        },
    );
    const stopping = () => child.pid !== undefined && stopGracefully(child.pid);
    stop.addEventListener("abort", stopping, { once: true });
    if (stop.aborted) {
        stopping();
    }
    try {
        const result = await child;
        if (result.code === "ENOENT") {
            throw new Error("pulumi is not installed, or not on PATH: https://www.pulumi.com/docs/install/");
        }
        return { exitCode: result.exitCode, all: result.all ?? "" };
    } finally {
        stop.removeEventListener("abort", stopping);
    }
}

function quoted(argument: string): string {
    return /^[\w./:@=,-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
