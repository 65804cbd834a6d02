// A separate Pulumi stack for a test or the demo: literal `pulumi` commands on a program, everything else in a run
// directory.
import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { EngineEvent } from "@pulumi/pulumi/automation";
import { execa } from "execa";
import { parse, stringify } from "yaml";
import { pulumiEnvironment } from "./environment";
import { Outcome } from "./outcome";
import { repository } from "./paths";

/** A value of a stack's configuration, as in Pulumi.<stack>.yaml. */
export type ConfigValue = string | number | boolean | ConfigValue[] | { [key: string]: ConfigValue };

export interface StackOptions {
    /** Where state, configuration and event logs go; must exist. */
    runDirectory: string;
    /** What the commands see besides Pulumi's own settings; default: this process's environment. */
    env?: NodeJS.ProcessEnv;
    /** Stack name; default `test`. Stacks of one run directory share a backend and differ by name. */
    name?: string;
    /** Folder of the program (its Pulumi.yaml); default: this repository's own. */
    program?: string;
    /** A Pulumi.<stack>.yaml whose configuration the stack starts with; the file itself stays as it is. */
    settings?: string;
    /** On top of those. Keys without a namespace are the project's own. */
    config?: Record<string, ConfigValue>;
    /** Secret configuration values, kept encrypted. */
    secrets?: Record<string, string>;
    /** What the stack's secrets are encrypted with; the sandbox's own where left out. */
    passphrase?: string;
    /**
     * Lets the commands write to this process's own terminal, for people to watch, instead of capturing what they say.
     */
    show?: boolean;
}

/** A `pulumi` command that has been started. */
export interface Running {
    /**
     * What Ctrl-C in a terminal does: SIGINT to pulumi alone, since it keeps its plugins in their own process groups.
     */
    interrupt(): void;
    /** Its process; undefined when it could not be started. */
    readonly pid: number | undefined;
    /** Ends pulumi at once, as a crash or the out-of-memory killer would: SIGKILL. */
    kill(): void;
    /** Resolves when `text` has been written to stdout or stderr; rejects when the command ends without it. */
    said(text: string): Promise<void>;
    /** Resolves when the command has ended, well or not. */
    readonly outcome: Promise<Outcome>;
}

/** Commands that would stop to ask; in a test and a demo the answer is yes. */
const asking = new Set(["up", "refresh", "destroy", "import"]);
/** Commands that tell what they do as engine events. */
const reporting = new Set(["preview", ...asking]);

export class Stack {
    readonly name: string;
    /** The stack's own Pulumi.<stack>.yaml, in the run directory. */
    readonly configFile: string;
    /** For anything else that should see the same stack, such as a shell. */
    readonly env: NodeJS.ProcessEnv;
    private readonly program: string;
    private readonly project: string;
    private readonly runDirectory: string;
    private readonly show: boolean;
    private commands = 0;

    private constructor(options: StackOptions, project: string) {
        this.name = options.name ?? "test";
        this.program = options.program ?? repository;
        this.project = project;
        this.runDirectory = options.runDirectory;
        this.show = options.show ?? false;
        this.configFile = path.join(this.runDirectory, `Pulumi.${this.name}.yaml`);
        this.env = {
            ...pulumiEnvironment(this.runDirectory, options.env ?? process.env),
            ...(options.passphrase && { PULUMI_CONFIG_PASSPHRASE: options.passphrase }),
            // Any flag may be given as PULUMI_OPTION_<FLAG>; so the commands themselves stay what a person would type.
            PULUMI_OPTION_CONFIG_FILE: this.configFile,
            PULUMI_OPTION_STACK: this.name,
        };
    }

    /** Makes an empty stack with this configuration. Takes about half a second, and as long again for each secret. */
    static async create(options: StackOptions): Promise<Stack> {
        const program = options.program ?? repository;
        const { name } = parse(await fs.readFile(path.join(program, "Pulumi.yaml"), "utf8")) as { name: string };
        const stack = new Stack(options, name);
        // `stack init` writes Pulumi.<stack>.yaml beside Pulumi.yaml. Beside this one it is out of everyone's way.
        await fs.writeFile(path.join(stack.runDirectory, "Pulumi.yaml"), stringify({ name, runtime: "nodejs" }));
        await stack.ask(["stack", "init", "--no-select"], stack.runDirectory);
        await stack.configure({ ...(await configIn(options.settings)), ...options.config });
        for (const [key, value] of Object.entries(options.secrets ?? {})) {
            await stack.ask(["config", "set", "--secret", key, value]);
        }
        return stack;
    }

    /** Sets configuration keys; a key given as undefined is taken away. */
    async configure(values: Record<string, ConfigValue | undefined>): Promise<void> {
        const text = await fs.readFile(this.configFile, "utf8");
        const file = parse(text) as { config?: Record<string, unknown> };
        const config = new Map(Object.entries(file.config ?? {}));
        for (const [key, value] of Object.entries(values)) {
            const full = key.includes(":") ? key : `${this.project}:${key}`;
            if (value === undefined) {
                config.delete(full);
            } else {
                config.set(full, value);
            }
        }
        await fs.writeFile(this.configFile, stringify({ ...file, config: Object.fromEntries(config) }));
    }

