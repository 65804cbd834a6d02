// The metrics of a run: what they say of which run, that their number is bounded, and that they are written whole.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { METRICS } from "../../../runner/metrics/definitions";
import { factsOf, type EndedRun } from "../../../runner/metrics/facts";
import { lastSuccessIn, metricsText, pushMetrics, writeMetricsFile } from "../../../runner/metrics/write";
import { observed } from "../../../runner/observe";
import { repository } from "../../../sandbox/engine/paths";
import * as recorded from "./recorded";
import { BEGIN, BUMP, choice, done, event, model, phase, planned, runOf, selection } from "./recorded";

/** The values by the series' names, `stack` and `mode` left out. */
function valuesOf(run: EndedRun): Record<string, number> {
    const facts = factsOf(run);
    const series = METRICS.flatMap(({ name, samples }) =>
        samples(facts).map(({ labels, value }) => [
            [name.replace("kamino_", ""), ...Object.values(labels)].join(" "),
            value,
        ]),
    );
    return Object.fromEntries(series) as Record<string, number>;
}

const preview = phase("preview", 0, 10, BUMP.preview);
const up = phase("up", 10, 4012, BUMP.update);
const bump = runOf("up", [preview, up]);

describe("what the metrics say", () => {
    test("of a bump that is done", () => {
        expect(valuesOf(bump)).toMatchObject({
            ...{ run_success: 1, run_exit_code: 0, run_duration_seconds: 4012, run_retries: 0 },
            ...{ run_timestamp_seconds: BEGIN + 4012, run_last_success_timestamp_seconds: BEGIN + 4012 },
            ...{ "run_phase_duration_seconds preview": 10, "run_phase_duration_seconds up": 4002 },
            "run_resource_operations create succeeded": 2,
            "run_resource_operations update succeeded": 2,
            "run_resource_operations create failed": 0,
            [`pool_image_info pool1 ${BUMP.after} vmss00000b`]: 1,
            "pool_image_timestamp_seconds pool1": Date.parse("2026-11-22T04:12:30Z") / 1000,
            ...{ "pool_image_pending pool1": 0, "pool_image_attempts pool1": 1, "pool_foreign_changes pool1": 0 },
            ...{ "pool_images pool1 proven": 1, "pool_images pool1 unproven": 1, "pool_images pool1 failed": 0 },
            ...{ "pool_captures pool1 succeeded": 1, "pool_captures pool1 failed": 0 },
            "pool_capture_duration_seconds pool1": 388,
            "pool_image_version_duration_seconds pool1": 3600,
        });
    });

    test("of a preview: what is pending, and the image that the model has until then", () => {
        const values = valuesOf(runOf("preview", [preview], 2));
        expect(values).toMatchObject({
            ...{ run_success: 1, run_exit_code: 2, "pool_image_pending pool1": 1 },
            [`pool_image_info pool1 ${BUMP.before} vmss000001`]: 1,
            "run_resource_operations create planned": 2,
            "run_resource_operations update planned": 2,
        });
        expect(Object.keys(values).filter((name) => /capture|succeeded/.test(name))).toEqual([]);
    });

    test("of an update that obeys a plan: its own preview counts for nothing", () => {
        const again = phase("up", 0, 4012, [...BUMP.preview, ...BUMP.update]);
        const { "run_phase_duration_seconds preview": _own, ...values } = valuesOf(runOf("up", [again]));
        expect(values).toMatchObject({
            "run_resource_operations create succeeded": 2,
            [`pool_image_info pool1 ${BUMP.after} vmss00000b`]: 1,
        });
    });

    test("of a capture that failed: the model has the image before, and nothing is called done", () => {
        const { selection: chosen, capture } = BUMP.changes;
        const failed = [
            ...done(12, 12, chosen),
            event("resourcePreEvent", 12, capture),
            event("resOpFailedEvent", 72, capture),
        ];
        const run = runOf("up", [preview, phase("up", 10, 80, failed, false)], 1);
        expect(valuesOf(run)).toMatchObject({
            ...{ run_success: 0, run_exit_code: 1, "pool_image_pending pool1": 1 },
            [`pool_image_info pool1 ${BUMP.before} vmss000001`]: 1,
            ...{ "pool_captures pool1 succeeded": 0, "pool_captures pool1 failed": 1 },
            ...{ "pool_capture_duration_seconds pool1": 60, "run_resource_operations create failed": 1 },
        });
        expect(valuesOf(run)).not.toHaveProperty("run_last_success_timestamp_seconds");
    });

    test("of a run that was stopped in the middle: what had begun is interrupted", () => {
        const begun = phase("up", 10, 50, [event("resourcePreEvent", 12, BUMP.changes.capture)], false);
        expect(valuesOf(runOf("up", [preview, begun], 1))).toMatchObject({
            "pool_captures pool1 interrupted": 1,
            "pool_capture_duration_seconds pool1": 38,
        });
    });

    test.each([
        ["a foreign change", { foreign: { image: "a → b" } }, { "pool_foreign_changes pool1": 1 }],
        ["no foreign change any more", { foreign: {} }, { "pool_foreign_changes pool1": 0 }],
        [
            "an image that failed, with its machines",
            { change: { failed: [{ version: "2026.1122.0412", machines: 3, late: ["a"] }] } },
            { "pool_images pool1 failed": 1, "pool_images pool1 proven": 1, "pool_failed_image_machines pool1": 3 },
        ],
        [
            "an image that failed and is trusted all the same",
            { change: { failed: [{ version: "2026.1121.0409", machines: 3, late: ["a"] }] } },
            { "pool_images pool1 failed": 0, "pool_failed_image_machines pool1": 0 },
        ],
        [
            "an image that Azure had to be asked for again",
            { versions: [choice("2026.1121.0409", "a", { attempt: 2 })] },
            { "pool_image_attempts pool1": 2 },
        ],
        [
            "an image of an earlier version, which is known by its name",
            { versions: [{ version: "2026.1121.0409", node: "a", attempt: 1 }] },
            { "pool_image_timestamp_seconds pool1": Date.parse("2026-11-21T04:09:00Z") / 1000 },
        ],
    ])("of %s", (_, { foreign, change, versions = BUMP.changes.selection.before.versions }: Story, expected) => {
        const after = selection("2026.1121.0409", versions, change);
        const events = [
            ...planned(1, { op: "same", type: recorded.SELECTION, name: "pool1", after }),
            ...planned(1, { op: "same", type: recorded.MODEL, name: "pool1", before: model("2026.1121.0409") }),
            ...(foreign
                ? planned(1, { op: "update", type: recorded.FOREIGN, name: "pool1", after: { changes: foreign } })
                : []),
        ];
        expect(valuesOf(runOf("preview", [phase("preview", 0, 2, events)]))).toMatchObject(expected);
    });

    test("of an update that was tried again after a stale lock", () => {
        expect(valuesOf(runOf("up", [preview, phase("up", 10, 11, [], false), up]))).toMatchObject({ run_retries: 1 });
    });

    test("of a run that never reached the engine: that it failed, and nothing of pools", () => {
        const values = valuesOf(runOf("up", [], 1));
        expect(values).toMatchObject({ run_success: 0, run_exit_code: 1 });
        expect(Object.keys(values).filter((name) => name.startsWith("pool_"))).toEqual([]);
    });
});

