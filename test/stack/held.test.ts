// What a run shows of a pool that gets no new image, told by the whole program: in its report, its metrics, its
// warnings.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { JOURNAL } from "../../components/capture/journal";
import type { Stack } from "../../sandbox/engine/stack";
import { patchNode } from "../../sandbox/nodes/api";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { machinesOf, patch, poolStack } from "./support/pools";
import { npmRun } from "./support/scripts";

const MINUTE = 60_000;
const MONDAY = "2026.1116.0412";

let sandbox: Sandbox;
let stack: Stack;

beforeAll(async () => {
    sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 3 }] });
    stack = await poolStack(sandbox, ["pool1"], { capture: "copy" });
}, 10 * MINUTE);
afterAll(() => sandbox?.stop());

/** What a person sees of a run: its metrics of the pool, and its report. */
async function run(mode: "preview" | "up") {
    const [file, report] = ["kamino.prom", "report.md"].map((name) => join(sandbox.directory, name));
    const { exitCode, all } = await npmRun(
        mode,
        ["--stack", "test", "--metrics-file", file, "--report", report],
        stack.env,
    );
    const series = [...readFileSync(file, "utf8").matchAll(/^kamino_(pool_\w+)\{(.*)\} (\S+)$/gm)].map(
        ([, name, labels, value]) => [`${name} ${/reason="(\w+)"/.exec(labels)?.[1] ?? ""}`.trim(), Number(value)],
    );
    return {
        exitCode,
        all: all ?? "",
        metrics: Object.fromEntries(series) as Record<string, number>,
        report: readFileSync(report, "utf8"),
    };
}

test("a pool without an image whose nodes are too few says so in each run, as a row of the report and as a metric", async () => {
    await patch(sandbox, "pool1", 0, "2026-11-16T04:12:00Z");
    await stack.configure({ minimumCandidates: 2 });
    const first = await run("up");
    expect(first.exitCode, first.all).toBe(0);
    expect(first.metrics).toMatchObject({ pool_has_image: 0, "pool_held tooFew": 1, pool_images_given_up: 0 });
    const next = await run("preview");
    expect(next.report).toContain(
        "no node fits yet, so there is no image; 1 of the 2 nodes that minimumCandidates wants (3 nodes: 2 without a reboot annotation, 1 fits)",
    );
    expect(next.metrics).toMatchObject({ pool_has_image: 0, "pool_held tooFew": 1 });
    expect([first.report, next.report].join()).not.toContain("Warnings");
    // What is for the runner alone is on no screen.
    expect([first.all, next.all].join()).not.toContain("kamino selection");
});

test("a journal that no capture wrote is a warning of the run", async () => {
    const { nodeName } = machinesOf(sandbox, "pool1")[2];
    const annotate = (value: string | null) =>
        patchNode(sandbox.nodes.api, nodeName, { metadata: { annotations: { [JOURNAL]: value } } });
    await annotate("somebody was here");
    const { metrics, report } = await run("preview");
    await annotate(null);
    expect(metrics).toMatchObject({ "pool_held unusable": 1 });
    expect(report).toMatch(/\*\*Warnings\*\*\n\n(- .*\n)*- pool1: no node is captured while node \S+ carries a/);
});

test("an image that Azure has failed to make twice stays said on the third night", async () => {
    await stack.configure({ minimumCandidates: undefined });
    const message = "the replication broke off";
    sandbox.azure.faults.failOperation({ path: /\/versions\//, method: "PUT", times: 2, code: "Internal", message });
    for (const _night of [1, 2]) {
        expect((await stack.up("--skip-preview")).output).toContain(message);
    }
    const third = await run("preview");
    expect(third.metrics).toMatchObject({ pool_images_given_up: 1, "pool_held failed": 1, pool_has_image: 0 });
    expect(third.report).toContain(`- pool1: Azure has failed twice to make image ${MONDAY} of node`);
});
