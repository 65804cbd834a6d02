// A pool that waits until another pool's new nodes have proven an image, told by the whole program.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { changesIn, lineOf, patch, poolStack, scaleSetOf } from "./support/pools";

let sandbox: Sandbox;
let stack: Stack;

beforeAll(async () => {
    sandbox = await startSandbox({ pools: ["pool1", "pool2"].map((name) => ({ name, capacity: 2 })) });
    await patch(sandbox, "pool1", 0, "2026-11-22T04:12:00Z");
    await patch(sandbox, "pool2", 0, "2026-11-22T09:30:00Z");
    const [first, second] = ["pool1", "pool2"].map((pool) => ({
        name: pool,
        scaleSet: scaleSetOf(sandbox, pool).name,
    }));
    stack = await poolStack(sandbox, ["pool1", "pool2"], {
        ...{ capture: "copy", minimumReadyTime: "1s" },
        pools: [first, { ...second, canary: "pool1" }],
    });
}, 600_000);
afterAll(() => sandbox?.stop());

const WAITS =
    /^pool2: unchanged, no image yet; node \S+ fits, but waits for pool pool1, none of whose new nodes has proven an image of 2026-11-22 or later yet/;

test("waits while the other pool has no image, and while no node was made from the one that it has", async () => {
    const first = (await stack.up("--skip-preview")).orFail();
    expect(lineOf(first, "pool1")).toContain("image 2026.1122.0412");
    expect(lineOf(first, "pool2")).toMatch(WAITS);
    const second = (await stack.up("--skip-preview")).orFail();
    expect(changesIn(second)).toContain("update VirtualMachineScaleSet pool1");
    expect(lineOf(second, "pool2")).toMatch(WAITS);
});

test("takes its own image once a node made from the other pool's is Ready", async () => {
    await sandbox.azure.setCapacity(scaleSetOf(sandbox, "pool1").id, 3);
    await sandbox.nodes.settled();
    await expect
        .poll(async () => lineOf((await stack.preview()).orFail(), "pool2"), { timeout: 120_000 })
        .toContain("image 2026.1122.0930");
});
