// A cleaned disk that a killed run has left, and that a later reboot makes useless, on the real engine.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { computeClient } from "../azure/support";
import { patch, poolStack, scaleSetOf, versionsInGallery } from "./support/pools";

const MINUTE = 60_000;
const MONDAY = "2026.1116.0412";
const TUESDAY = "2026.1117.0412";
const WEDNESDAY = "2026.1118.0412";

let sandbox: Sandbox;
let stack: Stack;

beforeAll(async () => {
    sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 3 }] });
    await patch(sandbox, "pool1", 0, "2026-11-16T04:12:00Z");
    stack = await poolStack(sandbox, ["pool1"], { capture: "copy", kuredLock: false, keepSnapshots: true });
}, 10 * MINUTE);
afterAll(() => sandbox?.stop());

const client = () => computeClient(sandbox.azure);
const group = () => scaleSetOf(sandbox, "pool1").resourceGroup;

/** Versions of the disks that captures have made. */
async function copies(): Promise<string[]> {
    const versions: string[] = [];
    for await (const { tags } of client().disks.listByResourceGroup(group())) {
        versions.push(...(tags?.["managed-by"] === "kamino" ? [tags.version] : []));
    }
    return versions.sort();
}

/** Makes the disk of a version look as if it had been captured the day before. */
async function age(version: string): Promise<void> {
    for await (const { name = "", tags } of client().disks.listByResourceGroup(group())) {
        if (tags?.version === version) {
            const captured = new Date(Date.now() - 24 * 60 * MINUTE).toISOString();
            await client()
                .disks.update(group(), name, { tags: { ...tags, captured } })
                .pollUntilDone();
        }
    }
}

/** An update whose engine is killed right after a copy was marked as cleaned. */
async function killedAfterCleaning(): Promise<void> {
    const running = stack.start("up", "--skip-preview");
    let cleaned = false;
    sandbox.azure.faults.watcher = {
        before: () => undefined,
        after: ({ method, path }) => {
            if (method === "PATCH" && path.includes("/disks/") && !cleaned) {
                cleaned = true;
                running.kill();
            }
        },
    };
    await running.outcome;
    sandbox.azure.faults.watcher = undefined;
    expect(cleaned).toBe(true);
    await stack.run("cancel", "--yes");
}

test("an image's disk stays with keepSnapshots", async () => {
    (await stack.up()).orFail();
    (await stack.up()).orFail();
    expect([await versionsInGallery(sandbox, "pool1"), await copies()]).toEqual([[MONDAY], [MONDAY]]);
});

test("a disk whose run was killed after it had cleaned it goes with a later reboot's image, and what is kept stays", async () => {
    await patch(sandbox, "pool1", 1, "2026-11-17T04:12:00Z");
    await killedAfterCleaning();
    expect(await copies()).toEqual([MONDAY, TUESDAY]);
    await age(MONDAY);
    await age(TUESDAY);
    await patch(sandbox, "pool1", 2, "2026-11-18T04:12:00Z");
    const bumped = (await stack.up()).orFail();
    const [said] = bumped.messages("info").filter((line) => line.includes("deleted disk"));
    expect(said).toMatch(
        new RegExp(
            `^pool1: deleted disk \\S+/disks/\\S+, which an earlier run has cleaned of node \\S+ for image ${TUESDAY}: no image`,
        ),
    );
    (await stack.up()).orFail();
    expect(await versionsInGallery(sandbox, "pool1")).toEqual([MONDAY, WEDNESDAY]);
    expect(await copies()).toEqual([MONDAY, WEDNESDAY]);
});