    preview(...flags: string[]): Promise<Outcome> {
        return this.start("preview", ...flags).outcome;
    }
    up(...flags: string[]): Promise<Outcome> {
        return this.start("up", ...flags).outcome;
    }
    refresh(...flags: string[]): Promise<Outcome> {
        return this.start("refresh", ...flags).outcome;
    }
    destroy(...flags: string[]): Promise<Outcome> {
        return this.start("destroy", ...flags).outcome;
    }

    /** Any other command, such as `run("stack", "export")`. */
    run(...command: string[]): Promise<Outcome> {
        return this.start(...command).outcome;
    }

    /** The stack's outputs, secrets included. */
    async outputs<T = Record<string, unknown>>(): Promise<T> {
        return JSON.parse(await this.ask(["stack", "output", "--json", "--show-secrets"])) as T;
    }

    /** The resources in the stack's state, as `pulumi stack export` gives them. */
    async resources(): Promise<StateResource[]> {
        const exported = JSON.parse(await this.ask(["stack", "export"])) as Deployment;
        return exported.deployment.resources ?? [];
    }

    /**
     * Starts `pulumi <command>` in the program's folder; for what the other methods do not wait for, such as an
     * interrupt.
     */
    start(...command: string[]): Running {
        const [verb] = command;
        const log = reporting.has(verb)
            ? path.join(this.runDirectory, `events-${this.name}-${++this.commands}.jsonl`)
            : undefined;
        const args = [...command, ...(asking.has(verb) ? ["--yes"] : []), ...(log ? ["--event-log", log] : [])];
        const began = Date.now();
        const child = this.spawn(args, this.program);
        const outcome = child.then(
            async (result) =>
                new Outcome({
                    command: ["pulumi", ...command].join(" "),
                    exitCode: result.exitCode ?? -1,
                    stdout: result.stdout ?? "",
                    stderr: result.stderr ?? "",
                    output: result.all ?? "",
                    events: log ? await readEvents(log) : [],
                    seconds: (Date.now() - began) / 1000,
                }),
        );
        return {
            pid: child.pid,
            interrupt: () => void child.kill("SIGINT"),
            kill: () => void child.kill("SIGKILL"),
            said: (text) => saidBy(child, text),
            outcome,
        };
    }

    /** A command that is not part of what is tried: a failure is an Error with what it said. */
    private async ask(args: string[], directory = this.program): Promise<string> {
        const result = await this.spawn(args, directory, false);
        if (result.exitCode !== 0) {
            throw new Error(`pulumi ${args.join(" ")}: ${result.all}`);
        }
        return result.stdout ?? "";
    }

    private spawn(args: string[], cwd: string, show = this.show) {
        return execa("pulumi", args, {
            cwd,
            env: {
                ...this.env,
                // Shows `--event-log`, a flag for machines.
                PULUMI_DEBUG_COMMANDS: "true",
                ...(show ? {} : { PULUMI_OPTION_NON_INTERACTIVE: "true", PULUMI_OPTION_COLOR: "never" }),
            },
            extendEnv: false,
            reject: false,
            all: true,
            stdin: show ? "inherit" : "ignore",
            stdout: show ? "inherit" : "pipe",
            stderr: show ? "inherit" : "pipe",
        });
    }
}

/** A resource in a stack's state, as far as tests look. */
export interface StateResource {
    urn: string;
    type: string;
    id?: string;
    protect?: boolean;
    retainOnDelete?: boolean;
    inputs?: Record<string, unknown>;
    outputs?: Record<string, unknown>;
}

interface Deployment {
    deployment: { resources?: StateResource[] };
}

async function configIn(settings: string | undefined): Promise<Record<string, ConfigValue>> {
    const text = settings === undefined ? "{}" : await fs.readFile(settings, "utf8");
    return (parse(text) as { config?: Record<string, ConfigValue> }).config ?? {};
}

async function readEvents(file: string): Promise<EngineEvent[]> {
    // Not there when the command ended before the engine had started.
    const text = await fs.readFile(file, "utf8").catch(() => "");
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    return lines.map((line) => JSON.parse(line) as EngineEvent);
}

/** Resolves when the process has written `text`; rejects when it ends before. */
function saidBy(
    child: { all?: NodeJS.ReadableStream | null; once(event: "exit", f: () => void): unknown },
    text: string,
) {
    return new Promise<void>((resolve, reject) => {
        let heard = "";
        child.all?.on("data", (chunk: Buffer | string) => {
            heard += chunk.toString();
            if (heard.includes(text)) {
                resolve();
            }
        });
        child.once("exit", () =>
            setImmediate(() => reject(new Error(`pulumi ended without saying "${text}":\n${heard}`))),
        );
    });
}
