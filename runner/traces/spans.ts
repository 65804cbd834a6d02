// The spans of a run: the run, the engine's commands, the resources that each changed, the steps of a capture. Pure.
import { nameIn, type EndedRun } from "../metrics/facts";
import { EXIT } from "../options";
import type { Interval, Operation, Phase } from "../timeline";

/** A span with those below it. */
export interface SpanTree extends Interval {
    attributes: Record<string, string | number>;
    failed: boolean;
    children: SpanTree[];
}

/** The spans of a run. */
export function spansOf(run: EndedRun): SpanTree {
    const { mode, startedAt, endedAt, exitCode, phases } = run;
    const tree = {
        name: `kamino ${mode}`,
        ...{ startedAt, endedAt },
        attributes: { "kamino.stack": nameIn(run) ?? "unknown", "kamino.mode": mode, "kamino.exit_code": exitCode },
        failed: exitCode === EXIT.error,
        children: phases.map(phaseSpan),
    };
    return clamped(tree, tree);
}

function phaseSpan({ name, startedAt, endedAt, succeeded, operations, summary }: Phase): SpanTree {
    return {
        name: `pulumi ${name}`,
        ...{ startedAt, endedAt },
        attributes: { "pulumi.resource_changes": summary.changes.length },
        failed: !succeeded,
        // What is only planned takes no time.
        children: operations.filter(({ outcome }) => outcome !== "planned").map(operationSpan),
    };
}

function operationSpan({ name, operation, type, pool, outcome, startedAt, endedAt, steps }: Operation): SpanTree {
    return {
        name: `${operation} ${type.split(":").at(-1)}`,
        ...{ startedAt, endedAt },
        attributes: {
            ...{ "pulumi.operation": operation, "pulumi.resource.type": type, "pulumi.resource.name": name },
            ...(pool !== undefined && { "kamino.pool": pool }),
        },
        failed: outcome !== "succeeded",
        children: steps.map((step) => ({ ...step, attributes: {}, failed: false, children: [] })),
    };
}

/** The engine's times are whole seconds: what begins or ends outside of the span above it is cut off. */
function clamped(span: SpanTree, bounds: Pick<Interval, "startedAt" | "endedAt">): SpanTree {
    const keep = (time: number) => Math.min(Math.max(time, bounds.startedAt), bounds.endedAt);
    const times = { startedAt: keep(span.startedAt), endedAt: keep(span.endedAt) };
    return { ...span, ...times, children: span.children.map((child) => clamped(child, times)) };
}
