// Runs pulumi as a person would type it, and shows each command first. The policy pack is always on.
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { UserError, oneLine } from "../components/core/errors";
import { PROJECT } from "../components/core/project";
import { safeToPrint } from "../components/core/text";
import { withStartup } from "../components/engine/nodeOptions";
import { parseEvents, summarize, type Summary } from "./events";
import type { Options } from "./options";
import { stopGracefully } from "./stop";
import { phaseOf, type Phase } from "./timeline";

/** The result of a pulumi command. */
export interface Result {
    succeeded: boolean;
    /** What it printed, without colours. */
    output: string;
    summary: Summary;
}

/** What the pulumi commands of a run share. */
export interface RunContext {
    /** A folder for this run alone. */
    scratch: string;
    env: NodeJS.ProcessEnv;
    /** Aborted when the run is to stop. */
    stop: AbortSignal;
    /** Where previews and updates are recorded, if the run is observed. */
    phases?: Phase[];
}

/** `pulumi preview` to a plan file. It locks nothing. */
export async function preview(options: Options, plan: string, context: RunContext): Promise<Result> {
    return await run(["preview", "--diff", "--save-plan", plan], options, context, false);
}

/**
 * How many resources an update works on at once. They wait for Azure, as long as an hour for each pool's image, and a
 * pool must not wait for those of others. Pulumi's own number is 4 for each core of this machine.
 */
const AT_ONCE = "64";

/** The flag for it, unless the environment says another number, as it can to Pulumi itself. */
export function parallelFlags({ PULUMI_PARALLEL, PULUMI_OPTION_PARALLEL }: NodeJS.ProcessEnv): string[] {
    return PULUMI_PARALLEL || PULUMI_OPTION_PARALLEL ? [] : ["--parallel", AT_ONCE];
}

/**
 * `pulumi up` that does what the plan says or stops.
 *
 * @param again whether the plan comes from elsewhere, so that the policies are checked again before anything changes
 */
export async function up(options: Options, plan: string, again: boolean, context: RunContext): Promise<Result> {
    const flags = [...(again ? [] : ["--skip-preview"]), ...parallelFlags(context.env)];
    return await run(["up", "--yes", "--plan", plan, ...flags], options, context, true);
}

/**
 * Variables by which pulumi would carry out a part of a stack: its own flags, which the runner does not have, as
 * PULUMI_OPTION_FLAG, and the switch to go on after an error.
 */
const PARTS = ["TARGET", "EXCLUDE", "REPLACE", "CONTINUE_ON_ERROR"];

/** An environment without what would have pulumi carry out a part of a stack. */
export function forWholeStacks(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    const isOfPart = (name: string) =>
        name === "PULUMI_CONTINUE_ON_ERROR" || PARTS.some((part) => name.startsWith(`PULUMI_OPTION_${part}`));
    return Object.fromEntries(Object.entries(env).filter(([name]) => !isOfPart(name.toUpperCase())));
}

/** `pulumi cancel`: removes the locks on the stack's state. */
export async function cancelLocks(options: Options, context: RunContext): Promise<void> {
    const { exitCode, all } = await pulumi(["cancel", "--yes", ...stackFlags(options, false)], context, false);
    if (exitCode !== 0) {
        throw new Error(`the lock on the stack's state could not be cancelled: ${all}`);
    }
}

/** The name of the stack that Pulumi has selected. */
export async function selectedStack(context: RunContext): Promise<string> {
    const { exitCode, all } = await pulumi(["stack", "--show-name"], context, false);
    if (exitCode !== 0) {
        throw new UserError("no stack is selected; name one with --stack, or run pulumi stack select");
    }
    return all.trim().split("/").at(-1) ?? "";
}

/** The image versions that the stack keeps for each pool, from its last outputs; none before the first `up`. */
export async function imageVersions(stack: string, context: RunContext): Promise<Record<string, string[]>> {
    const pools = await outputPools<{ version?: string; versions?: string[] }>(stack, context);
    return Object.fromEntries(
        // Outputs of earlier versions of this program have only the one that the model points at.
        Object.entries(pools ?? {}).map(([name, { version, versions }]) => [
            name,
            versions ?? (version ? [version] : []),
        ]),
    );
}

/** What the stack's last outputs say of its pools, by name; undefined before the first `up`. */
async function outputPools<T>(stack: string, context: RunContext): Promise<Record<string, T> | undefined> {
    const { exitCode, stdout } = await pulumi(["stack", "output", "pools", "--json", "--stack", stack], context, false);
    return exitCode === 0 ? (JSON.parse(stdout) as Record<string, T>) : undefined;
}

