// What the local Azure lets be changed of an image version, and what it does not.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AzureSandbox } from "../../sandbox/azure/index";
import { computeClient, finished, sender, startForTest, type Plain, type Send } from "./support";

const GROUP = "kept-rg";
const API = "api-version=2024-03-03";
const location = "westeurope";
const below = (path: string) => `resourceGroups/${GROUP}/providers/Microsoft.Compute/${path}`;

let azure: AzureSandbox;
let close: () => Promise<void>;
let send: Send;
let source: string;

beforeAll(async () => {
    ({ azure, close } = await startForTest());
    send = await sender(azure);
    const pool = await azure.createScaleSet({ name: "pool1", resourceGroup: GROUP, capacity: 1 });
    const client = computeClient(azure);
    await client.galleries.createOrUpdate(GROUP, "kamino", { location });
    await client.galleryImages.createOrUpdate(GROUP, "kamino", "pool1", {
        ...{ location, osType: "Linux", osState: "Generalized", hyperVGeneration: "V1" },
        identifier: { publisher: "kamino", offer: "node-image", sku: "pool1" },
    });
    const snapshot = await client.snapshots.createOrUpdate(GROUP, "snap", {
        location,
        creationData: { createOption: "Copy", sourceResourceId: azure.vms(pool.id)[0].osDiskId },
    });
    source = snapshot.id ?? "";
});
afterAll(() => close());

/** Puts a version with this publishing profile. */
const put = (version: string, publishingProfile: object, more: object = {}) =>
    send("PUT", `${below(`galleries/kamino/images/pool1/versions/${version}`)}?${API}`, {
        location,
        properties: { publishingProfile, storageProfile: { osDiskImage: { source: { id: source } } }, ...more },
    });

async function done(accepted: Plain): Promise<void> {
    expect(accepted.status, accepted.text).toBeLessThan(300);
    const ended = await finished(send, accepted);
    expect(ended.body.status, ended.text).toBe("Succeeded");
}

const profileOf = async (version: string) =>
    (await send("GET", `${below(`galleries/kamino/images/pool1/versions/${version}`)}?${API}`)).body.properties
        .publishingProfile as unknown as { replicaCount: number; targetRegions: object[] };
const errorOf = ({ status, body }: Plain) => [status, (body as unknown as { error: { code: string } }).error.code];

