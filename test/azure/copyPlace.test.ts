// What a run finds of a copy that an earlier one has made, by the state of its disk.
import { afterAll, beforeAll, expect, test } from "vitest";
import { CopyPlace } from "../../components/capture/copy/disk";
import { configure } from "../../components/pool/newUpdatedNodesProvider";
import type { AzureSandbox } from "../../sandbox/azure";
import { computeClient, startForTest } from "./support";

const location = "westeurope";
let azure: AzureSandbox;
let close: () => Promise<void>;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
    ({ azure, close } = await startForTest());
    env = { ...process.env };
    Object.assign(process.env, azure.env, { NODE_TLS_REJECT_UNAUTHORIZED: "0" });
    await configure({ config: { get: () => undefined } } as unknown as Parameters<typeof configure>[0]);
});
afterAll(async () => {
    process.env = env;
    await close();
});

const nameOf = ({ diskId }: CopyPlace) => diskId.split("/").at(-1) ?? "";

test("a copy that a gallery is reading is left alone: it is used where it is clean, and else in use", async () => {
    const { id: scaleSetId, resourceGroup } = await azure.createScaleSet({ name: "pool1", capacity: 1 });
    const [vm] = azure.vms(scaleSetId);
    const target = {
        ...{ pool: "pool1", version: "2026.1122.0412", node: vm.nodeName, scaleSetId, instanceId: vm.instanceId },
        rebootNeededAt: "2026-11-22T04:12:00Z",
    };
    const place = new CopyPlace(target, resourceGroup, {});
    const source = { id: vm.osDiskId, location };
    const { signal } = new AbortController();
    expect(await place.found()).toEqual({ state: "none" });
    const capturedAt = await place.takeSnapshot(source, signal);
    await place.makeDisk(source, undefined, capturedAt, signal);
    expect(await place.found()).toEqual({ state: "other" });
    await place.markCleaned(capturedAt, "sha256:1");
    expect(await place.found()).toEqual({ state: "cleaned", capturedAt });

    const client = computeClient(azure);
    await client.galleries.createOrUpdate(resourceGroup, "g", { location });
    await client.galleryImages.createOrUpdate(resourceGroup, "g", "pool1", {
        ...{ location, osType: "Linux", osState: "Generalized", hyperVGeneration: "V1" },
        identifier: { publisher: "p", offer: "o", sku: "s" },
    });
    azure.faults.neverEnd({ path: /\/versions\//, method: "PUT" });
    const storageProfile = { osDiskImage: { source: { id: place.diskId } } };
    const version = client.galleryImageVersions.createOrUpdate(resourceGroup, "g", "pool1", "1.0.0", {
        ...{ location, storageProfile },
    });
    await version.submitted();
    expect(await place.found()).toEqual({ state: "cleaned", capturedAt });
    const { tags: { cleaned: _gone, ...tags } = {} } = await client.disks.get(resourceGroup, nameOf(place));
    await client.disks.update(resourceGroup, nameOf(place), { tags }).pollUntilDone();
    expect(await place.found()).toEqual({ state: "used", by: "being read (ActiveSAS)" });
    azure.faults.clear();
    await version.pollUntilDone();
    expect(await place.found()).toEqual({ state: "other" });
});
