// A MachinePool whose scale set is of orchestration mode Flexible, with the real managers of Cluster API and CAPZ: a
// bump replaces no machine, and a machine that is added starts from the image.
import { afterAll, beforeAll, expect, test } from "vitest";
import { NO_ROLLOUT, type ClusterApi } from "../../sandbox/capi";
import type { Stack } from "../../sandbox/engine/stack";
import type { Sandbox } from "../../sandbox/sandbox";
import { changesIn, lineOf } from "../stack/support/pools";
import { npmRunStatus } from "../stack/support/scripts";
import { startMachinePool, type MachinePoolBed } from "./support";

const MONDAY = "2026.1116.0412";

let bed: MachinePoolBed;
let sandbox: Sandbox;
let capi: ClusterApi;
let stack: Stack;

beforeAll(async () => {
    bed = await startMachinePool({
        ...{ replicas: 2, version: "v1.32.4", rollingUpdate: NO_ROLLOUT },
        change: (spec) => (spec.orchestrationMode = "Flexible"),
    });
    ({ sandbox, capi, stack } = bed);
}, 600_000);
afterAll(() => bed?.stop());

const imagesOf = () =>
    capi.vms("mp1").map(({ nodeName }) => [nodeName, sandbox.nodes.patchLevel(nodeName)] as [string, string]);

test("its machines are single VMs of a Flexible set, which CAPZ made and names", async () => {
    const { properties } = capi.scaleSet("mp1").model as { properties: Record<string, unknown> };
    expect(properties.orchestrationMode).toBe("Flexible");
    expect(properties.upgradePolicy).toBeUndefined();
    expect(capi.vms("mp1").map(({ id }) => id)).toEqual([
        expect.stringMatching(/\/virtualMachines\/mp1_[0-9a-f]{8}$/),
        expect.stringMatching(/\/virtualMachines\/mp1_[0-9a-f]{8}$/),
    ]);
    expect(await capi.nodes("mp1")).toHaveLength(2);
});

test("a bump points the scale set at the image, and no machine is replaced", async () => {
    const [{ nodeName }] = capi.vms("mp1");
    const at = new Date("2026-11-16T04:12:00Z");
    expect(await sandbox.nodes.patchAndReboot(nodeName, { at, utcOffsetMinutes: 0 })).toBe("freed");
    const before = capi.vms("mp1").map(({ id, osDiskId, bootId }) => ({ id, osDiskId, bootId }));
    const preview = (await stack.preview()).orFail();
    expect(lineOf(preview, "mp1")).toContain(`node ${nodeName}`);
    expect(changesIn(preview)).toContain("create MachinePoolImage mp1");
    const [deletions, passes] = [capi.deletions().length, capi.passes("mp1").length];
    (await stack.up("--skip-preview")).orFail();

    const seen = await capi.passesWhere("mp1", passes, 3, ({ stale }) => stale === 2);
    expect(seen.length).toBeGreaterThanOrEqual(3);
    const { properties } = capi.scaleSet("mp1").model as unknown as {
        properties: { virtualMachineProfile: { storageProfile: { imageReference: { id?: string } } } };
    };
    expect(properties.virtualMachineProfile.storageProfile.imageReference.id).toMatch(new RegExp(`/${MONDAY}$`));
    // What the capture deletes is disks and snapshots.
    const deleted = capi.deletions().slice(deletions);
    expect(deleted.filter(({ path }) => !/\/(disks|snapshots)\//i.test(path))).toEqual([]);
    expect(capi.vms("mp1").map(({ id, osDiskId, bootId }) => ({ id, osDiskId, bootId }))).toEqual(before);
});

test("a machine added now is made from it, joins by itself, and nothing is left to do", async () => {
    const before = imagesOf().map(([node]) => node);
    await capi.scale("mp1", 3);
    const [[added, level]] = imagesOf().filter(([node]) => !before.includes(node));
    expect(level).toBe("2026-11-16");
    expect(capi.vms("mp1").find(({ nodeName }) => nodeName === added)).toMatchObject({ joined: true });
    expect(changesIn((await stack.preview()).orFail())).toEqual([]);
});

test("npm run status sees its nodes", async () => {
    const { all, exitCode, pools } = await npmRunStatus(stack);
    expect(exitCode, all).toBe(0);
    const names = capi.vms("mp1").map(({ nodeName }) => nodeName);
    expect(pools[0].nodes.map(({ name }) => name).sort()).toEqual(names.sort());
    expect(pools[0].nodes.map(({ state }) => state)).toEqual(["Ready", "Ready", "Ready"]);
});
