// How Azure keeps a pool's images, when that changes: versions that exist keep what they were made with, which Azure
// does not change; new ones have what is configured by then.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { REGIONS } from "../../sandbox/azure/regions";
import type { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { computeClient } from "../azure/support";
import { changesIn, galleryNameOf, imageOf, patch, poolStack, scaleSetOf, writes } from "./support/pools";

const MINUTE = 60_000;
const [MONDAY, TUESDAY, WEDNESDAY, THURSDAY] = ["2026.1116.0412", "2026.1117.0412", "2026.1118.0412", "2026.1119.0412"];

let sandbox: Sandbox;
let stack: Stack;

beforeAll(async () => {
    sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 4 }] });
    await patch(sandbox, "pool1", 0, "2026-11-16T04:12:00Z");
    stack = await poolStack(sandbox, ["pool1"], { capture: "copy", maxHistory: 4 });
    (await stack.up("--skip-preview")).orFail();
    (await stack.up("--skip-preview")).orFail();
}, 10 * MINUTE);
afterAll(() => sandbox?.stop());
beforeEach(() => sandbox.azure.requests.clear());

/** The storage type of a version as Azure has it, and its regions. */
async function keptAs(version: string): Promise<string> {
    const { resourceGroup, name } = scaleSetOf(sandbox, "pool1");
    const { galleryImageVersions } = computeClient(sandbox.azure);
    const found = await galleryImageVersions.get(resourceGroup, galleryNameOf(resourceGroup), name, version);
    const { storageAccountType, targetRegions = [] } = found.publishingProfile ?? {};
    return `${storageAccountType} in ${targetRegions.map((region) => region.name).join(", ")}`;
}

const versionsWritten = () => writes(sandbox).filter((write) => write.startsWith("PUT versions/"));

/** Previews, and carries out that very plan. */
async function upAsPlanned(): Promise<string[]> {
    const plan = join(sandbox.directory, "plan.json");
    (await stack.preview("--save-plan", plan)).orFail();
    return changesIn((await stack.up("--plan", plan, "--skip-preview")).orFail());
}

test("a region without zones changes no version that exists; the next image goes there", async () => {
    expect(await keptAs(MONDAY)).toBe("Standard_ZRS in West Europe");
    await stack.configure({ targetRegions: ["germanynorth"] });
    expect(await upAsPlanned()).toEqual([]);
    expect(await keptAs(MONDAY)).toBe("Standard_ZRS in West Europe");

    await patch(sandbox, "pool1", 1, "2026-11-17T04:12:00Z");
    await upAsPlanned();
    expect(versionsWritten()).toEqual([`PUT versions/${TUESDAY}`]);
    expect(await keptAs(TUESDAY)).toBe("Standard_LRS in West Europe, Germany North");
    expect(imageOf(sandbox, "pool1")).toBe(TUESDAY);
});

test("zones that Azure begins to report change no version that exists, and the next image has them", async () => {
    const region = REGIONS.find(({ name }) => name === "germanynorth")!;
    region.zones = true;
    try {
        await patch(sandbox, "pool1", 2, "2026-11-18T04:12:00Z");
        const changes = await upAsPlanned();
        // There are zones in each region of Monday's version now.
        expect(versionsWritten().sort()).toEqual([`PUT versions/${MONDAY}`, `PUT versions/${WEDNESDAY}`]);
        expect(changes).toContain(`create GalleryImageVersion pool1-${WEDNESDAY}`);
        expect(await keptAs(TUESDAY)).toBe("Standard_LRS in West Europe, Germany North");
        expect(await keptAs(WEDNESDAY)).toBe("Standard_ZRS in West Europe, Germany North");
    } finally {
        region.zones = false;
    }
});

test("a storage type that is configured later is that of new versions alone, and others still get fewer regions", async () => {
    await stack.configure({ storageAccountType: "Premium_LRS", targetRegions: undefined, replicaCount: 2 });
    await upAsPlanned();
    expect(versionsWritten()).toHaveLength(3);
    const kept = [await keptAs(MONDAY), await keptAs(TUESDAY), await keptAs(WEDNESDAY)];
    expect(kept).toEqual(["Standard_ZRS", "Standard_LRS", "Standard_ZRS"].map((type) => `${type} in West Europe`));
    expect(changesIn((await stack.preview()).orFail())).toEqual([]);
});

test("a version that Azure could not make for its storage type is made anew with the one that is configured by then", async () => {
    await stack.configure({ storageAccountType: "Standard_ZRS", targetRegions: ["germanynorth"] });
    await patch(sandbox, "pool1", 3, "2026-11-19T04:12:00Z");
    const failed = await stack.up("--skip-preview");
    expect(failed.output).toContain("ZRS is not supported");
    await stack.configure({ storageAccountType: "Standard_LRS" });
    const changes = changesIn((await stack.up("--skip-preview")).orFail());
    expect(changes.filter((change) => change.includes(`GalleryImageVersion pool1-${THURSDAY}`))).not.toEqual([]);
    expect(await keptAs(THURSDAY)).toBe("Standard_LRS in West Europe, Germany North");
    await stack.configure({ storageAccountType: "Premium_LRS" });
    expect(changesIn((await stack.preview()).orFail())).toEqual([]);
});

test("the keys that a version was made with stay, whatever the pool's disks have by now", async () => {
    interface Made {
        type: string;
        inputs: { publishingProfile: { targetRegions: { encryption?: object }[] } };
    }
    const file = join(sandbox.directory, "state.json");
    const state = (await stack.run("stack", "export")).orFail().json<{ deployment: { resources: Made[] } }>();
    const made = state.deployment.resources.filter(({ type }) => type.endsWith(":GalleryImageVersion"));
    expect(made).toHaveLength(4);
    for (const { inputs } of made) {
        inputs.publishingProfile.targetRegions[0].encryption = { osDiskImage: { diskEncryptionSetId: "/a/set" } };
    }
    writeFileSync(file, JSON.stringify(state));
    (await stack.run("stack", "import", "--file", file)).orFail();
    expect(changesIn((await stack.preview()).orFail())).toEqual([]);
});

test("the identifier that a definition was made with stays, whatever a new one would have", async () => {
    interface Made {
        type: string;
        inputs: { identifier?: { sku: string } };
    }
    const file = join(sandbox.directory, "state.json");
    const state = (await stack.run("stack", "export")).orFail().json<{ deployment: { resources: Made[] } }>();
    const [definition] = state.deployment.resources.filter(({ type }) => type.endsWith(":GalleryImage"));
    definition.inputs.identifier!.sku = "as-it-was-made";
    writeFileSync(file, JSON.stringify(state));
    (await stack.run("stack", "import", "--file", file)).orFail();
    expect(changesIn((await stack.preview()).orFail())).toEqual([]);
});
