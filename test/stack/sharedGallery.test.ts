// Clusters that share a gallery: each pool has its own image definition there, also where their names read alike, and
// none takes another stack's images for its own.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { ScaleSet } from "../../sandbox/azure";
import { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { computeClient } from "../azure/support";
import { changesIn, writes } from "./support/pools";

const MINUTE = 60_000;
const MONDAY = "2026.1116.0412";
const location = "westeurope";

let sandbox: Sandbox;
let gallery: string;

beforeAll(async () => {
    sandbox = await startSandbox();
    sandbox.azure.createResourceGroup("images", location);
    gallery = (await computeClient(sandbox.azure).galleries.createOrUpdate("images", "fleet", { location })).id ?? "";
}, 10 * MINUTE);
afterAll(() => sandbox?.stop());
beforeEach(() => sandbox.azure.requests.clear());

/**
 * A cluster of one pool, whose first node has been rebooted, and its stack. All clusters share an API server, so that
 * no two scale sets have the same name.
 */
async function cluster(resourceGroup: string, scaleSet: string): Promise<{ pool: ScaleSet; stack: Stack }> {
    const { azure, nodes } = sandbox;
    const pool = await azure.createScaleSet({ name: "pool1", resourceGroup, scaleSet, capacity: 1 });
    await nodes.settled();
    await nodes.patchAndReboot(azure.vms(pool.id)[0].nodeName, { at: new Date("2026-11-16T04:12:00Z") });
    const stack = await Stack.create({
        ...{ runDirectory: sandbox.directory, env: sandbox.env, name: resourceGroup },
        config: { resourceGroup, gallery, pools: [{ name: "pool1", scaleSet }], capture: "copy", gracePeriod: "1s" },
    });
    return { pool, stack };
}

/** The definitions of the gallery with their versions. */
async function definitions(): Promise<Record<string, string[]>> {
    const { galleryImages, galleryImageVersions } = computeClient(sandbox.azure);
    const found: Record<string, string[]> = {};
    for await (const { name = "" } of galleryImages.listByGallery("images", "fleet")) {
        found[name] = [];
        for await (const version of galleryImageVersions.listByGalleryImage("images", "fleet", name)) {
            found[name].push(version.name ?? "");
        }
    }
    return found;
}

const make = (name: string, tags?: Record<string, string>) =>
    computeClient(sandbox.azure).galleryImages.createOrUpdate("images", "fleet", name, {
        ...{ location, tags, osType: "Linux", osState: "Generalized", hyperVGeneration: "V1" },
        identifier: { publisher: "kamino", offer: "node-image", sku: name },
    });

test("pools whose names read alike have a definition each, and an image of their own node", async () => {
    const clusters = [await cluster("prod", "eu-pool1"), await cluster("prod-eu", "pool1")];
    for (const { stack } of clusters) {
        (await stack.up("--skip-preview")).orFail();
    }
    const made = Object.entries(await definitions());
    expect(made.map(([name]) => name.replace(/-[0-9a-f]{8}$/, ""))).toEqual(["prod-eu-pool1", "prod-eu-pool1"]);
    expect(made.map(([, versions]) => versions)).toEqual([[MONDAY], [MONDAY]]);
    for (const { stack } of clusters) {
        (await stack.up("--skip-preview")).orFail();
        expect(changesIn((await stack.preview()).orFail())).toEqual([]);
    }
    expect(Object.keys(await definitions())).toHaveLength(2);
});

test("another stack's definition of the name that earlier versions gave is left alone", async () => {
    await make("east-pool2", { "kamino-stack": "organization/kamino/another" });
    const { stack } = await cluster("east", "pool2");
    const preview = (await stack.preview()).orFail();
    expect(changesIn(preview)).toContain("create GalleryImage pool1");
    expect(changesIn(preview)).toContain(`create GalleryImageVersion pool1-${MONDAY}`);
});

test("a definition that was made beforehand is used, and no more once it is another stack's", async () => {
    await make("west-pool3");
    const { stack } = await cluster("west", "pool3");
    (await stack.up("--skip-preview")).orFail();
    expect(await definitions()).toMatchObject({ "west-pool3": [MONDAY] });

    await make("west-pool3", { "kamino-stack": "organization/kamino/another" });
    sandbox.azure.requests.clear();
    // Before the model points at its image, and after.
    for (const _when of ["before", "after"]) {
        const refused = await stack.preview();
        expect(refused.exitCode).not.toBe(0);
        expect(refused.messages("error").join("\n")).toContain(
            `kamino:gallery: image definition ${gallery}/images/west-pool3 was made by stack "organization/kamino/another" (its tag ` +
                `kamino-stack), whose images would count as those of pool "pool1"; release the pool, and add it with another gallery ` +
                `(docs/releasing-a-pool.md), or, if that stack does not keep this pool any more, take the tag off, or set it to "organization/kamino/west" where this stack was renamed`,
        );
        expect(writes(sandbox)).toEqual([]);
        const { galleryImages } = computeClient(sandbox.azure);
        await galleryImages.update("images", "fleet", "west-pool3", { tags: {} });
        (await stack.up("--skip-preview")).orFail();
        expect(changesIn((await stack.preview()).orFail())).toEqual([]);
        await make("west-pool3", { "kamino-stack": "organization/kamino/another" });
        sandbox.azure.requests.clear();
    }
});