/** A resource as a stack's state has it, as far as it is read here. */
export interface StateResource {
    urn: string;
    type: string;
    id?: string;
    parent?: string;
    /** When the engine had made it, RFC 3339. */
    created?: string;
    outputs?: Record<string, unknown>;
}

/**
 * The resources of the stack's state, secrets encrypted.
 *
 * @param stack the one that Pulumi has selected if left out
 * @throws UserError in one line
 */
export async function stateOf(stack: string | undefined, context: RunContext): Promise<StateResource[]> {
    const { exitCode, all, stdout } = await pulumi(["stack", "export", ...stackFlags({ stack })], context, false);
    if (exitCode !== 0) {
        throw new UserError(`the stack's state cannot be read: ${oneLine(new Error(all))}`);
    }
    return (JSON.parse(stdout) as { deployment?: { resources?: StateResource[] } }).deployment?.resources ?? [];
}

/**
 * The stack's configuration, by its full keys, secrets in plain text: never to be shown.
 *
 * @throws UserError in one line
 */
export async function configuration(
    stack: string,
    configFile: string | undefined,
    context: RunContext,
): Promise<Record<string, string | undefined>> {
    const args = ["config", "--json", "--show-secrets", ...stackFlags({ stack, configFile })];
    const { exitCode, all, stdout } = await pulumi(args, context, false);
    if (exitCode !== 0) {
        throw new UserError(`the stack's configuration cannot be read: ${oneLine(new Error(all))}`);
    }
    const values = JSON.parse(stdout) as Record<string, { value?: string }>;
    return Object.fromEntries(Object.entries(values).map(([key, { value }]) => [key, value]));
}

async function run(
    command: [Phase["name"], ...string[]],
    options: Options,
    context: RunContext,
    live: boolean,
): Promise<Result> {
    const [name] = command;
    const log = join(context.scratch, `${name}.events`);
    const startedAt = Date.now();
    const policyConfig = options.policyConfig ? ["--policy-pack-config", options.policyConfig] : [];
    const flags = [...stackFlags(options), "--policy-pack", join(PROJECT, "policies"), ...policyConfig];
    const { exitCode, all } = await pulumi([...command, ...flags], context, live, log);
    const events = parseEvents(await readFile(log, "utf8").catch(() => ""));
    await rm(log, { force: true });
    const [succeeded, summary] = [exitCode === 0, summarize(events)];
    context.phases?.push(phaseOf({ name, startedAt, endedAt: Date.now(), succeeded, summary }, events));
    return { succeeded, output: all, summary };
}

function stackFlags({ stack, configFile }: Pick<Options, "stack" | "configFile">, withConfig = true): string[] {
    return [...(stack ? ["--stack", stack] : []), ...(withConfig && configFile ? ["--config-file", configFile] : [])];
}

async function pulumi(args: string[], { env, stop }: RunContext, live: boolean, log?: string) {
    console.error(`$ pulumi ${args.map(quoted).join(" ")}`);
    const child = execa(
        "pulumi",
        [...args, "--non-interactive", "--color", "never", ...(log ? ["--event-log", log] : [])],
        {
            cwd: PROJECT,
            // Enables --event-log, a flag for programs.
            env: { ...withStartup(forWholeStacks(env)), PULUMI_DEBUG_COMMANDS: "true" },
            extendEnv: false,
            stdin: "ignore",
            stdout: live ? ["pipe", shown, "inherit"] : "pipe",
            stderr: live ? ["pipe", shown, "inherit"] : "pipe",
            all: true,
            reject: false,
            // In its own process group: Ctrl-C reaches the runner alone, and pulumi gets one signal. A second one would
            // kill it.
            detached: true,
            cleanup: false,
        },
    );
    const stopNow = () => child.pid !== undefined && stopGracefully(child.pid);
    stop.addEventListener("abort", stopNow, { once: true });
    if (stop.aborted) {
        stopNow();
    }
    try {
        const result = await child;
        if (result.code === "ENOENT") {
            throw new Error("pulumi is not installed, or not on PATH: https://www.pulumi.com/docs/install/");
        }
        return { exitCode: result.exitCode, all: result.all ?? "", stdout: String(result.stdout ?? "") };
    } finally {
        stop.removeEventListener("abort", stopNow);
    }
}

/** A line of pulumi's output as it is shown: values of the model and lines about nodes are in it. */
function* shown(line: unknown) {
    yield safeToPrint(String(line));
}

function quoted(argument: string): string {
    return /^[\w./:@=,-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
