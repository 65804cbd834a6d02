// Exports the spans of a run by OpenTelemetry's own SDK, which reads where to and how from its own variables (OTEL_*).
// It is loaded here, and so only in a run that is traced.
import type { Context, Tracer } from "@opentelemetry/api";
import { UserError } from "../../components/core/errors";
import { within } from "../../components/core/retry";
import type { EndedRun } from "../metrics/facts";
import { problemWith } from "./configured";
import { spansOf, type SpanTree } from "./spans";

/** How long a collector has to take the spans; the exporter itself goes by OTEL_EXPORTER_OTLP_TIMEOUT. */
const PATIENCE_MS = 15_000;

const SERVICE = "kamino";

/**
 * Exports the spans of a run as OTLP over HTTP. Rejects when they are not taken in time.
 *
 * @throws UserError in one line when OpenTelemetry's variables name no place that takes them
 */
export async function exportTraces(run: EndedRun): Promise<void> {
    const problem = problemWith(process.env);
    if (problem) {
        throw new UserError(problem);
    }
    const [api, { BasicTracerProvider, BatchSpanProcessor }, { OTLPTraceExporter }, resources] = await Promise.all([
        import("@opentelemetry/api"),
        import("@opentelemetry/sdk-trace-base"),
        import("@opentelemetry/exporter-trace-otlp-http"),
        import("@opentelemetry/resources"),
    ]);
    const named = resources.detectResourcesSync({ detectors: [resources.envDetectorSync] });
    const provider = new BasicTracerProvider({
        // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win.
        resource: new resources.Resource({ "service.name": SERVICE }).merge(named),
        spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
    });
    record(provider.getTracer(SERVICE), spansOf(run), api, api.ROOT_CONTEXT);
    const late = `the collector did not take them within ${PATIENCE_MS / 1000} s`;
    await within(PATIENCE_MS, provider.forceFlush(), late);
}

type Api = typeof import("@opentelemetry/api");

function record(tracer: Tracer, tree: SpanTree, api: Api, parent: Context): void {
    const { name, attributes, startedAt, endedAt, failed, children } = tree;
    const span = tracer.startSpan(name, { attributes, startTime: startedAt }, parent);
    if (failed) {
        span.setStatus({ code: api.SpanStatusCode.ERROR });
    }
    children.forEach((child) => record(tracer, child, api, api.trace.setSpan(parent, span)));
    span.end(endedAt);
}