describe("an image version that exists", () => {
    const [here, there] = [{ name: location }, { name: "northeurope" }];
    beforeAll(async () => {
        await done(await put("1.0.0", { storageAccountType: "Standard_ZRS", targetRegions: [here] }));
    });

    test("keeps its storage type: another one is refused in Azure's own words", async () => {
        const refused = await put("1.0.0", { storageAccountType: "Standard_LRS", targetRegions: [here] });
        expect(errorOf(refused)).toEqual([400, "InvalidParameter"]);
        expect(refused.text).toContain(
            "Global storage account type does not match the storage account type in the existing TargetRegion: 'West Europe'. " +
                "Please specify 'Standard_ZRS' as the storage account type for this region.",
        );
    });

    test.each([
        ["in one of its regions", { targetRegions: [{ ...here, storageAccountType: "Standard_LRS" }] }],
        [
            "as a whole, though its regions are named with theirs",
            {
                storageAccountType: "Standard_LRS",
                targetRegions: [{ ...here, storageAccountType: "Standard_ZRS" }],
            },
        ],
    ])("keeps its storage type %s", async (_where, profile) => {
        expect(errorOf(await put("1.0.0", profile))).toEqual([409, "PropertyChangeNotAllowed"]);
    });

    test("takes other numbers of replicas, further regions and fewer", async () => {
        const both = { storageAccountType: "Standard_ZRS", replicaCount: 2, targetRegions: [here, there] };
        await done(await put("1.0.0", both));
        expect(await profileOf("1.0.0")).toMatchObject({
            replicaCount: 2,
            targetRegions: [{ name: "West Europe" }, { name: "North Europe", regionalReplicaCount: 2 }],
        });
        const refused = await put("1.0.0", { ...both, targetRegions: [here] });
        expect(errorOf(refused)).toEqual([400, "InvalidParameter"]);
        expect(refused.text).toContain("Deletion of previously replicated locations is not allowed");
        const allowed = { safetyProfile: { allowDeletionOfReplicatedLocations: true } };
        await done(await put("1.0.0", { ...both, targetRegions: [here] }, allowed));
        expect((await profileOf("1.0.0")).targetRegions).toHaveLength(1);
    });

    test("goes to no region without zones as it is, and does with a storage type of that region's own", async () => {
        const elsewhere = (more: object) => ({
            storageAccountType: "Standard_ZRS",
            targetRegions: [here, { name: "germanynorth", ...more }],
        });
        await done(await put("2.0.0", elsewhere({ storageAccountType: "Standard_LRS" })));
        await done(await put("2.0.0", { targetRegions: [here, { name: "germanynorth" }] }));
        expect((await profileOf("2.0.0")).targetRegions).toMatchObject([
            { storageAccountType: "Standard_ZRS" },
            { storageAccountType: "Standard_LRS" },
        ]);
        const failed = await finished(send, await put("1.0.0", elsewhere({})));
        expect(failed.body).toMatchObject({
            status: "Failed",
            error: { message: expect.stringContaining("ZRS is not supported") as string },
        });
    });

    test("whose last change failed stays where it was, and takes the next change", async () => {
        await done(await put("5.0.0", { targetRegions: [here] }));
        const message = "Gallery replication jobs failed in one or more regions.";
        azure.faults.failOperation({ path: /5\.0\.0/, method: "PUT", times: 1, code: "ValidationError", message });
        const failed = await finished(send, await put("5.0.0", { targetRegions: [here, there] }));
        expect(failed.body.status).toBe("Failed");
        const { body } = await send(
            "GET",
            `${below("galleries/kamino/images/pool1/versions/5.0.0")}?${API}&$expand=ReplicationStatus`,
        );
        expect(body.properties).toMatchObject({
            provisioningState: "Failed",
            replicationStatus: { summary: [{ state: "Completed" }, { state: "Failed" }] },
        });
        const machine = (name: string, place: string) =>
            azure.createVm({ name, resourceGroup: GROUP, location: place, imageId: body.id as unknown as string });
        // Nobody has cleaned the disk, so that a machine starts from the image and does not come up.
        const startsFromIt = "OS Provisioning for VM";
        await expect(machine("here", location)).rejects.toThrow(startsFromIt);
        await expect(machine("there", there.name)).rejects.toThrow("is not available in northeurope region");
        await done(await put("5.0.0", { targetRegions: [here, there] }));
        await expect(machine("there2", there.name)).rejects.toThrow(startsFromIt);
    });

    test("gets no other keys, and keeps those that it has where a request leaves them out", async () => {
        const [keys, others] = ["keys", "others"].map((name) => azure.addDiskEncryptionSet(name, GROUP, location));
        const keyed = (diskEncryptionSetId: string) => ({
            targetRegions: [{ ...here, encryption: { osDiskImage: { diskEncryptionSetId } } }],
        });
        await done(await put("3.0.0", keyed(keys)));
        await done(await put("4.0.0", { targetRegions: [here] }));
        expect(errorOf(await put("3.0.0", keyed(others)))).toEqual([409, "PropertyChangeNotAllowed"]);
        expect(errorOf(await put("4.0.0", keyed(keys)))).toEqual([409, "PropertyChangeNotAllowed"]);
        await done(await put("3.0.0", { replicaCount: 2, targetRegions: [here] }));
        expect((await profileOf("3.0.0")).targetRegions).toMatchObject([
            { encryption: { osDiskImage: { diskEncryptionSetId: keys } } },
        ]);
    });
});
