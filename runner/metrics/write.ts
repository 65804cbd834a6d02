// Writes the metrics of a run: to a file for node_exporter's textfile collector, and to a Pushgateway. The library is
// loaded here, and so only in a run that is to write any.
import { readFile } from "node:fs/promises";
import { within } from "../../components/core/retry";
import { replaceFile } from "../writeWhole";
import { METRICS } from "./definitions";
import { factsOf, stackOf, type EndedRun, type RunFacts } from "./facts";

/** The job by which a Pushgateway groups what was pushed, with stack and mode. */
const JOB = "kamino";

/** How long a Pushgateway has to answer. */
const PATIENCE_MS = 10_000;

const LAST_SUCCESS = "kamino_run_last_success_timestamp_seconds";

/** A registry of the library with the metrics of a run alone. */
async function registryOf(run: RunFacts) {
    const { Gauge, Registry, Pushgateway } = await import("prom-client");
    const registry = new Registry();
    registry.setDefaultLabels({ stack: run.stack, mode: run.mode });
    for (const { name, help, labels, samples } of METRICS) {
        const found = samples(run);
        // A metric without a value would take its last one from a Pushgateway.
        if (found.length > 0) {
            const gauge = new Gauge({ name, help, labelNames: labels, registers: [registry] });
            found.forEach((sample) => gauge.set(sample.labels, sample.value));
        }
    }
    return { registry, Pushgateway };
}

/** The metrics in Prometheus' text format. */
export async function metricsText(run: RunFacts): Promise<string> {
    return await (await registryOf(run)).registry.metrics();
}

/**
 * Writes the metrics to a file, in one step: a collector that reads it meanwhile has the old ones or the new ones. Of
 * the file that was there the moment of the last success is kept, when this run is none.
 */
export async function writeMetricsFile(file: string, run: EndedRun): Promise<void> {
    const before = await readFile(file, "utf8").catch(() => "");
    const text = await metricsText(factsOf(run, lastSuccessIn(before, run)));
    await replaceFile(file, text);
}

/** When a run of this stack in this mode last succeeded, by an earlier file of metrics. */
export function lastSuccessIn(text: string, run: EndedRun): number | undefined {
    const labels = [`stack="${stackOf(run)}"`, `mode="${run.mode}"`];
    const line = text
        .split("\n")
        .find((each) => each.startsWith(`${LAST_SUCCESS}{`) && labels.every((label) => each.includes(label)));
    const seconds = Number(line?.split(" ").at(-1));
    return line === undefined || Number.isNaN(seconds) ? undefined : seconds * 1000;
}

/**
 * Pushes the metrics to a Pushgateway, in the group of this job, stack and mode. Metrics whose value this run does not
 * know stay there as they are.
 *
 * @throws an error that does not hold what the URL signs in with
 */
export async function pushMetrics(url: string, run: EndedRun): Promise<void> {
    const facts = factsOf(run);
    const { registry, Pushgateway } = await registryOf(facts);
    const gateway = new Pushgateway(url.replace(/\/+$/, ""), { timeout: PATIENCE_MS }, registry);
    const { stack, mode } = facts;
    const push = gateway.pushAdd({ jobName: JOB, groupings: { stack, mode } });
    await within(PATIENCE_MS, push, `it did not answer within ${PATIENCE_MS / 1000} s`);
}
