// Lets a run be seen from outside: metrics and traces of it, where they are asked for. They never make a run fail.
import { oneLine } from "../components/core/errors";
import { EXIT, type Options } from "./options";
import type { EndedRun } from "./metrics/facts";
import { pushMetrics, writeMetricsFile } from "./metrics/write";
import type { Phase } from "./timeline";
import { selectedStack } from "./pulumi";
import { wantsTraces } from "./traces/configured";
import { exportTraces } from "./traces/export";

/** What a run is to be seen by. */
type Sinks = Pick<Options, "stack" | "mode" | "metricsFile" | "metricsPush">;

/**
 * Runs, and then writes what is asked for of metrics and traces, also when the run has failed.
 *
 * @param work does the run, and adds to the phases; gets none, and so records nothing, when nobody will look
 */
export async function observed(
    sinks: Sinks,
    env: NodeJS.ProcessEnv,
    work: (phases?: Phase[]) => Promise<number>,
): Promise<number> {
    const publishers = publishersFor(sinks, env);
    if (publishers.length === 0) {
        return await work();
    }
    const { stack, mode } = sinks;
    const phases: Phase[] = [];
    const startedAt = Date.now();
    let exitCode: number = EXIT.error;
    try {
        exitCode = await work(phases);
        return exitCode;
    } finally {
        const run = { stack, mode, startedAt, endedAt: Date.now(), exitCode, phases };
        // A trace does without: it is looked at by itself.
        const named = sinks.metricsFile || sinks.metricsPush ? { ...run, stack: await nameOf(run, env) } : run;
        await Promise.all(publishers.map((publisher) => attempt(publisher, named)));
    }
}

const PATIENCE_MS = 10_000;

/** The stack's name, also where the run has failed before the engine said it; undefined where nobody knows it. */
async function nameOf({ stack, phases }: EndedRun, env: NodeJS.ProcessEnv): Promise<string | undefined> {
    if (stack !== undefined || phases.some(({ summary }) => summary.stack !== undefined)) {
        return stack;
    }
    // The run's own signal may be what has ended it.
    const context = { scratch: "", env, stop: AbortSignal.timeout(PATIENCE_MS) };
    return await selectedStack(context).catch(() => undefined);
}

interface Publisher {
    /** What a warning says when it fails. */
    failure: string;
    publish: (run: EndedRun) => Promise<void>;
}

/** Each loads its library when it publishes, and so never in a run without it. */
function publishersFor({ metricsFile, metricsPush }: Sinks, env: NodeJS.ProcessEnv): Publisher[] {
    const publishers: Publisher[] = [];
    const add = (failure: string, publish: Publisher["publish"]) => publishers.push({ failure, publish });
    if (metricsFile) {
        add(`the metrics were not written to ${metricsFile}`, (run) => writeMetricsFile(metricsFile, run));
    }
    if (metricsPush) {
        // The origin alone: the URL may hold a password.
        add(`the metrics were not pushed to ${new URL(metricsPush).origin}`, (run) => pushMetrics(metricsPush, run));
    }
    if (wantsTraces(env)) {
        add("the traces were not exported", exportTraces);
    }
    return publishers;
}

async function attempt({ failure, publish }: Publisher, run: EndedRun): Promise<void> {
    try {
        await publish(run);
    } catch (error) {
        console.error(`warning: ${failure}: ${oneLine(error)}`);
    }
}
