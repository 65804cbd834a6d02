// CAPZ's gate SkipMachinePoolModelReconciliation: what it holds back, and what it does not.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ClusterApi } from "../../sandbox/capi/index";
import type { Sandbox } from "../../sandbox/sandbox";
import { imageFrom, imagesOf, setImage } from "./images";
import { startBed, type Bed } from "./support";

const VERSION = "2026.1122.0412";

let bed: Bed;
let sandbox: Sandbox;
let capi: ClusterApi;

beforeAll(async () => {
    bed = await startBed({ kured: false }, { featureGates: { SkipMachinePoolModelReconciliation: true } });
    ({ sandbox, capi } = bed);
});
afterAll(() => bed?.stop());

test("without a surge, a machine that may be missing is not used to replace a stale one", async () => {
    const rollingUpdate = { maxSurge: 0, maxUnavailable: 1 };
    const { name } = await capi.createMachinePool({ name: "pool1", replicas: 2, rollingUpdate });
    const from = capi.passes(name).length;
    await setImage(capi, name, await imageFrom(sandbox, capi.vms(name)[0], name, VERSION));
    await capi.passesWhere(name, from, 5, ({ stale, ready }) => stale === 2 && ready === 2);
    expect(capi.deletions()).toEqual([]);
    expect(capi.log("capz")).toContain("skip model reconciliation enabled");
});

test("with CAPZ's own surge it protects nothing: the machines are replaced all the same", async () => {
    const { name } = await capi.createMachinePool({ name: "pool2", replicas: 1 });
    await setImage(capi, name, await imageFrom(sandbox, capi.vms(name)[0], name, VERSION));
    const replaced = async () => {
        await capi.poke(name);
        return imagesOf(sandbox, name);
    };
    await expect.poll(replaced, { timeout: 120_000, interval: 1_000 }).toEqual({ 1: VERSION });
    expect(capi.deletions().length).toBeGreaterThan(0);
});
