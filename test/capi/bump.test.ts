// A MachinePool of Cluster API through the whole program, with the real managers of Cluster API and CAPZ: adopt, bump,
// scale out, pin, and what others do.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Vm } from "../../sandbox/azure";
import { NO_ROLLOUT, type ClusterApi } from "../../sandbox/capi";
import type { Stack } from "../../sandbox/engine/stack";
import type { Sandbox } from "../../sandbox/sandbox";
import { changesIn, lineOf } from "../stack/support/pools";
import { npmRunStatus } from "../stack/support/scripts";
import { imageEvents, startMachinePool, type MachinePoolBed } from "./support";

const MONDAY = "2026.1116.0412";
const TUESDAY = "2026.1117.0412";

let bed: MachinePoolBed;
let sandbox: Sandbox;
let capi: ClusterApi;
let stack: Stack;

beforeAll(async () => {
    bed = await startMachinePool({ rollingUpdate: NO_ROLLOUT });
    ({ sandbox, capi, stack } = bed);
}, 600_000);
afterAll(() => bed?.stop());

/** The image of the AzureMachinePool. */
async function image(): Promise<Record<string, Record<string, string>>> {
    const { spec } = await capi.objects.get("AzureMachinePool", "mp1");
    return (spec as { template: { image: Record<string, Record<string, string>> } }).template.image;
}

/** The image version in the scale set's model, which CAPZ writes. */
function inModel(): string | undefined {
    const { properties } = capi.scaleSet("mp1").model as unknown as {
        properties: { virtualMachineProfile: { storageProfile: { imageReference: { id?: string } } } };
    };
    return properties.virtualMachineProfile.storageProfile.imageReference.id?.split("/").at(-1);
}

async function reboot({ nodeName }: Vm, at: string): Promise<void> {
    expect(await sandbox.nodes.patchAndReboot(nodeName, { at: new Date(at), utcOffsetMinutes: 0 })).toBe("freed");
}

/** CAPZ looks at the pool some times more, sees machines of an older image each time, and deletes none. */
async function expectNoRollout(): Promise<void> {
    const before = capi.passes("mp1").length;
    const deletions = capi.deletions().length;
    const passes = await capi.passesWhere("mp1", before, 3, ({ stale }) => stale > 0);
    expect(passes.length).toBeGreaterThanOrEqual(3);
    expect(capi.deletions().slice(deletions)).toEqual([]);
}

test("before kured has rebooted a node the pool is as it was, and nothing is declared of it", async () => {
    const preview = (await stack.preview()).orFail();
    expect(lineOf(preview, "mp1")).toMatch(/^mp1: unchanged, no image yet \(3 nodes: 3 without a reboot annotation\)/);
    expect(changesIn(preview)).not.toContain("create MachinePoolImage mp1");
    expect(Object.keys(await image())).toEqual(["marketplace"]);
});

test("the first bump is reviewed as one resource, and takes the marketplace image away in the same write", async () => {
    await reboot(capi.vms("mp1")[0], "2026-11-16T04:12:00Z");
    const preview = (await stack.preview()).orFail();
    expect(lineOf(preview, "mp1")).toMatch(/; new nodes still join by their own bootstrap, from the patched disk/);
    expect(changesIn(preview)).toContain("create MachinePoolImage mp1");
    expect(changesIn(preview)).not.toContain("import VirtualMachineScaleSet mp1");
    (await stack.up("--skip-preview")).orFail();
    const { resourceGroup } = capi.scaleSet("mp1");
    expect(await image()).toEqual({
        computeGallery: {
            subscriptionID: sandbox.azure.subscriptionId,
            ...{ resourceGroup, name: "mp1", version: MONDAY },
            gallery: expect.stringMatching(/^kamino_/) as string,
        },
    });
});

test("CAPZ points the scale set at it and replaces no machine", async () => {
    await expectNoRollout();
    expect(inModel()).toBe(MONDAY);
    expect(capi.vms("mp1")).toHaveLength(3);
    expect(changesIn((await stack.preview()).orFail())).toEqual([]);
});

test("a machine added now is made from it, and joins by itself", async () => {
    const before = capi.vms("mp1").map(({ nodeName }) => nodeName);
    await capi.scale("mp1", 4);
    const added = capi.vms("mp1").find(({ nodeName }) => !before.includes(nodeName))!;
    expect(added).toMatchObject({ joined: true, bootedClean: true });
    expect(sandbox.nodes.patchLevel(added.nodeName)).toBe("2026-11-16");
});

