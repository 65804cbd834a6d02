// What the language host runs: the Node command lines and environments for a Pulumi program and for a plugin.
import { createRequire } from "node:module";
import * as path from "node:path";
import { parseArgsStringToArgv } from "string-argv";

/** Options under `runtime.options` in Pulumi.yaml, PulumiPolicy.yaml and PulumiPlugin.yaml that this host knows. */
export interface RuntimeOptions {
    /** False leaves TypeScript to whatever `nodeargs` load; true (the default) has ts-node compile it. */
    typescript: boolean;
    /** Arguments for Node itself, ahead of the program. */
    nodeargs: string[];
    /** tsconfig.json for ts-node, relative to the program. */
    tsconfig?: string;
}

export interface Command {
    args: string[];
    cwd: string;
    env: NodeJS.ProcessEnv;
}

/** What Run is asked for, named as in the engine's RunRequest. */
export interface ProgramRun {
    project: string;
    stack: string;
    organization: string;
    pwd: string;
    rootDirectory: string;
    programDirectory: string;
    entryPoint: string;
    args: string[];
    config: Record<string, string>;
    configSecretKeys: string[];
    dryRun: boolean;
    parallel: number;
    monitorAddress: string;
    engineAddress: string;
    options: RuntimeOptions;
}

/** What RunPlugin is asked for. `kind` is `analyzer` (a policy pack) or `resource` (a provider written for Node). */
export interface PluginRun {
    kind: string;
    pwd: string;
    pluginDirectory: string;
    args: string[];
    env: string[];
    options: RuntimeOptions;
}

/** Reads the options of a project's runtime; throws an Error that names the option whose value makes no sense. */
export function runtimeOptions(values: Record<string, unknown>): RuntimeOptions {
    const { typescript = true, nodeargs = "", tsconfig } = values;
    if (typeof typescript !== "boolean") {
        throw new Error("runtime option typescript must be true or false");
    }
    if (typeof nodeargs !== "string") {
        throw new Error("runtime option nodeargs must be a string");
    }
    if (tsconfig !== undefined && typeof tsconfig !== "string") {
        throw new Error("runtime option tsconfig must be a string");
    }
    return { typescript, nodeargs: parseArgsStringToArgv(nodeargs), tsconfig };
}

/** The command that runs a Pulumi program with the @pulumi/pulumi that the program itself has installed. */
export function programCommand(run: ProgramRun, env: NodeJS.ProcessEnv): Command {
    const flags = {
        monitor: run.monitorAddress,
        engine: run.engineAddress,
        organization: run.organization,
        project: run.project,
        "root-directory": run.rootDirectory,
        stack: run.stack,
        pwd: run.pwd,
        parallel: String(run.parallel),
    };
    return {
        args: [
            ...run.options.nodeargs,
            sdkModule("run", run.programDirectory),
            ...Object.entries(flags).flatMap(([name, value]) => (value === "" ? [] : [`--${name}=${value}`])),
            ...(run.dryRun ? ["--dry-run"] : []),
            run.entryPoint,
            ...run.args,
        ],
        cwd: run.programDirectory,
        env: {
            ...env,
            ...typescriptEnvironment(run.options),
            PULUMI_CONFIG: JSON.stringify(run.config),
            PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(run.configSecretKeys),
        },
    };
}

/** The command that runs a policy pack or a provider with the @pulumi/pulumi found from its own folder. */
export function pluginCommand(run: PluginRun): Command {
    const analyzer = run.kind === "analyzer";
    return {
        args: [
            ...run.options.nodeargs,
            sdkModule(analyzer ? "run-policy-pack" : "run-plugin", run.pluginDirectory),
            // A policy pack's launcher expects the engine's address ahead of the pack, a provider's behind the
            // provider.
            ...(analyzer ? [...run.args, run.pluginDirectory] : [run.pluginDirectory, ...run.args]),
        ],
        // A policy pack's own modules must be found first; a provider works where the engine says.
        cwd: analyzer ? run.pluginDirectory : run.pwd,
        env: { ...environmentOf(run.env), ...typescriptEnvironment(run.options) },
    };
}

function typescriptEnvironment(options: RuntimeOptions): NodeJS.ProcessEnv {
    return {
        PULUMI_NODEJS_TYPESCRIPT: String(options.typescript),
        ...(options.tsconfig === undefined ? {} : { PULUMI_NODEJS_TSCONFIG_PATH: options.tsconfig }),
    };
}

/**
 * Where @pulumi/pulumi's launcher is, seen from a program's folder; the Error says what to run when it is not there.
 */
function sdkModule(launcher: string, directory: string): string {
    try {
        return createRequire(path.join(directory, "package.json")).resolve(`@pulumi/pulumi/cmd/${launcher}`);
    } catch {
        throw new Error(`@pulumi/pulumi is not installed for the program in ${directory}: run npm ci there`);
    }
}

function environmentOf(lines: string[]): NodeJS.ProcessEnv {
    return Object.fromEntries(
        lines.map((line) => {
            const at = line.indexOf("=");
            return [line.slice(0, at), line.slice(at + 1)];
        }),
    );
}
