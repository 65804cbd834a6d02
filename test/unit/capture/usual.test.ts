// How long a capture usually takes: as the captures in the state say.
import { expect, test } from "vitest";
import { check, diff } from "../../../components/capture/provider";
import { usualCapture } from "../../../components/capture/usual";

type State = Parameters<typeof diff>[1];

/** A capture as the state has it. */
const captured = (pool: string, version: string, mode: "copy" | "in-place", tookSeconds?: number): State => ({
    ...{ pool, version, node: "node-a", instanceId: "1", rebootNeededAt: "2026-11-22T04:12:00Z", kubernetes: {} },
    scaleSetId: `/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachineScaleSets/${pool}`,
    resourceGroup: "rg",
    settings: { mode, drainTimeout: "15m", force: false, cleanerImage: "busybox", captureNamespace: "kamino-capture" },
    ...{ snapshotId: "/snapshots/a", capturedAt: "2026-11-22T05:00:00Z" },
    ...(tookSeconds !== undefined && { tookSeconds }),
});

/** As the engine has a capture of the state compared, before a new one begins. */
async function compare(state: State): Promise<void> {
    const { snapshotId: _, capturedAt: __, tookSeconds: ___, ...inputs } = state;
    expect(await diff("id", state, inputs)).toEqual({ changes: false, replaces: [] });
}

test("is what the pool's last capture in the same way took, and is no difference", async () => {
    await compare(captured("pool1", "2026.1121.0409", "copy", 700));
    await compare(captured("pool1", "2026.1122.0412", "copy", 720));
    await compare(captured("pool1", "2026.1122.0412", "in-place", 90));
    expect([usualCapture("pool1", "copy"), usualCapture("pool1", "in-place")]).toEqual([720_000, 90_000]);
    expect(usualCapture("pool2", "copy")).toBe(undefined);
});

test("is not known where the captures of the state are of earlier versions, which do not say it", async () => {
    await compare(captured("old", "2026.1121.0409", "copy"));
    expect(usualCapture("old", "copy")).toBe(undefined);
});

test("is no input: a capture's inputs are what was declared", async () => {
    const { tookSeconds: _, ...declared } = captured("pool3", "2026.1122.0412", "copy");
    const { inputs } = await check(captured("pool3", "2026.1121.0409", "copy", 5), declared);
    expect(inputs).toEqual(declared);
});
