// A scale set that has as many tags as Azure allows: the program sets further ones where nodes join by their own
// bootstrap, and where nodes are added after a bump.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { computeClient } from "../azure/support";
import { imageOf, patch, poolStack, scaleSetOf, writes } from "./support/pools";

const tags = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`tag${index}`, String(index)]));

let sandbox: Sandbox;
let stack: Stack;

beforeAll(async () => {
    sandbox = await startSandbox({ pools: [{ name: "kube", capacity: 2, kubeadm: true, tags: tags(50) }] });
    await patch(sandbox, "kube", 0, "2026-11-16T04:12:00Z");
    stack = await poolStack(sandbox, ["kube"], { capture: "copy" });
}, 600_000);
afterAll(() => sandbox?.stop());

test("is refused in one line at preview and in an up, before an image is made", async () => {
    sandbox.azure.requests.clear();
    for (const run of [() => stack.preview(), () => stack.up("--skip-preview")]) {
        const { exitCode, output } = await run();
        expect(exitCode).not.toBe(0);
        expect(output).toMatch(
            /kamino:pools\[0\]\.scaleSet: scale set "\S+" is refused: it has 50 tags, and with kamino-bootstrap they would be more than the 50 that Azure allows; take 1 off/,
        );
        expect(output).not.toMatch(/^\s+at .*:\d+:\d+/m);
    }
    expect(writes(sandbox).filter((write) => !/ (galleries|images)\//.test(write))).toEqual([]);
});

test("is taken once one has gone, and the model then has the program's own tag", async () => {
    const { resourceGroup, name } = scaleSetOf(sandbox, "kube");
    const { virtualMachineScaleSets } = computeClient(sandbox.azure);
    await virtualMachineScaleSets.update(resourceGroup, name, { tags: tags(49) }).pollUntilDone();
    (await stack.up("--skip-preview")).orFail();
    (await stack.up("--skip-preview")).orFail();
    expect(imageOf(sandbox, "kube")).toBe("2026.1116.0412");
    const { tags: now } = (await virtualMachineScaleSets.get(resourceGroup, name)) as { tags?: object };
    expect(Object.keys(now ?? {})).toHaveLength(50);
    expect(now).toHaveProperty("kamino-bootstrap", "kept");
    expect((await stack.preview()).orFail().changedSteps).toEqual([]);
});
