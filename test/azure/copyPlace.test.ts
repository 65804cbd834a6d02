// What a run finds of a copy that an earlier one has made, by the state of its disk.
import { afterAll, beforeAll, expect, test } from "vitest";
import { STACK_TAG } from "../../components/azure/tags";
import { CopyPlace } from "../../components/capture/copy/disk";
import { deleteOrphans } from "../../components/capture/copy/orphans";
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

test("of cleaned disks that no image is kept of those go that no image version was made of, with a line each", async () => {
    const { id: scaleSetId, resourceGroup } = await azure.createScaleSet({ name: "pool2", capacity: 1 });
    const [vm] = azure.vms(scaleSetId);
    const stack = "organization/kamino/prod";
    const { signal } = new AbortController();
    const of = (version: string) => {
        const target = { pool: "pool2", version, node: vm.nodeName, scaleSetId, instanceId: vm.instanceId };
        return { target, place: new CopyPlace(target, resourceGroup, { [STACK_TAG]: stack }) };
    };
    const versions = ["2026.1119.0412", "2026.1120.0412", "2026.1121.0412"];
    for (const { place } of versions.map(of)) {
        await place.takeSnapshot({ id: vm.osDiskId, location }, signal);
        const yesterday = new Date(Date.now() - 24 * 3_600_000).toISOString();
        await place.makeDisk({ id: vm.osDiskId, location }, undefined, yesterday, signal);
        await place.markCleaned(yesterday, "sha256:1");
    }
    const client = computeClient(azure);
    await client.galleries.createOrUpdate(resourceGroup, "g2", { location });
    const { id: imageDefinitionId = "" } = await client.galleryImages
        .createOrUpdate(resourceGroup, "g2", "pool2", {
            ...{ location, osType: "Linux", osState: "Generalized", hyperVGeneration: "V1" },
            identifier: { publisher: "p", offer: "o", sku: "s2" },
        })
        .pollUntilDone();
    const storageProfile = { osDiskImage: { source: { id: of(versions[0]).place.diskId } } };
    await client.galleryImageVersions
        .createOrUpdate(resourceGroup, "g2", "pool2", versions[0], { location, storageProfile })
        .pollUntilDone();
    const { target, place } = of("2026.1122.0412");
    const cleaned = await place.deleteLeftovers();
    expect(cleaned.map(({ tags }) => tags?.version).sort()).toEqual(versions);
    await deleteOrphans(target, cleaned, { stack, kept: [versions[1]], imageDefinitionId });
    expect((await place.deleteLeftovers()).map(({ tags }) => tags?.version).sort()).toEqual(versions.slice(0, 2));
});
