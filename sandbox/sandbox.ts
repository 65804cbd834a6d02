// The whole sandbox for one run: a local Azure, a real Kubernetes control plane, nodes that are the machines of the one
// and the nodes of the other, and the environment in which pulumi, kubectl and the SDKs find all of it.
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { startAzure, type AzureSandbox, type Durations, type PoolOptions } from "./azure";
import { startCluster, type Cluster } from "./cluster";
import { startControl, type Control } from "./control";
import { pulumiEnvironment } from "./engine/environment";
import { sandboxDirectory } from "./engine/paths";
import { startNodes, type KuredOptions, type NodePlayer } from "./nodes";
import { removeAbandonedRuns } from "./runs";

/** How to start one. */
export interface SandboxOptions {
    /** Pools to make at once; more can be made later by `azure.createScaleSet`. */
    pools?: PoolOptions[];
    /** How long Azure's operations take; fast by default. */
    durations?: Partial<Durations>;
    /** kured's DaemonSet; `false` for a cluster without it. */
    kured?: KuredOptions | false;
    /** Whether the cluster has the Azure Disk CSI driver. Default true. */
    diskDriver?: boolean;
    /** Whether nodes that nothing plays stay as they are. Default false. */
    silentNodes?: boolean;
    /** Seconds until a volume is taken from a node that is not Ready and has not unmounted it. Default 360. */
    forcedDetachSeconds?: number;
    /** Says nothing while it starts. Default true. */
    quiet?: boolean;
}

/** A running sandbox. */
export interface Sandbox {
    /** Folder of this run, with everything that it writes; removed when it stops. */
    readonly directory: string;
    readonly azure: AzureSandbox;
    readonly cluster: Cluster;
    readonly nodes: NodePlayer;
    /** Everything that pulumi, kubectl, the SDKs and `sandbox/cli.ts` need. */
    readonly env: NodeJS.ProcessEnv;
    /**
     * Something that still needs the sandbox, such as a command that was interrupted as well: stopping waits for it
     * first.
     */
    waitFor(work: Promise<unknown>): void;
    /** Ends all processes and removes the folder. Safe to call again. */
    stop(): Promise<void>;
}

interface Parts {
    azure?: AzureSandbox;
    cluster?: Cluster;
    nodes?: NodePlayer;
    control?: Control;
}

/**
 * Starts a separate sandbox: any number may run side by side. It stops with this process at the latest: the cluster's
 * programs end when their pipe to this process closes, the folder goes when the process exits or is interrupted.
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
    const say = options.quiet === false ? (text: string) => console.error(text) : () => undefined;
    const runs = join(sandboxDirectory, "runs");
    removeAbandonedRuns(runs);
    const directory = join(runs, randomBytes(4).toString("hex"));
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(join(directory, "pid"), String(process.pid));
    // Again if a program that is being ended has just written something.
    const remove = () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    process.once("exit", remove);
    const parts: Parts = {};
    let stopped: Promise<void> | undefined;
    const work: Promise<unknown>[] = [];
    const stopAll = async () => {
        await Promise.allSettled(work);
        await stopParts(parts);
    };
    const stop = () =>
        (stopped ??= stopAll().finally(() => {
            ignoreInterrupts();
            process.off("exit", remove);
            remove();
        }));
    const ignoreInterrupts = stopOnInterrupt(stop);
    try {
        const started = await startParts(directory, parts, options, say);
        return { directory, ...started, waitFor: (promise) => void work.push(promise), stop };
    } catch (error) {
        await stop();
        throw error;
    }
}

async function startParts(directory: string, parts: Parts, options: SandboxOptions, say: (text: string) => void) {
    say("Starting a local Azure and a Kubernetes control plane (about 5 seconds) …");
    // Both are kept in `parts` as soon as they run, so that a failure of one still stops the other.
    const starting = await Promise.allSettled([
        startAzure({ directory: join(directory, "azure"), durations: options.durations }).then(
            (it) => (parts.azure = it),
        ),
        startCluster(join(directory, "cluster"), options).then((it) => (parts.cluster = it)),
    ]);
    const failure = starting.find((result): result is PromiseRejectedResult => result.status === "rejected");
    if (failure) {
        throw failure.reason;
    }
    const { azure, cluster } = parts as Required<Parts>;
    const nodes = (parts.nodes = await startNodes(azure, cluster));
    if (options.diskDriver === false) {
        await nodes.diskDriver.uninstall();
    }
    if (options.kured !== false) {
        await nodes.installKured(options.kured);
    }
    for (const pool of options.pools ?? []) {
        say(`Making pool ${pool.name} …`);
        await azure.createScaleSet(pool);
    }
    await nodes.settled();
    const control = (parts.control = await startControl(directory, { azure, nodes }));
    const base = { ...process.env, ...azure.env, ...control.env, KUBECONFIG: cluster.kubeconfig };
    const env = pulumiEnvironment(directory, base);
    env.PATH = [addCommand(directory), env.PATH].join(delimiter);
    return { azure, cluster, nodes, env };
}

/** Makes the `sandbox` command, for any working directory; returns the folder it is in. */
function addCommand(directory: string): string {
    const folder = join(directory, "bin");
    mkdirSync(folder);
    const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
    const words = [process.execPath, "-r", require.resolve("esbuild-register"), join(__dirname, "cli.ts")].map(quoted);
    writeFileSync(join(folder, "sandbox"), `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`, { mode: 0o755 });
    return folder;
}

async function stopParts({ azure, cluster, nodes, control }: Parts): Promise<void> {
    await control?.close();
    await nodes?.stop();
    await Promise.all([cluster?.stop(), azure?.stop()]);
}

/** Ctrl-C and a polite kill stop the sandbox first and then the process; returns how to take that back. */
function stopOnInterrupt(stop: () => Promise<void>): () => void {
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
    const onSignal = (signal: (typeof signals)[number]) => {
        // Without our listener, which stop takes away, the signal has its usual effect, and the exit status says what
        // it was.
        void stop().finally(() => process.kill(process.pid, signal));
    };
    // Not once: where no other listener is left, the library that runs commands ends the process on the spot.
    for (const signal of signals) {
        process.on(signal, onSignal);
    }
    return () => signals.forEach((signal) => process.off(signal, onSignal));
}
