// The spans of a run: where the hour went, exported by the SDK to a small collector that speaks OTLP over HTTP.
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { observed } from "../../../runner/observe";
import { problemWith, wantsTraces } from "../../../runner/traces/configured";
import { exportTraces } from "../../../runner/traces/export";
import { spansOf, type SpanTree } from "../../../runner/traces/spans";
import { startCollector, type Collector } from "./collector";
import { BEGIN, BUMP, CAPTURE, done, event, phase, runOf, said } from "./recorded";

const preview = phase("preview", 0, 10, BUMP.preview);
const bump = runOf("up", [preview, phase("up", 10, 4012, BUMP.update)]);

/** The spans as lines: indented, with seconds from the begin. */
function linesOf({ name, startedAt, endedAt, failed, children }: SpanTree, indent = ""): string[] {
    const [from, to] = [startedAt, endedAt].map((time) => time / 1000 - BEGIN);
    const line = `${indent}${name} ${from}–${to}${failed ? " failed" : ""}`;
    return [line, ...children.flatMap((child) => linesOf(child, `${indent}  `))];
}

describe("the spans", () => {
    test("show where the hour of a bump went", () => {
        expect(linesOf(spansOf(bump))).toEqual([
            "kamino up 0–4012",
            "  pulumi preview 0–10",
            "  pulumi up 10–4012",
            "    update NodeSelection 12–12",
            "    create OsDiskCapture 12–400",
            "      looking at the node and its VM 12–13",
            "      draining 13–100",
            "      taking a snapshot of the OS disk 100–400",
            "    create GalleryImageVersion 400–4000",
            "    update VirtualMachineScaleSet 4001–4010",
        ]);
    });

    test("say what failed, and what was interrupted", () => {
        const { capture, image } = BUMP.changes;
        const events = [
            event("resourcePreEvent", 1, capture),
            event("resourcePreEvent", 2, image),
            event("resOpFailedEvent", 3, capture),
        ];
        expect(linesOf(spansOf(runOf("up", [phase("up", 0, 5, events, false)], 1)))).toEqual([
            "kamino up 0–5 failed",
            "  pulumi up 0–5 failed",
            "    create OsDiskCapture 1–3 failed",
            "    create GalleryImageVersion 2–5 failed",
        ]);
    });

    test("of captures that go on at the same time have each their own steps", () => {
        const captureOf = (pool: string) => ({ op: "create", type: CAPTURE, name: `${pool}-1`, pool });
        const events = [
            event("resourcePreEvent", 1, captureOf("pool1")),
            event("resourcePreEvent", 1, captureOf("pool2")),
            said(1, "pool2: capturing node b: starting the VM (0s)"),
            said(2, "pool1: capturing node a: draining, 1 pod to go (1s)"),
            said(2, "pool3: capturing node c: draining, 1 pod to go (1s)"),
            event("resOutputsEvent", 3, captureOf("pool1")),
            event("resOutputsEvent", 4, captureOf("pool2")),
        ];
        const steps = phase("up", 0, 5, events).operations.map(({ pool, steps }) => [
            pool,
            steps.map(({ name }) => name),
        ]);
        expect(steps).toEqual([
            ["pool1", ["draining"]],
            ["pool2", ["starting the VM"]],
        ]);
    });

    test("lie each within the one above, whenever the engine says that something began or ended", () => {
        const moment = fc.integer({ min: -5, max: 20 });
        fc.assert(
            fc.property(fc.array(fc.tuple(moment, moment)), (times) => {
                const events = times.flatMap(([from, to], index) =>
                    done(from, to, { op: "create", type: CAPTURE, name: `n${index}` }),
                );
                const check = (span: SpanTree, above: SpanTree) => {
                    expect(span.startedAt).toBeGreaterThanOrEqual(above.startedAt);
                    expect(span.endedAt).toBeLessThanOrEqual(above.endedAt);
                    span.children.forEach((child) => check(child, span));
                };
                const root = spansOf(runOf("up", [phase("up", 1, 10, events)]));
                check(root, root);
            }),
        );
    });
});

