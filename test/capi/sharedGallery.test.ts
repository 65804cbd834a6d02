// A MachinePool whose image somebody gave as `sharedGallery`: CAPZ does not recognise it on the machines made from it.
// The first image of the program is a `computeGallery`, which takes it away; with the real managers and their webhooks.
import { afterAll, beforeAll, expect, test } from "vitest";
import { NO_ROLLOUT, type ClusterApi } from "../../sandbox/capi";
import type { Stack } from "../../sandbox/engine/stack";
import type { Sandbox } from "../../sandbox/sandbox";
import { changesIn } from "../stack/support/pools";
import { imageFrom, imagesOf } from "./images";
import { startMachinePool, type MachinePoolBed } from "./support";

const THEIRS = "2026.1101.0000";
const MONDAY = "2026.1116.0412";
const POOL = "mp1";
/** Looks at a pool after which CAPZ has had every occasion to delete. */
const LOOKS = 3;

let bed: MachinePoolBed;
let sandbox: Sandbox;
let capi: ClusterApi;
let stack: Stack;

beforeAll(async () => {
    bed = await startMachinePool({ replicas: 2, rollingUpdate: NO_ROLLOUT });
    ({ sandbox, capi, stack } = bed);
}, 600_000);
afterAll(() => bed?.stop());

/** The image of the AzureMachinePool. */
async function image(): Promise<Record<string, { version: string }>> {
    const { spec } = await capi.objects.get("AzureMachinePool", POOL);
    return (spec as { template: { image: Record<string, { version: string }> } }).template.image;
}

const deletedMachines = () => capi.deletions().filter(({ path }) => /virtualMachines\/\w+$/.test(path));

test("CAPZ takes a machine made from it for one of another image", async () => {
    const { computeGallery } = await imageFrom(sandbox, capi.vms(POOL)[0], POOL, THEIRS);
    await capi.objects.patch("AzureMachinePool", POOL, {
        spec: { template: { image: { marketplace: null, sharedGallery: computeGallery } } },
    });
    const from = capi.passes(POOL).length;
    await capi.scale(POOL, 3);
    expect(Object.values(await imagesOf(sandbox, POOL))).toContain(THEIRS);
    await capi.passesWhere(POOL, from, LOOKS, ({ ready, stale }) => ready === 3 && stale === 3);
    expect(deletedMachines()).toEqual([]);
});

test("the first image of the stack takes it away in the same write, and replaces no machine", async () => {
    const [{ nodeName }] = capi.vms(POOL);
    await sandbox.nodes.patchAndReboot(nodeName, { at: new Date("2026-11-16T04:12:00Z"), utcOffsetMinutes: 0 });
    expect(changesIn((await stack.preview()).orFail())).toContain(`create MachinePoolImage ${POOL}`);
    (await stack.up("--skip-preview")).orFail();
    expect(await image()).toEqual({ computeGallery: expect.objectContaining({ version: MONDAY }) as object });
    expect(deletedMachines()).toEqual([]);
    expect(changesIn((await stack.preview()).orFail())).toEqual([]);
});

test("CAPZ recognises the image on the next machine", async () => {
    const from = capi.passes(POOL).length;
    await capi.scale(POOL, 4);
    await capi.passesWhere(POOL, from, LOOKS, ({ ready, stale }) => ready === 4 && stale === 3);
    expect(Object.values(await imagesOf(sandbox, POOL))).toContain(MONDAY);
    expect(deletedMachines()).toEqual([]);
});