interface Story {
    foreign?: object;
    change?: object;
    versions?: object[];
}

test("names and units are as Prometheus' conventions want them, and counters are left to what does not end", () => {
    for (const { name, help, labels } of METRICS) {
        expect(name).toMatch(/^kamino_(run|pool)(_[a-z]+)+$/);
        expect(name).not.toMatch(/_total$|_(milliseconds|minutes|hours|ms)$/);
        expect(help).toMatch(/^[A-Z][^\n]*\.$/);
        expect(labels.every((label) => /^[a-z_]+$/.test(label))).toBe(true);
    }
    const names = METRICS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
});

test("the number of series is bounded by the number of pools, whatever happens in a run", () => {
    const version = fc.integer({ min: 0, max: 9999 }).map((minute) => `2026.1122.${minute}`);
    const pools = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}$/), { maxLength: 6 });
    fc.assert(
        fc.property(pools, fc.array(version, { maxLength: 30 }), (names, versions) => {
            const kept = versions.map((one, index) => choice(one, `node${index}`));
            const events = names.flatMap((pool) => [
                ...done(1, 2, { op: "update", type: recorded.SELECTION, name: pool, pool, after: selection("", kept) }),
                ...versions.flatMap((one) =>
                    done(2, 3, { op: "create", type: recorded.CAPTURE, name: `${pool}-${one}`, pool }),
                ),
                ...done(3, 4, { op: "update", type: recorded.MODEL, name: pool, pool, after: model(versions[0]) }),
            ]);
            const count = Object.keys(valuesOf(runOf("up", [phase("up", 0, 5, events)]))).length;
            expect(count).toBeLessThanOrEqual(30 + 14 * names.length);
        }),
    );
});

describe("the file", () => {
    let directory: string;
    beforeAll(() => (directory = mkdtempSync(join(tmpdir(), "kamino metrics "))));
    afterAll(() => rmSync(directory, { recursive: true, force: true }));

    test("is text that Prometheus reads, with stack and mode in each series, and nothing is left beside it", async () => {
        const file = join(directory, "kamino.prom");
        await writeMetricsFile(file, bump);
        const text = readFileSync(file, "utf8");
        expect(text).toContain('# TYPE kamino_run_success gauge\nkamino_run_success{stack="prod",mode="up"} 1\n');
        const series = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
        expect(series.filter((line) => !/^kamino_\w+\{.*stack="prod",mode="up"\} [\d.e+]+$/.test(line))).toEqual([]);
        expect(readdirSync(directory)).toEqual(["kamino.prom"]);
    });

    test("keeps when a run last succeeded, of this stack and mode alone", async () => {
        const file = join(directory, "kept.prom");
        await writeMetricsFile(file, bump);
        await writeMetricsFile(file, { ...runOf("up", [], 1), stack: "org/kamino/prod" });
        const text = readFileSync(file, "utf8");
        expect(text).toContain('kamino_run_success{stack="prod",mode="up"} 0\n');
        expect(lastSuccessIn(text, bump)).toBe(bump.endedAt);
        expect(lastSuccessIn(text, { ...bump, mode: "preview" })).toBeUndefined();
        expect(lastSuccessIn(text, { ...bump, stack: "dev" })).toBeUndefined();
        expect(lastSuccessIn("garbage", bump)).toBeUndefined();
    });

    test("is made in full although what was there is not a file of metrics", async () => {
        const file = join(directory, "other.prom");
        writeFileSync(file, 'kamino_run_last_success_timestamp_seconds{stack="prod",mode="up"} soon\n');
        await writeMetricsFile(file, runOf("up", [preview], 1));
        expect(readFileSync(file, "utf8")).not.toContain("last_success");
    });
});

