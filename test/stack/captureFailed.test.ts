// A capture in place that fails night after night, for the same reason: what it costs the node, by the whole program on
// the real engine.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { FAILED_CAPTURES } from "../../components/capture/failedCaptures";
import type { Outcome } from "../../sandbox/engine/outcome";
import type { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { powerOf } from "./support/capture";
import { lineOf, machinesOf, patch, poolStack, scaleSetOf, versionsInGallery } from "./support/pools";

const MINUTE = 60_000;
const MONDAY = "2026.1116.0412";
const TUESDAY = "2026.1117.0412";

let sandbox: Sandbox;
let stack: Stack;
let node: string;

beforeAll(async () => {
    sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 3 }] });
    node = await patch(sandbox, "pool1", 0, "2026-11-16T04:12:00Z");
    stack = await poolStack(sandbox, ["pool1"]);
    denySnapshots();
}, 10 * MINUTE);
beforeEach(() => sandbox.azure.requests.clear());
afterAll(() => sandbox?.stop());

function denySnapshots() {
    const denied = { code: "RequestDisallowedByPolicy", message: "snapshots are not allowed here" };
    sandbox.azure.faults.failOperation({ path: /\/snapshots\//, method: "PUT", ...denied });
}

const vm = (name = node) => machinesOf(sandbox, "pool1").find(({ nodeName }) => nodeName === name)!;
/** Whether the node has left service since the test began: its machine was started anew. */
const outages = (name = node) => powerOf(sandbox, vm(name)).filter((action) => action === "start").length;
const annotation = async (name = node) =>
    (await sandbox.nodes.api.core.readNode({ name })).metadata?.annotations?.[FAILED_CAPTURES];
const warnings = (outcome: Outcome) => outcome.messages("warning").filter((line) => line.startsWith("pool1: "));
const HELD = new RegExp(
    `^pool1: node \\S+ is not taken out of service once more: 2 captures of it for image ${MONDAY} have failed after it had left ` +
        'service, the last one at step "snapshot"; see why .* name the node \\(node\\) or run kubectl annotate node \\S+ kamino/failed-captures-; a later reboot is',
);

test("two nights of a snapshot that is denied cost two outages, and the node says so", async () => {
    for (const count of [1, 2]) {
        const failed = await stack.up();
        expect(failed.messages("error").join()).toMatch(
            /at step "snapshot": .*not allowed here; the node is back in service/,
        );
        expect(await annotation()).toBe(`${MONDAY}=${count}@snapshot`);
        expect(outages()).toBe(count);
    }
});

test("the third night leaves the node alone, and warns in one line with the way out", async () => {
    const held = (await stack.up()).orFail();
    expect(warnings(held)).toEqual([expect.stringMatching(HELD)]);
    expect(lineOf(held, "pool1")).toMatch(/unchanged, no image yet; node \S+ fits, but 2 captures of it for image/);
    // A night later it has been Ready for long enough again.
    await sandbox.nodes.setReadySince(node, new Date(Date.now() - 24 * 60 * MINUTE));
    const fourth = (await stack.preview()).orFail();
    expect([fourth.changedSteps, warnings(fourth)]).toEqual([[], [expect.stringMatching(HELD)]]);
    expect([outages(), await annotation()]).toEqual([0, `${MONDAY}=2@snapshot`]);
});

test("naming the node tries again, as often once more", async () => {
    const pool = { name: "pool1", scaleSet: scaleSetOf(sandbox, "pool1").name };
    await stack.configure({ pools: [{ ...pool, node }] });
    expect((await stack.preview()).orFail().changedSteps).not.toEqual([]);
    await stack.up();
    expect([outages(), await annotation()]).toEqual([1, `${MONDAY}=3@snapshot`]);
    await stack.configure({ pools: [pool] });
});

test("a later reboot by kured is tried without that, and what succeeds forgets what failed", async () => {
    await patch(sandbox, "pool1", 0, "2026-11-17T04:12:00Z");
    await stack.up();
    expect([outages(), await annotation()]).toEqual([1, `${TUESDAY}=1@snapshot`]);
    sandbox.azure.faults.clear();
    (await stack.up()).orFail();
    await sandbox.nodes.settled();
    expect([outages(), await annotation()]).toEqual([2, undefined]);
    expect(await versionsInGallery(sandbox, "pool1")).toEqual([TUESDAY]);
});
