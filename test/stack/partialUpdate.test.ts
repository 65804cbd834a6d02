// Updates that carry out a part alone: what the last whole one recorded of a pool stays, as after one that failed.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { imageOf, patch, poolStack, type PoolOutputs } from "./support/pools";

const MINUTE = 60_000;
const [MONDAY, TUESDAY, WEDNESDAY] = ["2026.1116.0412", "2026.1117.0412", "2026.1118.0412"];
const POOLS = ["pool1", "pool2"];

let sandbox: Sandbox;
let stack: Stack;

beforeAll(async () => {
    sandbox = await startSandbox({ pools: POOLS.map((name) => ({ name, capacity: 3 })) });
    await rebootAll(0, "2026-11-16T04:12:00Z");
    stack = await poolStack(sandbox, POOLS, { capture: "copy" });
    (await stack.up("--skip-preview")).orFail();
    (await stack.up("--skip-preview")).orFail();
}, 10 * MINUTE);
afterAll(() => sandbox?.stop());

async function rebootAll(index: number, at: string): Promise<void> {
    for (const pool of POOLS) {
        await patch(sandbox, pool, index, at);
    }
}

async function recorded(): Promise<Record<string, PoolOutputs>> {
    return (await stack.outputs<{ pools: Record<string, PoolOutputs> }>()).pools;
}

const images = () => POOLS.map((pool) => imageOf(sandbox, pool));

test("a pool whose image fails keeps its record, where the engine goes on after errors", async () => {
    const before = await recorded();
    expect([before.pool2.version, ...images()]).toEqual([MONDAY, MONDAY, MONDAY]);
    await rebootAll(1, "2026-11-17T04:12:00Z");
    const message = "Gallery replication jobs failed in one or more regions.";
    const path = new RegExp(`/images/[^/]*pool2[^/]*/versions/${TUESDAY}$`);
    sandbox.azure.faults.failOperation({ path, method: "PUT", code: "ValidationError", message });
    stack.env.PULUMI_CONTINUE_ON_ERROR = "true";
    const up = await stack.up("--skip-preview");
    delete stack.env.PULUMI_CONTINUE_ON_ERROR;
    sandbox.azure.faults.clear();
    expect(up.exitCode).not.toBe(0);
    expect(up.output).toContain(message);
    const after = await recorded();
    expect(after.pool2).toEqual(before.pool2);
    expect(after.pool1).toMatchObject({ adopted: true, version: TUESDAY, versions: [MONDAY, TUESDAY] });
    expect(images()).toEqual([TUESDAY, MONDAY]);
});

test("the next whole update goes on from that record and adopts nothing again", async () => {
    const up = (await stack.up("--skip-preview")).orFail();
    expect(up.changedSteps.map(({ op }) => op)).not.toContain("import");
    expect(images()).toEqual([TUESDAY, TUESDAY]);
    expect((await recorded()).pool2).toMatchObject({ adopted: true, version: TUESDAY });
});

test("an update of some resources, while a bump is pending, leaves the record and says so in one line", async () => {
    await rebootAll(2, "2026-11-18T04:12:00Z");
    const before = await recorded();
    // Whether the engine itself refuses it depends on what is targeted: its outputs are recorded in any case.
    const up = await stack.up("--skip-preview", "--target", "**NodeSelection::pool1");
    expect(up.output).toContain(
        "pool1: this update carried out a part alone, so that what the last one recorded stays",
    );
    expect((await recorded()).pool1).toEqual(before.pool1);
    (await stack.up("--skip-preview")).orFail();
    expect(images()).toEqual([WEDNESDAY, WEDNESDAY]);
});
