// A node whose OS disk is larger than the disks that new machines get: no image is made of it, since Azure would refuse
// every model that points at one.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Stack } from "../../sandbox/engine/stack";
import type { Sandbox } from "../../sandbox/sandbox";
import { computeClient } from "../azure/support";
import { changesIn, imageOf, scaleSetOf, startRebootedPool, writes } from "./support/pools";

interface Profile {
    storageProfile: { osDisk: { diskSizeGB?: number } };
}

let sandbox: Sandbox;
let stack: Stack;

beforeAll(async () => {
    ({ sandbox, stack } = await startRebootedPool(({ properties: { virtualMachineProfile: profile } }) => {
        (profile as Profile).storageProfile.osDisk.diskSizeGB = 64;
    }));
}, 600_000);
afterAll(() => sandbox?.stop());
beforeEach(() => sandbox.azure.requests.clear());

/** Sets the size of the disks that new machines get. */
async function resize(diskSizeGB: number): Promise<void> {
    const { resourceGroup, name } = scaleSetOf(sandbox, "pool1");
    const { virtualMachineScaleSets } = computeClient(sandbox.azure);
    const change = { virtualMachineProfile: { storageProfile: { osDisk: { diskSizeGB } } } };
    await virtualMachineScaleSets.update(resourceGroup, name, change).pollUntilDone();
    sandbox.azure.requests.clear();
}

test("is refused in one line at preview and in an up, before anything is made of its disk", async () => {
    await resize(32);
    for (const run of [() => stack.preview(), () => stack.up("--skip-preview")]) {
        const { exitCode, output } = await run();
        expect(exitCode).not.toBe(0);
        expect(output).toMatch(
            /kamino:pools\[0\].*: no image 2026\.1116\.0412 is made of node \S+: its OS disk has 64 GB, and new machines get one of 32 GB \(osDisk\.diskSizeGB of the scale set's model\)/,
        );
        expect(output).not.toMatch(/^\s+at .*:\d+:\d+/m);
    }
    // Gallery and definition, at most.
    expect(writes(sandbox).filter((write) => !/ (galleries|images)\//.test(write))).toEqual([]);
});

test("is taken once new machines get as much; less later on is refused by Azure, and the pool stays as it is", async () => {
    await resize(64);
    (await stack.up("--skip-preview")).orFail();
    await resize(32);
    const refused = await stack.up("--skip-preview");
    expect(refused.exitCode).not.toBe(0);
    expect(refused.output).toContain(
        "The specified disk size 32 GB is smaller than the size of the corresponding disk in the VM image: 64 GB.",
    );
    expect(imageOf(sandbox, "pool1")).toBeUndefined();
    await resize(64);
    expect(changesIn((await stack.up("--skip-preview")).orFail())).toContain("update VirtualMachineScaleSet pool1");
    expect(imageOf(sandbox, "pool1")).toBe("2026.1116.0412");
});
