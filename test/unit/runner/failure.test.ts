// A run that fails early, and reports that cannot be written: the last report never stays as if all were well, and what
// is done never counts as failed.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { KubeConfig, type V1ConfigMap } from "@kubernetes/client-node";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { UserError } from "../../../components/core/errors";
import { RUN_ENVIRONMENT } from "../../../components/schedule/environment";
import { deliver } from "../../../runner/deliver";
import { deliverFailure } from "../../../runner/failure";
import { LeaseHeldError } from "../../../runner/lease";
import * as podModule from "../../../runner/pod";
import { run } from "../../../runner/run";
import { listenAs } from "./apiServer";

let server: Server;
const config = new KubeConfig();
let configMap: V1ConfigMap;
let answers: number;
let directory: string;
const printed = vi.spyOn(console, "log");
const said = vi.spyOn(console, "error");

const POD = Object.fromEntries(Object.values(RUN_ENVIRONMENT).map((name) => [name, "kamino"]));
const LAST = { mode: "up", exitCode: "0", headline: "prod: nothing to do", report: "## prod: nothing to do" };

beforeAll(async () => {
    server = createServer((request, response) => {
        void (async () => {
            const body = await text(request);
            response.writeHead(answers, { "Content-Type": "application/json" });
            if (answers === 200 && request.method === "PUT") {
                configMap = JSON.parse(body) as V1ConfigMap;
            }
            response.end(JSON.stringify(answers === 200 ? configMap : { kind: "Status", message: "no such right" }));
        })();
    });
    await listenAs(config, server);
    vi.spyOn(podModule, "kubeConfigOf").mockReturnValue(config);
});
afterAll(() => {
    server.closeAllConnections();
    server.close();
    vi.restoreAllMocks();
});
beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "kamino failure "));
    answers = 200;
    configMap = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "kamino" }, data: { ...LAST } };
    printed.mockReset().mockImplementation(() => undefined);
    said.mockReset().mockImplementation(() => undefined);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const stop = new AbortController().signal;
const read = (name: string) => readFileSync(join(directory, name), "utf8");

describe("a run that fails before it has a report", () => {
    test("says so wherever its report would have gone, but not on the screen, which has the error", async () => {
        const [report, GITHUB_STEP_SUMMARY] = [join(directory, "report.md"), join(directory, "summary.md")];
        const options = { mode: "up", stack: "prod", report } as const;
        await deliverFailure(options, { ...POD, GITHUB_STEP_SUMMARY }, new UserError("no token | nowhere"));
        expect(read("report.md")).toMatch(/^## prod: up failed\n\n\*\*Errors\*\*\n\n- no token \\\| nowhere\n/);
        expect(read("summary.md")).toBe(read("report.md"));
        expect(configMap.data).toMatchObject({ exitCode: "1", headline: "prod: up failed", report: read("report.md") });
        expect(printed).not.toHaveBeenCalled();
        expect(said).not.toHaveBeenCalled();
    });

    test("leaves the report of the run that is under way, and stands beside it", async () => {
        await deliverFailure({ mode: "up", stack: "prod" }, POD, new LeaseHeldError("another run is under way: pod a"));
        expect(configMap.data).toEqual({
            ...{ ...LAST, lastError: "another run is under way: pod a" },
            lastErrorAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
        });
        await deliverFailure({ mode: "up", stack: "prod" }, POD, new Error("no token"));
        expect(configMap.data).toMatchObject({ exitCode: "1" });
        expect(configMap.data).not.toHaveProperty("lastError");
    });

    test("is what the command itself does: with an error of its first steps, before pulumi is called", async () => {
        const report = join(directory, "report.md");
        writeFileSync(report, LAST.report);
        const env = { PATH: directory, KAMINO_PLUGINS: "", TMPDIR: tmpdir() };
        const options = { mode: "up", stack: "prod", report, plan: join(directory, "none.json") } as const;
        await expect(run(options, env, stop)).rejects.toThrow("pulumi is not installed");
        expect(read("report.md")).toMatch(/^## prod: up failed\n\n.*- pulumi is not installed/s);
    });
});

describe("a report that cannot be written", () => {
    test.each([
        ["whose folder is not there", "none/report.md", /there is no folder \S.*none; make it, or name another file$/],
        ["that is a folder", "folder", /folder is a folder; name a file$/],
    ])("%s stops a run in one line before it does anything", async (_, name, message) => {
        mkdirSync(join(directory, "folder"));
        writeFileSync(join(directory, "pulumi"), `#!/bin/sh\ntouch "${directory}/called"\n`, { mode: 0o755 });
        const options = { mode: "up", stack: "prod", report: join(directory, name) } as const;
        const summary = join(directory, "summary.md");
        const env = { PATH: `${directory}:${process.env.PATH}`, GITHUB_STEP_SUMMARY: summary };
        await expect(run(options, env, stop)).rejects.toThrow(message);
        await expect(run(options, env, stop)).rejects.toThrow(/^--report \(KAMINO_REPORT\): /);
        expect(() => read("called")).toThrow("ENOENT");
        expect(read("summary.md")).toContain("## prod: up failed");
        expect(said).not.toHaveBeenCalled();
    });

    const PULUMI = `#!/bin/sh\n[ "$1" = up ] || [ "$1" = preview ] || exit 1\nrm -rf "$FOLDER"\necho "done"\n`;

    test.each([
        ["up", 0, []],
        ["preview", undefined, [/^the report was not written to .*report\.md: ENOENT/]],
    ] as const)(
        "after an %s: all else is written, and only a preview fails over it",
        async (mode, exitCode, errors) => {
            const folder = join(directory, "folder");
            mkdirSync(folder);
            writeFileSync(join(directory, "pulumi"), PULUMI, { mode: 0o755 });
            const summary = join(directory, "summary.md");
            const env = { PATH: `${directory}:${process.env.PATH}`, FOLDER: folder, GITHUB_STEP_SUMMARY: summary };
            const options = {
                mode,
                stack: "prod",
                report: join(folder, "report.md"),
                ...(mode === "up" && { plan: "p" }),
            };
            const done = run(options, env, stop);
            if (errors.length > 0) {
                await expect(done).rejects.toThrow(errors[0]);
            } else {
                expect(await done).toBe(exitCode);
                expect(said.mock.calls.flat()).toContainEqual(
                    expect.stringMatching(/^warning: the report was not written to .*report\.md: ENOENT/),
                );
            }
            expect(read("summary.md")).toContain("## prod: nothing to do");
            expect(read("summary.md")).not.toContain("failed");
        },
    );

    test("in the cluster is one line, and the file is written", async () => {
        answers = 403;
        const delivery = { mode: "up", headline: "h", text: "text", exitCode: 0 } as const;
        const cluster = { config, pod: podModule.podFrom(POD)! };
        const file = join(directory, "report.md");
        expect(await deliver(delivery, { file, env: {}, cluster })).toEqual([
            expect.stringMatching(/^the report was not written to ConfigMap kamino\/kamino: .*403.*no such right/),
        ]);
        expect([read("report.md"), printed.mock.calls.flat()]).toEqual(["text", ["text"]]);
    });
});
