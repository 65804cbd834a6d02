// A policy that denies what a capture makes, on the real engine: told by the preview, before a node is touched.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { imageOf, patch, poolStack, scaleSetOf, versionsInGallery, writes } from "./support/pools";

let sandbox: Sandbox;
let stack: Stack;

beforeAll(async () => {
    sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 2 }] });
    await patch(sandbox, "pool1", 0, "2026-11-16T04:12:00Z");
    stack = await poolStack(sandbox, ["pool1"]);
    requireTag();
}, 300_000);
afterAll(() => sandbox?.stop());

function requireTag(): void {
    sandbox.azure.policies.requireTag({
        tag: "costCenter",
        scope: `/subscriptions/${sandbox.azure.subscriptionId}`,
        types: ["Microsoft.Compute/galleries/images/versions"],
    });
}

test("a preview says which policy denies the image version, and an up does not touch the node", async () => {
    sandbox.azure.requests.clear();
    for (const outcome of [await stack.preview(), await stack.up("--skip-preview")]) {
        expect(outcome.exitCode, outcome.output).not.toBe(0);
        expect(outcome.output).toMatch(
            /Azure Policy denies the Microsoft\.Compute\/galleries\/images\/versions .*tags\[costCenter\].*kamino:tags/,
        );
        expect(outcome.output).not.toMatch(/\n\s+at .*\(/);
    }
    expect(writes(sandbox).filter((write) => /snapshots|disks|virtualMachine/i.test(write))).toEqual([]);
});

test("a policy that approves other images alone is told before a node is touched, too", async () => {
    const scope = `/subscriptions/${sandbox.azure.subscriptionId}`;
    sandbox.azure.policies.clear();
    const publishers = ["microsoft-aks"];
    sandbox.azure.policies.approveImages({ images: [`${scope}/approved`], publishers, scope });
    sandbox.azure.requests.clear();
    for (const outcome of [await stack.preview(), await stack.up("--skip-preview")]) {
        expect(outcome.exitCode, outcome.output).not.toBe(0);
        expect(outcome.output).toMatch(
            /Azure Policy denies to write scale set "\S+" with image 2026\.1116\.0412, .*Microsoft\.Compute\/imageId/,
        );
        expect(outcome.output).not.toMatch(/\n\s+at .*\(/);
    }
    expect(writes(sandbox).filter((write) => /snapshots|disks|virtualMachine/i.test(write))).toEqual([]);
});

test("one that denies the scale set as it is, too, is a warning", async () => {
    const scope = `/subscriptions/${sandbox.azure.subscriptionId}`;
    sandbox.azure.policies.clear();
    sandbox.azure.policies.approveImages({ images: [`${scope}/approved`], scope });
    const preview = (await stack.preview()).orFail();
    expect(preview.messages("warning").join("\n")).toMatch(
        /pool1: whether Azure Policy lets image 2026\.1116\.0412 be made and used shows only then: assignment \S+ denies scale set "\S+" also as it is now/,
    );
});

test("with the tag the image is made, and the scale set written where it is approved", async () => {
    const { id } = scaleSetOf(sandbox, "pool1");
    const { policies, subscriptionId } = sandbox.azure;
    policies.clear();
    requireTag();
    policies.approveImages({
        images: [`${id.split("/virtualMachineScaleSets/")[0]}/galleries/`],
        scope: `/subscriptions/${subscriptionId}`,
    });
    await stack.configure({ tags: { costCenter: "7" } });
    (await stack.up("--skip-preview")).orFail();
    expect(await versionsInGallery(sandbox, "pool1")).toEqual(["2026.1116.0412"]);
    expect(imageOf(sandbox, "pool1")).toBeUndefined();
    (await stack.up("--skip-preview")).orFail();
    expect(imageOf(sandbox, "pool1")).toBe("2026.1116.0412");
});
