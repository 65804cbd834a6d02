// Bundles the plugins, written in TypeScript, into single files that start fast, and lays them out where the engine
// looks.
import { readFileSync } from "node:fs";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { build } from "esbuild";
import { binDirectory, pluginsDirectory, repository } from "./paths";

interface Executable {
    /** The program's main file, from the repository's root. */
    source: string;
    /** Where its executable goes. */
    executable: string;
}

// Only there to turn closures and TypeScript programs into JavaScript.
const neverLoaded = ["typescript", "ts-node"];

/** Where the engine looks for a provider plugin: at the version of the SDK that the program has installed. */
function providerFile(name: string): string {
    return path.join(pluginsDirectory, `resource-${name}-v${sdkVersion(name)}`, `pulumi-resource-${name}`);
}

function providers(): Executable[] {
    return [{ source: "sandbox/plugins/azure-native/main.ts", executable: providerFile("azure-native") }];
}

/** The plugins that a Pulumi release carries beside its own executable. */
function bundled(): Executable[] {
    return [
        {
            source: "sandbox/plugins/language-nodejs/main.ts",
            executable: path.join(binDirectory, "pulumi-language-nodejs"),
        },
        {
            source: "sandbox/plugins/dynamic/main.ts",
            executable: path.join(binDirectory, "pulumi-resource-pulumi-nodejs"),
        },
    ];
}

function sdkVersion(name: string): string {
    return manifest(path.join(repository, "node_modules", "@pulumi", name)).version;
}

interface Manifest {
    version: string;
}

function manifest(directory: string): Manifest {
    return JSON.parse(readFileSync(path.join(directory, "package.json"), "utf8")) as Manifest;
}

async function install(program: Executable): Promise<void> {
    const result = await build({
        absWorkingDir: repository,
        entryPoints: [program.source],
        bundle: true,
        write: false,
        platform: "node",
        target: "node20",
        format: "cjs",
        logLevel: "warning",
        external: neverLoaded,
        banner: { js: "#!/usr/bin/env node" },
    });
    await fs.mkdir(path.dirname(program.executable), { recursive: true });
    // Renamed into place, so that a stack running at this moment never starts half a file.
    const unfinished = `${program.executable}.${process.pid}`;
    await fs.writeFile(unfinished, result.outputFiles[0].contents, { mode: 0o755 });
    await fs.rename(unfinished, program.executable);
}

/** The official Kubernetes provider: a link to what make builds, for the few that need it, in minutes. */
async function linkKubernetesProvider(): Promise<void> {
    const link = providerFile("kubernetes");
    await fs.mkdir(path.dirname(link), { recursive: true });
    await fs.rm(link, { force: true });
    await fs.symlink(path.relative(path.dirname(link), path.join(binDirectory, "kubernetes-provider")), link);
}

/** Installs all of them; takes about a second. */
async function main(): Promise<void> {
    const installed = await Promise.allSettled([
        ...[...bundled(), ...providers()].map(install),
        linkKubernetesProvider(),
    ]);
    const failed = installed.find((result) => result.status === "rejected");
    if (failed) {
        throw failed.reason;
    }
}

main().catch((error: unknown) => {
    console.error(`the sandbox's plugins are not installed: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
});
