// What a metric is. Types alone.
import type { RunFacts } from "./facts";

/** One value of a metric. */
export interface Sample {
    labels: Record<string, string>;
    value: number;
}

/** One metric, a gauge. It has no series in a run that does not know its value. */
export interface Metric {
    name: string;
    help: string;
    /** Besides `stack` and `mode`, which all of them have. */
    labels: string[];
    samples: (run: RunFacts) => Sample[];
}
