// The metrics of a run: names, what they mean, and how their values are found. Pure; what writes them is in write.ts.
//
// All are gauges of the last run: each run is a new process, in which a counter would begin at zero again.
import type { RunFacts } from "./facts";
import type { Metric, Sample } from "./metric";
import { POOL_METRICS } from "./pools";

/** Operations that are counted even where there are none: what has gone to zero is to be seen. */
const USUAL_OPERATIONS = ["create", "update", "delete", "import"];

const one = (value: number): Sample[] => [{ labels: {}, value }];
const seconds = (milliseconds: number) => milliseconds / 1000;

const RUN_METRICS: Metric[] = [
    {
        name: "kamino_run_success",
        help: "Whether the last run succeeded: 1, or 0. A preview that found changes did.",
        labels: [],
        samples: ({ succeeded }) => one(Number(succeeded)),
    },
    {
        name: "kamino_run_exit_code",
        help: "Exit code of the last run: 0 nothing to do, or done; 1 an error; 2 a preview found changes.",
        labels: [],
        samples: ({ exitCode }) => one(exitCode),
    },
    {
        name: "kamino_run_timestamp_seconds",
        help: "When the last run ended, as a Unix timestamp.",
        labels: [],
        samples: ({ endedAt }) => one(seconds(endedAt)),
    },
    {
        name: "kamino_run_last_success_timestamp_seconds",
        help: "When the last run that succeeded ended, as a Unix timestamp.",
        labels: [],
        samples: ({ lastSuccessAt }) => (lastSuccessAt === undefined ? [] : one(seconds(lastSuccessAt))),
    },
    {
        name: "kamino_run_duration_seconds",
        help: "How long the last run took.",
        labels: [],
        samples: ({ startedAt, endedAt }) => one(seconds(endedAt - startedAt)),
    },
    {
        name: "kamino_run_phase_duration_seconds",
        help: "How long the last run's commands of the engine took, by phase: preview or up.",
        labels: ["phase"],
        samples: ({ phases }) =>
            (["preview", "up"] as const).map((phase) => ({
                labels: { phase },
                value: seconds(sum(phases.filter(({ name }) => name === phase).map(durationOf))),
            })),
    },
    {
        name: "kamino_run_resource_operations",
        help: "Resources that the last run changed, or would change, by Pulumi's operation and by outcome.",
        labels: ["operation", "outcome"],
        samples: operationSamples,
    },
    {
        name: "kamino_run_retries",
        help: "How often the last run did its update again, after it had cancelled a stale state lock.",
        labels: [],
        samples: ({ phases }) => one(Math.max(0, phases.filter(({ name }) => name === "up").length - 1)),
    },
    {
        name: "kamino_run_warnings",
        help: "Warnings in the last run's report.",
        labels: [],
        samples: ({ phases }) => one(phases.at(-1)?.summary.warnings.length ?? 0),
    },
    {
        name: "kamino_run_policy_violations",
        help: "Violations of policies that the last run found, by enforcement level: mandatory or advisory.",
        labels: ["enforcement_level"],
        samples: ({ phases }) =>
            (["mandatory", "advisory"] as const).map((level) => ({
                labels: { enforcement_level: level },
                value: Math.max(0, ...phases.map(({ summary }) => summary.violations[level].length)),
            })),
    },
];

/** All metrics, in the order in which they are written and documented. */
export const METRICS: Metric[] = [...RUN_METRICS, ...POOL_METRICS];

function operationSamples({ mode, operations }: RunFacts): Sample[] {
    const outcomes = mode === "preview" ? ["planned"] : ["succeeded", "failed", "interrupted"];
    const names = new Set([...USUAL_OPERATIONS, ...operations.map(({ operation }) => operation)]);
    return [...names].flatMap((operation) =>
        outcomes.map((outcome) => ({
            labels: { operation, outcome },
            value: operations.filter((one) => one.operation === operation && one.outcome === outcome).length,
        })),
    );
}

function durationOf({ startedAt, endedAt }: { startedAt: number; endedAt: number }): number {
    return endedAt - startedAt;
}

function sum(values: number[]): number {
    return values.reduce((total, value) => total + value, 0);
}
