// A pool whose nodes were made from different models: a node's disk is of another kind than the image definition, which
// is as the first disk that Azure lists. Azure would refuse the image after the capture.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Outcome } from "../../sandbox/engine/outcome";
import type { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { computeClient } from "../azure/support";
import { lineOf, machinesOf, patch, poolStack, scaleSetOf, writes } from "./support/pools";

let sandbox: Sandbox;
let stack: Stack;
let second: string;

beforeAll(async () => {
    sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 1 }] });
    await write({ storageProfile: { imageReference: { sku: "aks-engine-ubuntu-1804-gen2" } } });
    await sandbox.azure.setCapacity(scaleSetOf(sandbox, "pool1").id, 2);
    await sandbox.nodes.settled();
    second = await patch(sandbox, "pool1", 1, "2026-11-16T04:12:00Z");
    stack = await poolStack(sandbox, ["pool1"], { capture: "copy" });
}, 600_000);
afterAll(() => sandbox?.stop());
beforeEach(() => sandbox.azure.requests.clear());

/** Somebody changes the model: the machines that are there stay as they are. */
async function write(virtualMachineProfile: object): Promise<void> {
    const { resourceGroup, name } = scaleSetOf(sandbox, "pool1");
    const { virtualMachineScaleSets } = computeClient(sandbox.azure);
    await virtualMachineScaleSets.update(resourceGroup, name, { virtualMachineProfile }).pollUntilDone();
    sandbox.azure.requests.clear();
}

function expectRefusal({ exitCode, output }: Outcome, line: RegExp): void {
    expect(exitCode).not.toBe(0);
    expect(output).toMatch(line);
    expect(output).not.toMatch(/^\s+at .*:\d+:\d+/m);
    expect(writes(sandbox)).toEqual([]);
}

test("is refused in one line at preview, which says what differs", async () => {
    expectRefusal(
        await stack.preview(),
        /kamino:pools\[0\].*: no image 2026\.1116\.0412 is made of node \S+: the generation of its OS disk is V2, and image definition "\S+" is for V1: .*ignoreNodes/,
    );
});

test("goes on without the node that is passed over", async () => {
    await stack.configure({ ignoreNodes: [second] });
    expect(lineOf((await stack.preview()).orFail(), "pool1")).toContain("no image yet");
});

test("an image of generation V1 for trusted launch VMs is refused by itself, since Azure has none", async () => {
    await write({ securityProfile: { securityType: "TrustedLaunch", uefiSettings: { vTpmEnabled: true } } });
    expectRefusal(
        await stack.preview(),
        /kamino:pools\[0\].*: the model of scale set "\S+" makes TrustedLaunch VMs, and a node's OS disk is of generation V1/,
    );
});

test("once the nodes of the other kind are gone the image is made", async () => {
    await stack.configure({ ignoreNodes: undefined });
    await write({ securityProfile: { securityType: "Standard" } });
    await sandbox.azure.deleteVm(machinesOf(sandbox, "pool1")[0].id);
    await sandbox.nodes.settled();
    expect(lineOf((await stack.up("--skip-preview")).orFail(), "pool1")).toContain("image 2026.1116.0412");
});
