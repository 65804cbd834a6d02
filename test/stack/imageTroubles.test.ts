// What befalls images that exist: a change of them fails, they leave a region, or somebody deletes the one in use. No
// good image is lost, and the pool heals.
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { repository } from "../../sandbox/engine/paths";
import type { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { computeClient } from "../azure/support";
import {
    changesIn,
    galleryNameOf,
    imageOf,
    patch,
    poolStack,
    scaleSetOf,
    versionsInGallery,
    writes,
} from "./support/pools";

const MINUTE = 60_000;
const PACK = ["--policy-pack", join(repository, "policies")];
const [MONDAY, TUESDAY, WEDNESDAY] = ["2026.1116.0412", "2026.1117.0412", "2026.1118.0412"];

let sandbox: Sandbox;
let stack: Stack;

beforeAll(async () => {
    sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 4 }] });
    await patch(sandbox, "pool1", 0, "2026-11-16T04:12:00Z");
    stack = await poolStack(sandbox, ["pool1"], { capture: "copy" });
    (await stack.up("--skip-preview", ...PACK)).orFail();
    (await stack.up("--skip-preview", ...PACK)).orFail();
    await patch(sandbox, "pool1", 1, "2026-11-17T04:12:00Z");
    (await stack.up("--skip-preview", ...PACK)).orFail();
}, 10 * MINUTE);
afterAll(() => sandbox?.stop());
beforeEach(() => sandbox.azure.requests.clear());
afterEach(() => sandbox.azure.faults.clear());

function versions() {
    const { resourceGroup, name } = scaleSetOf(sandbox, "pool1");
    const path = [resourceGroup, galleryNameOf(resourceGroup), name] as const;
    const { galleryImageVersions: client } = computeClient(sandbox.azure);
    return {
        read: (version: string) => client.get(...path, version),
        remove: (version: string) => client.delete(...path, version).pollUntilDone(),
    };
}

/** Regions of a version, and its state. */
async function regionsOf(version: string): Promise<string> {
    const { publishingProfile, provisioningState } = await versions().read(version);
    const regions = publishingProfile?.targetRegions?.map(({ name }) => name).join(", ");
    return `${provisioningState} in ${regions}`;
}

test("an older image that Azure failed to bring to a further region stays, and is mended without that region", async () => {
    expect(imageOf(sandbox, "pool1")).toBe(TUESDAY);
    const message = "Gallery replication jobs failed in one or more regions.";
    const path = new RegExp(`/versions/${MONDAY}$`);
    sandbox.azure.faults.failOperation({ path, method: "PUT", code: "ValidationError", message });
    await stack.configure({ targetRegions: ["northeurope"] });
    expect((await stack.up("--skip-preview", ...PACK)).output).toContain(message);
    expect(await regionsOf(MONDAY)).toBe("Failed in West Europe, North Europe");

    sandbox.azure.faults.clear();
    await stack.configure({ targetRegions: undefined });
    const preview = (await stack.preview(...PACK)).orFail();
    expect(preview.output).toContain(
        `Azure could not carry out the last change of image ${MONDAY}, which is used in the regions that it was in`,
    );
    expect(changesIn(preview).filter((change) => change.startsWith("delete"))).toEqual([]);
    (await stack.up("--skip-preview", ...PACK)).orFail();
    expect(await versionsInGallery(sandbox, "pool1")).toEqual([MONDAY, TUESDAY]);
    expect([await regionsOf(MONDAY), await regionsOf(TUESDAY)]).toEqual([
        "Succeeded in West Europe",
        "Succeeded in West Europe",
    ]);
    const after = (await stack.preview(...PACK)).orFail();
    expect(changesIn(after)).toEqual([]);
    expect(after.output).not.toContain("could not carry out");
});

test("an image that somebody has deleted while it is in use is said, also after a refresh, and the next reboot heals the pool", async () => {
    const lost = `pool1: image ${TUESDAY} is not in the gallery any more, so no new node can start`;
    await versions().remove(TUESDAY);
    // It is protected in the state, which nobody has refreshed.
    const before = (await stack.up("--skip-preview", ...PACK)).orFail();
    expect(before.output).toContain(lost);

    (await stack.refresh()).orFail();
    for (const _again of [1, 2]) {
        const up = (await stack.up("--skip-preview", ...PACK)).orFail();
        expect(up.output).toContain(lost);
    }
    expect(writes(sandbox).filter((write) => write.startsWith("PUT"))).toEqual([]);
    expect(imageOf(sandbox, "pool1")).toBe(TUESDAY);
    expect(changesIn((await stack.preview(...PACK)).orFail())).toEqual([]);

    await patch(sandbox, "pool1", 2, "2026-11-18T04:12:00Z");
    expect((await stack.up("--skip-preview", ...PACK)).orFail().output).toContain(`→ ${WEDNESDAY}`);
    expect(imageOf(sandbox, "pool1")).toBe(WEDNESDAY);
    expect(await versionsInGallery(sandbox, "pool1")).toEqual([MONDAY, WEDNESDAY]);
    const after = (await stack.up("--skip-preview", ...PACK)).orFail();
    expect(after.output).not.toContain("not in the gallery any more");
    expect(changesIn((await stack.preview(...PACK)).orFail())).toEqual([]);
});