test("the next bump is one line", async () => {
    await reboot(capi.vms("mp1")[1], "2026-11-17T04:12:00Z");
    const preview = (await stack.preview("--diff")).orFail();
    expect(changesIn(preview)).toContain("update MachinePoolImage mp1");
    const [, diff] = /MachinePoolImage: \(update\)([^]*?)\n {4}\S/.exec(preview.output) ?? [];
    expect(diff.match(/^ *[~+-] .*/gm)?.map((line) => line.trim().replace(/ +:/g, ":"))).toEqual([
        "~ computeGallery: {",
        `~ version: "${MONDAY}" => "${TUESDAY}"`,
    ]);
    (await stack.up("--skip-preview")).orFail();
    expect((await image()).computeGallery.version).toBe(TUESDAY);
    await expectNoRollout();
    expect(inModel()).toBe(TUESDAY);
});

test("both bumps are Events on the MachinePool", async () => {
    expect(await imageEvents(bed, "MachinePool", "mp1")).toEqual([
        `image of new machines: ${MONDAY} (AzureMachinePool mp1)`,
        `image of new machines: ${MONDAY} → ${TUESDAY} (AzureMachinePool mp1)`,
    ]);
});

test("npm run status sees the image in the scale set, its machines, and nobody else's change", async () => {
    const { all, exitCode, pools } = await npmRunStatus(stack);
    expect(exitCode, all).toBe(0);
    const [{ images, nodes, attention }] = pools;
    expect(attention).toEqual([]);
    expect(images.find(({ current }) => current)).toMatchObject({ image: TUESDAY, machines: 0 });
    expect(nodes).toHaveLength(4);
});

test("a pin goes back to the image before, and without it the pool goes on", async () => {
    await stack.configure({ pools: [{ machinePool: "default/mp1", pin: MONDAY }] });
    (await stack.up("--skip-preview")).orFail();
    expect((await image()).computeGallery.version).toBe(MONDAY);
    await stack.configure({ pools: [{ machinePool: "default/mp1" }] });
    (await stack.up("--skip-preview")).orFail();
    expect((await image()).computeGallery.version).toBe(TUESDAY);
});

test("an image that somebody else sets stops the run, which names the program, until the configuration decides", async () => {
    const computeGallery = { ...(await image()).computeGallery, version: MONDAY };
    await capi.objects.patch("AzureMachinePool", "mp1", { spec: { template: { image: { computeGallery } } } });
    const stopped = await stack.preview();
    expect(stopped.exitCode).not.toBe(0);
    expect(stopped.output).toMatch(
        /mp1: image was changed from 2026\.1117\.0412 to 2026\.1116\.0412 since the last run \(last written by \S+ at \S+\)/,
    );
    await stack.configure({ onForeignChange: "restore" });
    (await stack.up("--skip-preview")).orFail();
    expect((await image()).computeGallery.version).toBe(TUESDAY);
    expect(changesIn((await stack.preview()).orFail())).toEqual([]);
});

test("a pool that is no longer set to keep its machines is refused, with the patch that makes it so", async () => {
    const rollingUpdate = { maxSurge: 1, maxUnavailable: 0 };
    await capi.objects.patch("AzureMachinePool", "mp1", { spec: { strategy: { rollingUpdate } } });
    const refused = await stack.preview();
    expect(refused.exitCode).not.toBe(0);
    expect(refused.output).toContain(
        "CAPZ would replace its machines once the image changes (maxSurge 1, maxUnavailable 0)",
    );
    await capi.objects.patch("AzureMachinePool", "mp1", { spec: { strategy: { rollingUpdate: NO_ROLLOUT } } });
    (await stack.preview()).orFail();
});

test("a pool that wants another Kubernetes version is never pointed at an image of the old one", async () => {
    const { spec } = await capi.objects.get("MachinePool", "mp1");
    const { version } = (spec as { template: { spec: { version: string } } }).template.spec;
    const want = (other: string) =>
        capi.objects.patch("MachinePool", "mp1", { spec: { template: { spec: { version: other } } } });
    await want("v1.25.3");
    const refused = await stack.preview();
    expect(refused.exitCode).not.toBe(0);
    expect(refused.messages("error").join("\n")).toContain(
        `pools[0].machinePool: image ${TUESDAY} has kubelet ${version}, and MachinePool default/mp1 wants v1.25.3: give it an image`,
    );
    expect(refused.output).not.toMatch(/^\s+at .*\.ts:/m);
    // None fits. CAPZ may have begun a surge while the pool was not set to keep its machines.
    expect(lineOf(refused, "mp1")).toMatch(/\((\d) nodes: \1 with another kubelet version than the pool's\)/);
    await want(version);
    (await stack.preview()).orFail();
});

test("the stack goes without a change of the pool", async () => {
    const before = await image();
    (await stack.destroy("--exclude-protected")).orFail();
    expect((await stack.resources()).map(({ type }) => type)).not.toContain(
        "pulumi-nodejs:dynamic/kamino:MachinePoolImage",
    );
    expect(await image()).toEqual(before);
});
