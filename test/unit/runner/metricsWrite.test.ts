// How the metrics of a run are written: whole, to a file and a Pushgateway, and at no cost to a run without them.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { factsOf } from "../../../runner/metrics/facts";
import { lastSuccessIn, metricsText, pushMetrics, writeMetricsFile } from "../../../runner/metrics/write";
import { observed } from "../../../runner/observe";
import { repository } from "../../../sandbox/engine/paths";
import { BUMP, phase, runOf } from "./recorded";

const preview = phase("preview", 0, 10, BUMP.preview);
const up = phase("up", 10, 4012, BUMP.update);
const bump = runOf("up", [preview, up]);

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
            observed(${JSON.stringify({ stack: "prod", ...sinks })}, {}, () => Promise.resolve(0)).then(() => {
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
        const sinks = { stack: "org/kamino/prod", mode: "up", metricsFile } as const;
        await expect(observed(sinks, {}, fails)).rejects.toThrow("another run is under way");
        expect(readFileSync(metricsFile, "utf8")).toContain('kamino_run_success{stack="prod",mode="up"} 0\n');
        rmSync(directory, { recursive: true });
    });
});

describe("a run that fails before the engine has named its stack", () => {
    let directory: string;
    const said: string[] = [];
    beforeEach(() => {
        directory = mkdtempSync(join(tmpdir(), "kamino metrics "));
        said.length = 0;
        vi.spyOn(console, "error").mockImplementation((line) => void said.push(String(line)));
    });
    afterEach(() => {
        vi.restoreAllMocks();
        rmSync(directory, { recursive: true });
    });

    /** Runs with a pulumi that does this, and a file of metrics that the run before has left. */
    async function failedRun(pulumi: string): Promise<string> {
        const metricsFile = join(directory, "kamino.prom");
        await writeMetricsFile(metricsFile, bump);
        writeFileSync(join(directory, "pulumi"), `#!/bin/sh\n${pulumi}\n`, { mode: 0o755 });
        const env = { PATH: `${directory}:${process.env.PATH}` };
        const fails = () => Promise.reject(new Error("no token"));
        const pushed = `http://127.0.0.1:1`;
        await expect(observed({ mode: "up", metricsFile, metricsPush: pushed }, env, fails)).rejects.toThrow(
            "no token",
        );
        return readFileSync(metricsFile, "utf8");
    }

    test("has metrics of the stack that is selected, with the last success of the run before", async () => {
        const text = await failedRun("echo prod");
        expect(text).toContain('kamino_run_success{stack="prod",mode="up"} 0\n');
        expect(lastSuccessIn(text, bump)).toBe(bump.endedAt);
        expect(text).not.toContain("unknown");
    });

    test("leaves the file as it is and pushes nothing where no stack is selected either, and says so", async () => {
        const text = await failedRun("exit 1");
        expect(text).toContain('kamino_run_success{stack="prod",mode="up"} 1\n');
        const reason = "the stack's name is not known; name it with --stack (KAMINO_STACK)";
        const warnings = said.filter((line) => line.startsWith("warning"));
        expect(warnings.sort()).toEqual([
            `warning: the metrics were not pushed to http://127.0.0.1:1: ${reason}`,
            `warning: the metrics were not written to ${join(directory, "kamino.prom")}: ${reason}`,
        ]);
    });
});

async function textOf(request: IncomingMessage): Promise<string> {
    let text = "";
    for await (const chunk of request) {
        text += String(chunk);
    }
    return text;
}
