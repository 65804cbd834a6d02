// The way out where a pool's only image must not be used: a version of the same definition that somebody else made,
// named by pin, under the policy pack.
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { repository } from "../../sandbox/engine/paths";
import type { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { computeClient } from "../azure/support";
import {
    changesIn,
    galleryNameOf,
    imageOf,
    machinesOf,
    patch,
    poolStack,
    scaleSetOf,
    versionsInGallery,
} from "./support/pools";

const MINUTE = 60_000;
const MONDAY = "2026.1116.0412";
const THEIRS = "2026.1110.0900";
const PACK = ["--policy-pack", join(repository, "policies")];

let sandbox: Sandbox;
let stack: Stack;

beforeAll(async () => {
    sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 2 }] });
    await patch(sandbox, "pool1", 0, "2026-11-16T04:12:00Z");
    stack = await poolStack(sandbox, ["pool1"], { capture: "copy" });
    (await stack.up("--skip-preview", ...PACK)).orFail();
    (await stack.up("--skip-preview", ...PACK)).orFail();
    await makeTheirs();
}, 10 * MINUTE);
afterAll(() => sandbox?.stop());
beforeEach(() => sandbox.azure.requests.clear());

/** A version of the pool's definition that this stack knows nothing of. */
async function makeTheirs(): Promise<void> {
    const { resourceGroup, name, location } = scaleSetOf(sandbox, "pool1");
    const { snapshots, galleryImageVersions } = computeClient(sandbox.azure);
    const { id } = await snapshots.createOrUpdate(resourceGroup, "theirs", {
        ...{ location, incremental: true },
        creationData: { createOption: "Copy", sourceResourceId: machinesOf(sandbox, "pool1")[1].osDiskId },
    });
    await galleryImageVersions.createOrUpdate(resourceGroup, galleryNameOf(resourceGroup), name, THEIRS, {
        ...{ location, publishingProfile: { replicaCount: 2 } },
        storageProfile: { osDiskImage: { source: { id } } },
    });
}

const configure = (selection: object) =>
    stack.configure({ pools: [{ name: "pool1", scaleSet: scaleSetOf(sandbox, "pool1").name, ...selection }] });

test("a pool whose only image is rejected says that a version of the gallery can be pinned", async () => {
    await configure({ reject: [MONDAY] });
    const preview = await stack.preview(...PACK);
    expect(preview.exitCode).not.toBe(0);
    expect(preview.output).toContain("there is no other one to go back to: pin a version of the gallery (pin)");
});

test("the pinned version is let through by the policy pack, in preview and in up", async () => {
    await configure({ reject: [MONDAY], pin: THEIRS });
    const preview = (await stack.preview(...PACK)).orFail();
    expect(changesIn(preview)).toContain("update VirtualMachineScaleSet pool1");
    (await stack.up("--skip-preview", ...PACK)).orFail();
    expect(imageOf(sandbox, "pool1")).toBe(THEIRS);
    expect(await versionsInGallery(sandbox, "pool1")).toEqual([THEIRS, MONDAY]);
    expect(changesIn((await stack.preview(...PACK)).orFail())).toEqual([]);
});

test("a pool that was left at it goes on without the pin", async () => {
    await configure({ reject: [MONDAY] });
    const up = (await stack.up(...PACK)).orFail();
    expect(changesIn(up).filter((change) => change.includes("VirtualMachineScaleSet"))).toEqual([]);
    expect(imageOf(sandbox, "pool1")).toBe(THEIRS);
});
