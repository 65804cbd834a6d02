// Lets a run be seen from outside: metrics and traces of it, where they are asked for. They never make a run fail.
import { oneLine } from "../components/core/errors";
import { EXIT, type Options } from "./options";
import type { EndedRun } from "./metrics/facts";
import { pushMetrics, writeMetricsFile } from "./metrics/write";
import type { Phase } from "./timeline";
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
        await Promise.all(publishers.map((publisher) => attempt(publisher, run)));
    }
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
