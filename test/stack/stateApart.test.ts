// State and Azure have come apart: what is in Azure is taken into the stack again, and never created or replaced.
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { repository } from "../../sandbox/engine/paths";
import type { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { computeClient } from "../azure/support";
import { changesIn, galleryNameOf, imageOf, patch, poolStack, scaleSetOf, writes } from "./support/pools";

const MINUTE = 60_000;
const PACK = ["--policy-pack", join(repository, "policies")];
const [FIRST, SECOND] = ["2026.1116.0412", "2026.1117.0412"];
const POOLS = ["pool2", "pool3", "pool4", "pool5"];

let sandbox: Sandbox;

beforeAll(async () => {
    sandbox = await startSandbox({ pools: POOLS.map((name) => ({ name, capacity: 2 })) });
    await Promise.all(POOLS.map((pool) => patch(sandbox, pool, 0, "2026-11-16T04:12:00Z")));
}, 10 * MINUTE);
afterAll(() => sandbox?.stop());
beforeEach(() => sandbox.azure.requests.clear());

const update = async (stack: Stack) => (await stack.up("--skip-preview", ...PACK)).orFail();
const unchanged = async (stack: Stack) => expect(changesIn((await stack.preview(...PACK)).orFail())).toEqual([]);

/** A stack of this pool whose model points at its first image. */
async function stackOf(pool: string, name: string): Promise<Stack> {
    const stack = await poolStack(sandbox, [pool], { capture: "copy" }, name);
    await update(stack);
    await update(stack);
    expect(imageOf(sandbox, pool)).toBe(FIRST);
    sandbox.azure.requests.clear();
    return stack;
}

async function bumped(stack: Stack, pool: string): Promise<void> {
    await patch(sandbox, pool, 1, "2026-11-17T04:12:00Z");
    await update(stack);
    expect(imageOf(sandbox, pool)).toBe(SECOND);
}

test("a scale set that has left the state is adopted again, and bumped in a later run", async () => {
    const stack = await stackOf("pool2", "forgotten");
    const scaleSet = (await stack.resources()).find(({ type }) => type.endsWith(":VirtualMachineScaleSet"))!;
    (await stack.run("state", "delete", scaleSet.urn, "--force", "--yes")).orFail();
    const preview = (await stack.preview(...PACK)).orFail();
    expect(changesIn(preview)).toEqual(["import VirtualMachineScaleSet pool2"]);
    await update(stack);
    expect(writes(sandbox)).toEqual([]);
    await update(stack);
    await unchanged(stack);
    await bumped(stack, "pool2");
});

test("a stack whose state is lost takes in its gallery, its definition and its scale set", async () => {
    const lost = await stackOf("pool3", "lost");
    (await lost.run("stack", "rm", "--force", "--yes")).orFail();
    const stack = await poolStack(sandbox, ["pool3"], { capture: "copy" }, "lost");
    const preview = (await stack.preview(...PACK)).orFail();
    const gallery = galleryNameOf(scaleSetOf(sandbox, "pool3").resourceGroup, "lost");
    expect(changesIn(preview)).toEqual(
        expect.arrayContaining([
            `import Gallery ${gallery}`,
            "import GalleryImage pool3",
            "import VirtualMachineScaleSet pool3",
        ]),
    );
    await update(stack);
    expect(writes(sandbox).filter((write) => !/snapshots|disks/.test(write))).toEqual([]);
    await update(stack);
    await unchanged(stack);
    await bumped(stack, "pool3");
});

test("a stack that is renamed keeps its gallery, its definition and its images", async () => {
    const stack = await stackOf("pool4", "former");
    (await stack.run("stack", "rename", "latter")).orFail();
    stack.env.PULUMI_OPTION_STACK = "latter";
    const preview = (await stack.preview(...PACK)).orFail();
    const gallery = galleryNameOf(scaleSetOf(sandbox, "pool4").resourceGroup, "former");
    expect(changesIn(preview)).toEqual([`update Gallery ${gallery}`, "update GalleryImage pool4"]);
    await update(stack);
    await unchanged(stack);
    await bumped(stack, "pool4");
});

test("another gallery is refused with the one to keep; the pool moves by its release", async () => {
    const stack = await stackOf("pool5", "moving");
    const { resourceGroup, name } = scaleSetOf(sandbox, "pool5");
    const old = galleryNameOf(resourceGroup, "moving");
    await stack.configure({ gallery: "elsewhere" });
    const refused = await stack.preview(...PACK);
    expect(refused.exitCode).not.toBe(0);
    const [line, ...others] = refused.messages("error");
    expect(others).toEqual([]);
    expect(line).toContain(`kamino:gallery: the images of pool "pool5" are in `);
    expect(line).toContain(`keep kamino:gallery: ${old}, or release the pool and add it with the other gallery`);
    for (const kept of [old, `${line.match(/\/subscriptions\/\S+(?=\/images)/)?.[0]}`]) {
        await stack.configure({ gallery: kept });
        await unchanged(stack);
    }

    // The release, as docs/releasing-a-pool.md has it; another pool keeps the stack going.
    const other = { name: "pool2", scaleSet: scaleSetOf(sandbox, "pool2").name };
    await stack.configure({ gallery: "elsewhere", pools: [other] });
    const said = (await stack.preview(...PACK)).messages("warning").join("\n");
    const urns = [...said.matchAll(/'(urn:[^']+)'/g)].map(([, urn]) => urn);
    expect(urns.map((urn) => urn.split(/[$:]+/).at(-2))).toEqual(
        expect.arrayContaining(["VirtualMachineScaleSet", "GalleryImageVersion", "GalleryImage", "Gallery"]),
    );
    (await stack.run("state", "unprotect", ...urns, "--yes")).orFail();
    await update(stack);
    await stack.configure({ pools: [other, { name: "pool5", scaleSet: name }] });
    await update(stack);
    await update(stack);
    await bumped(stack, "pool5");
    const { galleryImageVersions } = computeClient(sandbox.azure);
    const versions = [
        await galleryImageVersions.get(resourceGroup, old, name, FIRST),
        await galleryImageVersions.get(resourceGroup, "elsewhere", name, SECOND),
    ];
    expect(versions.map(({ provisioningState }) => provisioningState)).toEqual(["Succeeded", "Succeeded"]);
});