describe("the push", () => {
    const requests: { method?: string; url?: string; authorization?: string; body: string }[] = [];
    let answer = 200;
    const server = createServer((request, response) => {
        void textOf(request).then((body) => {
            const { method, url, headers } = request;
            requests.push({ method, url, authorization: headers.authorization, body });
            response.writeHead(answer).end(answer === 200 ? "" : "no such user");
        });
    });
    let address: string;
    beforeAll(async () => {
        await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
        address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    afterAll(() => server.close());

    test("goes to the group of job, stack and mode, adds to it, and signs in as the URL says", async () => {
        await pushMetrics(`http://someone:hidden@${address}/gateway/`, bump);
        expect(requests).toMatchObject([
            {
                ...{ method: "POST", url: "/gateway/metrics/job/kamino/stack/prod/mode/up" },
                authorization: `Basic ${Buffer.from("someone:hidden").toString("base64")}`,
            },
        ]);
        expect(requests[0].body).toBe(await metricsText(factsOf(bump)));
    });

    test.each([
        [
            "refuses",
            () => ((answer = 401), `http://someone:hidden@${address}`),
            /^warning: .* to http:\S+: push failed with status 401/,
        ],
        [
            "is not there",
            () => "http://someone:hidden@127.0.0.1:1",
            /^warning: .* to http:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/,
        ],
    ])(
        "is one line of warning where the gateway %s, without the password, and the run's exit code stays",
        async (_, url, line) => {
            const warned = vi.spyOn(console, "error").mockImplementation(() => undefined);
            try {
                const sinks = { mode: "up", metricsPush: url() } as const;
                expect(await observed(sinks, {}, (phases) => Promise.resolve(phases?.push(up) ?? 9))).toBe(1);
                expect(warned.mock.calls.flat()).toEqual([expect.stringMatching(line)]);
                expect(String(warned.mock.calls)).not.toMatch(/hidden|\n/);
            } finally {
                warned.mockRestore();
            }
        },
    );
});

describe("a run that nobody observes", () => {
    /** Which of the libraries a process has loaded that ran under the program's own loader. */
    function loadedBy(sinks: object): string[] {
        const program = `
            const { observed } = require("./runner/observe.ts");
            observed(${JSON.stringify(sinks)}, {}, () => Promise.resolve(0)).then(() => {
                const names = ["prom-client", "@opentelemetry"].map((name) => "node_modules/" + name + "/");
                console.log(names.filter((name) => Object.keys(require.cache).some((file) => file.includes(name))).join());
            });`;
        const args = ["--require", "./components/engine/typescript.cjs", "--eval", program];
        const env = { PATH: process.env.PATH };
        return execFileSync(process.execPath, args, { cwd: repository, env, encoding: "utf8" }).trim().split(",");
    }

    test("loads none of the libraries, neither from its bundle nor from their folders", () => {
        expect(loadedBy({ mode: "up" })).toEqual([""]);
        const metricsFile = join(tmpdir(), `kamino-${process.pid}.prom`);
        expect(loadedBy({ mode: "up", metricsFile })).toContain("node_modules/prom-client/");
        rmSync(metricsFile);
    });

    test("records nothing", async () => {
        expect(await observed({ mode: "up" }, {}, (phases) => Promise.resolve(phases ? 1 : 0))).toBe(0);
    });

    test("fails as before with one that is observed: metrics of it are written, and its error goes on", async () => {
        const directory = mkdtempSync(join(tmpdir(), "kamino metrics "));
        const metricsFile = join(directory, "failed.prom");
        const fails = () => Promise.reject(new Error("another run is under way"));
        await expect(observed({ mode: "up", metricsFile }, {}, fails)).rejects.toThrow("another run is under way");
        expect(readFileSync(metricsFile, "utf8")).toContain('kamino_run_success{stack="unknown",mode="up"} 0\n');
        rmSync(directory, { recursive: true });
    });
});

async function textOf(request: IncomingMessage): Promise<string> {
    let text = "";
    for await (const chunk of request) {
        text += String(chunk);
    }
    return text;
}
