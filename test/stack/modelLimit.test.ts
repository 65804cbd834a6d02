// A pool whose machines use nearly as many images as Azure lets a scale set's VMs refer to models, told by the whole
// program.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { computeClient } from "../azure/support";
import { changesIn, imageOf, lineOf, machinesOf, patch, poolStack, scaleSetOf } from "./support/pools";

let sandbox: Sandbox;
let stack: Stack;

beforeAll(async () => {
    sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 1 }] });
    for (let images = 2; images <= 9; images++) {
        await addMachineOf(`2024.01.${images}`, images);
    }
    await sandbox.nodes.settled();
    await patch(sandbox, "pool1", 8, "2026-11-22T04:12:00Z");
    stack = await poolStack(sandbox, ["pool1"], { capture: "copy" });
}, 600_000);
afterAll(() => sandbox?.stop());

/** Somebody points the model at another image, and the autoscaler adds a machine made from it. */
async function addMachineOf(version: string, capacity: number): Promise<void> {
    const { id, resourceGroup, name } = scaleSetOf(sandbox, "pool1");
    const virtualMachineProfile = { storageProfile: { imageReference: { version } } };
    await computeClient(sandbox.azure).virtualMachineScaleSets.beginUpdateAndWait(
        resourceGroup,
        name,
        { virtualMachineProfile },
        { updateIntervalInMs: 20 },
    );
    await sandbox.azure.setCapacity(id, capacity);
}

test("takes no new image while its machines use nine, and says which nodes are to be replaced", async () => {
    const oldest = machinesOf(sandbox, "pool1")[0].nodeName;
    const adopted = (await stack.up("--skip-preview")).orFail();
    expect(changesIn(adopted).join("\n")).not.toMatch(/OsDiskCapture|GalleryImageVersion/);
    const preview = (await stack.preview()).orFail();
    expect(changesIn(preview)).toEqual([]);
    const line = lineOf(preview, "pool1");
    expect(line).toMatch(
        /^pool1: unchanged, no image yet; node \S+ fits, but the scale set's machines use 9 images, and once /,
    );
    expect(line).toContain(`delete the nodes on the oldest image (${oldest}), and the autoscaler replaces them`);
    expect(preview.messages("warning").join("\n")).toMatch(
        /pool1: no new image is taken: node \S+ fits, but the scale set's machines use 9 images/,
    );
});

test("goes on once the nodes on the oldest image are gone, and says how many images are in use still", async () => {
    await sandbox.azure.deleteVm(machinesOf(sandbox, "pool1")[0].id);
    await sandbox.nodes.settled();
    const bump = (await stack.up("--skip-preview")).orFail();
    expect(changesIn(bump)).toContain("create OsDiskCapture pool1-2026.1122.0412");
    expect(bump.messages("warning").join("\n")).toContain("pool1: the scale set's machines use 8 images, and once");
    (await stack.up("--skip-preview")).orFail();
    expect(imageOf(sandbox, "pool1")).toBe("2026.1122.0412");
    await sandbox.azure.setCapacity(scaleSetOf(sandbox, "pool1").id, 9);
    expect(machinesOf(sandbox, "pool1")).toHaveLength(9);
});