test.each([
    [{}, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" }, true],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://collector:4318/v1/traces" }, true],
    [{ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "http://collector:4318" }, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: " " }, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318", OTEL_SDK_DISABLED: "true" }, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318", OTEL_SDK_DISABLED: "false" }, true],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318", OTEL_TRACES_EXPORTER: "none" }, false],
])("with %j a run is traced: %s", (env, expected) => {
    expect(wantsTraces(env)).toBe(expected);
});

test.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" }, undefined],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "https://collector", OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" }, undefined],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318" }, "OTEL_EXPORTER_OTLP_ENDPOINT must be the URL of a collector"],
    [
        { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "collector", OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" },
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT must be the URL of a collector",
    ],
    [
        { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4317", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
        "OTEL_EXPORTER_OTLP_PROTOCOL is grpc, and traces are sent over HTTP alone",
    ],
])("what is wrong with %j: %s", (env, problem) => {
    expect(problemWith(env)?.slice(0, problem?.length)).toBe(problem);
});

describe("the export", () => {
    let collector: Collector;
    beforeAll(async () => (collector = await startCollector()));
    afterEach(() => vi.unstubAllEnvs());
    afterAll(() => collector.close());

    test("goes where OpenTelemetry's variables say, under the names and with the headers that they say", async () => {
        vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url);
        vi.stubEnv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20hidden");
        vi.stubEnv("OTEL_SERVICE_NAME", "images");
        vi.stubEnv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=prod");
        await exportTraces(bump);
        const [{ path, authorization, resource, spans }, ...more] = collector.requests.splice(0);
        expect([path, authorization, more]).toEqual(["/v1/traces", "Bearer hidden", []]);
        expect(resource).toMatchObject({ "service.name": "images", "deployment.environment": "prod" });
        const root = spans.find(({ name }) => name === "kamino up")!;
        expect(root).toMatchObject({ startedAt: bump.startedAt, endedAt: bump.endedAt, parent: undefined });
        expect(root.attributes).toEqual({ "kamino.stack": "prod", "kamino.mode": "up", "kamino.exit_code": 0 });
        const named = (name: string) => spans.find((span) => span.name === name)!;
        expect(named("pulumi up").parent).toBe(root.id);
        expect(named("create OsDiskCapture").parent).toBe(named("pulumi up").id);
        expect(named("draining").parent).toBe(named("create OsDiskCapture").id);
        expect(new Set(spans.map(({ trace }) => trace)).size).toBe(1);
        expect(named("create OsDiskCapture").attributes).toEqual({
            ...{ "pulumi.operation": "create", "pulumi.resource.type": CAPTURE },
            ...{ "pulumi.resource.name": `pool1-${BUMP.after}`, "kamino.pool": "pool1" },
        });
    });

    test("is called kamino where nobody says otherwise", async () => {
        vi.stubEnv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", `${collector.url}/own/path`);
        await exportTraces(bump);
        const [{ path, resource }] = collector.requests.splice(0);
        expect([path, resource["service.name"]]).toEqual(["/own/path", "kamino"]);
    });

    test.each([
        ["refuses", () => ((collector.answer = 401), collector.url)],
        ["is not there", () => "http://127.0.0.1:1"],
    ])("is one line of warning where the collector %s, and the run's exit code stays", async (_, url) => {
        const endpoint = url();
        vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
        vi.stubEnv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20hidden");
        const warned = vi.spyOn(console, "error").mockImplementation(() => undefined);
        try {
            const env = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint };
            expect(await observed({ mode: "up" }, env, () => Promise.resolve(2))).toBe(2);
            expect(warned.mock.calls.flat()).toEqual([
                expect.stringMatching(/^warning: the traces were not exported: ./),
            ]);
            expect(String(warned.mock.calls)).not.toMatch(/hidden|\n/);
        } finally {
            warned.mockRestore();
        }
    });
});
