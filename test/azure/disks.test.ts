// A copy of a running machine's disk: made, attached to another machine as a data disk, let go, and made into an image
// version.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ComputeManagementClient, VirtualMachineScaleSetVM } from "@azure/arm-compute";
import type { AzureSandbox, ScaleSet, Vm } from "../../sandbox/azure/index";
import { computeClient, sender, startForTest, type Send } from "./support";

interface Profile {
    storageProfile: { imageReference: { sku: string } };
}

const GROUP = "disks-rg";
const VERSION = "api-version=2024-03-02";
const location = "westeurope";
let azure: AzureSandbox;
let close: () => Promise<void>;
let client: ComputeManagementClient;
let send: Send;
let pool: ScaleSet;
let vms: Vm[];

beforeAll(async () => {
    ({ azure, close } = await startForTest());
    client = computeClient(azure);
    send = await sender(azure);
    pool = await azure.createScaleSet({ name: "pool1", resourceGroup: GROUP, capacity: 3, zones: ["1", "2"] });
    vms = azure.vms(pool.id);
});
afterAll(() => close());

const modelOf = (vm: Vm) => client.virtualMachineScaleSetVMs.get(GROUP, pool.name, vm.instanceId);

/** As the Azure Disk CSI driver does it: the VM's own model, with the disk in its list. */
async function attach(
    vm: Vm,
    disks: { lun: number; id?: string; createOption?: string }[],
): Promise<VirtualMachineScaleSetVM> {
    const model = await modelOf(vm);
    const dataDisks = [
        ...(model.storageProfile?.dataDisks ?? []),
        ...disks.map(({ lun, id, createOption = "Attach" }) => ({
            lun,
            createOption,
            caching: "None" as const,
            managedDisk: { id },
        })),
    ];
    const { osDisk } = model.storageProfile ?? {};
    return client.virtualMachineScaleSetVMs.update(GROUP, pool.name, vm.instanceId, {
        location,
        storageProfile: { osDisk, dataDisks },
    });
}

async function detach(vm: Vm): Promise<void> {
    const { storageProfile } = await modelOf(vm);
    const dataDisks = (storageProfile?.dataDisks ?? []).map((disk) => ({ ...disk, toBeDetached: true }));
    const body = { location, storageProfile: { dataDisks } };
    await client.virtualMachineScaleSetVMs.update(GROUP, pool.name, vm.instanceId, body);
}

async function copy(name: string, vm: Vm, zones: string[] | undefined = vm.zone ? [vm.zone] : undefined) {
    const snapshot = await client.snapshots.createOrUpdate(GROUP, name, {
        location,
        incremental: true,
        networkAccessPolicy: "DenyAll",
        publicNetworkAccess: "Disabled",
        creationData: { createOption: "Copy", sourceResourceId: vm.osDiskId },
    });
    return client.disks.createOrUpdate(GROUP, name, {
        location,
        zones,
        sku: { name: "StandardSSD_LRS" },
        networkAccessPolicy: "DenyAll",
        publicNetworkAccess: "Disabled",
        tags: { kamino: "copy" },
        creationData: { createOption: "Copy", sourceResourceId: snapshot.id },
    });
}

const refusal = (call: Promise<unknown>) =>
    call.then(
        () => "taken",
        (error: { statusCode?: number; code?: string; message?: string }) =>
            `${error.statusCode} ${error.code}: ${error.message}`,
    );

test("a disk from a snapshot has what its source has and what was asked for", async () => {
    const disk = await copy("whole", vms[0]);
    expect(disk).toMatchObject({
        zones: ["1"],
        tags: { kamino: "copy" },
        networkAccessPolicy: "DenyAll",
        publicNetworkAccess: "Disabled",
        diskState: "Unattached",
        osType: "Linux",
        hyperVGeneration: "V1",
        diskSizeGB: 30,
        sku: { name: "StandardSSD_LRS", tier: "Standard" },
        encryption: { type: "EncryptionAtRestWithPlatformKey" },
    });
    expect(disk.managedBy).toBeUndefined();
    expect(vms[0].power).toBe("running");
});

test.each([
    ["in a region without zones", { location: "westus", zones: ["1"] }, "400 AvailabilityZoneNotSupported"],
    ["in two zones", { location, zones: ["1", "2"] }, "400 InvalidParameter"],
    ["of no source", { location, creationData: { createOption: "Copy" } }, "400 InvalidParameter"],
])("a disk %s is refused", async (_what, body, expected) => {
    const given = { creationData: { createOption: "Empty" }, diskSizeGB: 8, ...body };
    expect(await refusal(client.disks.createOrUpdate(GROUP, "bad", given as never))).toContain(expected);
});

test("a disk of a source that is not there is refused", async () => {
    const creationData = { createOption: "Copy" as const, sourceResourceId: `${vms[0].osDiskId}x` };
    expect(await refusal(client.disks.createOrUpdate(GROUP, "bad", { location, creationData }))).toContain(
        "404 ResourceNotFound",
    );
});

test("a disk smaller than its source is refused", async () => {
    const body = {
        location,
        diskSizeGB: 10,
        creationData: { createOption: "Copy" as const, sourceResourceId: vms[0].osDiskId },
    };
    expect(await refusal(client.disks.createOrUpdate(GROUP, "small", body))).toContain("400 InvalidParameter");
});

describe("a data disk", () => {
    test("is attached by a write of the VM's model, is then the VM's, and is let go by toBeDetached", async () => {
        const { id = "" } = await copy("goes", vms[0]);
        const after = await attach(vms[0], [{ lun: 0, id }]);
        expect(after.storageProfile?.dataDisks).toMatchObject([
            { lun: 0, name: "goes", createOption: "Attach", managedDisk: { id } },
        ]);
        expect(after).toMatchObject({ modelDefinitionApplied: "VirtualMachine", provisioningState: "Succeeded" });
        expect(await client.disks.get(GROUP, "goes")).toMatchObject({ diskState: "Attached", managedBy: vms[0].id });
        expect(vms[0].power).toBe("running");
        expect(await refusal(client.disks.delete(GROUP, "goes"))).toContain("409 OperationNotAllowed");
        await client.virtualMachineScaleSetVMs.deallocate(GROUP, pool.name, vms[0].instanceId);
        expect((await client.disks.get(GROUP, "goes")).diskState).toBe("Reserved");
        await client.virtualMachineScaleSetVMs.start(GROUP, pool.name, vms[0].instanceId);
        await detach(vms[0]);
        expect((await client.disks.get(GROUP, "goes")).diskState).toBe("Unattached");
        await client.disks.delete(GROUP, "goes");
        expect(azure.diskFolder(id)).toBeUndefined();
    });

    test("cannot be on two machines", async () => {
        const { id } = await copy("shared", vms[0]);
        await attach(vms[0], [{ lun: 0, id }]);
        expect(await refusal(attach(vms[2], [{ lun: 0, id }]))).toContain("409 ConflictingUserInput");
        await detach(vms[0]);
    });

    test("must be in its machine's zone", async () => {
        const { id } = await copy("zone2", vms[0], ["2"]);
        expect(await refusal(attach(vms[0], [{ lun: 0, id }]))).toContain("VM zone: '1'. Disk zone: '2'.");
        const regional = await client.disks.createOrUpdate(GROUP, "nozone", { location, diskSizeGB: 4, creationData: { createOption: "Empty" } }); // prettier-ignore
        expect(await refusal(attach(vms[0], [{ lun: 0, id: regional.id }]))).toContain("400 BadRequest");
    });

    test("has its own LUN, and a place by the machine's size", async () => {
        const ids: (string | undefined)[] = [];
        for (let i = 0; i < 5; i++) {
            const body = { location, zones: ["1"], diskSizeGB: 4, creationData: { createOption: "Empty" as const } };
            ids.push((await client.disks.createOrUpdate(GROUP, `full${i}`, body)).id);
        }
        const twice = [0, 0].map((lun, index) => ({ lun, id: ids[index] }));
        expect(await refusal(attach(vms[0], twice))).toContain("A disk at LUN 0 already exists.");
        await attach(
            vms[0],
            ids.slice(0, 4).map((id, lun) => ({ lun, id })),
        );
        expect(await refusal(attach(vms[0], [{ lun: 4, id: ids[4] }]))).toContain(
            "The maximum number of data disks allowed to be attached to a VM of this size is 4.",
        );
        await detach(vms[0]);
    });

    test("that the model gave goes with its machine; one that was attached stays", async () => {
        const own = await azure.createScaleSet({
            name: "data",
            resourceGroup: GROUP,
            capacity: 1,
            dataDiskSizesGB: [64],
        });
        const [vm] = azure.vms(own.id);
        const before = await client.virtualMachineScaleSetVMs.get(GROUP, own.name, vm.instanceId);
        const [empty] = before.storageProfile?.dataDisks ?? [];
        expect(empty).toMatchObject({ lun: 0, createOption: "Empty", diskSizeGB: 64 });
        const kept = await client.disks.createOrUpdate(GROUP, "kept", {
            location,
            diskSizeGB: 4,
            creationData: { createOption: "Empty" },
        });
        await client.virtualMachineScaleSetVMs.update(GROUP, own.name, vm.instanceId, {
            location,
            storageProfile: { dataDisks: [empty, { lun: 1, createOption: "Attach", managedDisk: { id: kept.id } }] },
        });
        await client.virtualMachineScaleSetVMs.delete(GROUP, own.name, vm.instanceId);
        expect((await client.disks.get(GROUP, "kept")).diskState).toBe("Unattached");
        expect((await send("GET", `${empty.managedDisk?.id}?${VERSION}`)).status).toBe(404);
    });

    test("takes the right to write the disk besides the right to write the machine", async () => {
        const { id } = await copy("rights", vms[0]);
        const write = ["Microsoft.Compute/virtualMachineScaleSets/virtualMachines/write"];
        const driver = azure.principals.add({
            name: "driver",
            assignments: [{ scope: pool.id, role: { actions: write } }],
        });
        const as = await sender(azure, driver);
        const storageProfile = { dataDisks: [{ lun: 0, createOption: "Attach", managedDisk: { id } }] };
        const refused = await as("PUT", `${vms[0].id}?api-version=2024-11-01`, {
            location,
            properties: { storageProfile },
        });
        expect([refused.status, refused.body.error.code]).toEqual([403, "LinkedAuthorizationFailed"]);
        expect(refused.text).toContain(`'Microsoft.Compute/disks/write' on the linked scope(s) '${id}'`);
    });
});

describe("a copy of a disk", () => {
    const trusted = { securityType: "TrustedLaunch" };

    test.each(["disks", "snapshots"] as const)("says no security type of its own: %s", async (kind) => {
        const path = `resourceGroups/${GROUP}/providers/Microsoft.Compute/${kind}/own?${VERSION}`;
        const creationData = { createOption: "Copy", sourceResourceId: vms[0].osDiskId };
        const properties = { creationData, securityProfile: trusted };
        const refused = await send("PUT", path, { location, properties });
        expect([refused.status, refused.body.error]).toEqual([
            400,
            {
                code: "BadRequest",
                message:
                    "Security Type 'TrustedLaunch' is not supported for CreateOption 'Copy'. " +
                    "Supported create options are FromImage, Import, ImportSecure, UploadPreparedSecure.",
            },
        ]);
    });

    test("stays a copy of what it was made of", async () => {
        await copy("made-once", vms[0]);
        const path = `resourceGroups/${GROUP}/providers/Microsoft.Compute/snapshots/made-once?${VERSION}`;
        const again = (sourceResourceId: string) =>
            send("PUT", path, { location, properties: { creationData: { createOption: "Copy", sourceResourceId } } });
        expect((await again(vms[0].osDiskId)).status).toBe(202);
        const refused = await again(vms[1].osDiskId);
        expect([refused.status, refused.body.error.message]).toEqual([
            409,
            "Changing property 'creationData.sourceResourceId' is not allowed for existing snapshot made-once.",
        ]);
    });
});

describe("an image version from a managed disk", () => {
    const version = (name: string, id: string | undefined) =>
        client.galleryImageVersions.createOrUpdate(GROUP, "kamino", "image", name, {
            location,
            storageProfile: { osDiskImage: { source: { id } } },
        });
    beforeAll(async () => {
        await client.galleries.createOrUpdate(GROUP, "kamino", { location });
        await client.galleryImages.createOrUpdate(GROUP, "kamino", "image", {
            location,
            osType: "Linux",
            osState: "Generalized",
            hyperVGeneration: "V1",
            identifier: { publisher: "kamino", offer: "disks", sku: "image" },
        });
        await client.galleryImages.createOrUpdate(GROUP, "kamino", "trusted", {
            location,
            osType: "Linux",
            osState: "Generalized",
            hyperVGeneration: "V2",
            identifier: { publisher: "kamino", offer: "disks", sku: "trusted" },
            features: [{ name: "SecurityType", value: "TrustedLaunch" }],
        });
    });

    test.each(["TrustedLaunch", "TrustedLaunchSupported", "ConfidentialVM"])(
        "has no definition of generation V1 with security type %s",
        async (value) => {
            const refused = client.galleryImages.createOrUpdate(GROUP, "kamino", `first-${value}`, {
                ...{ location, osType: "Linux", osState: "Generalized" },
                identifier: { publisher: "kamino", offer: "disks", sku: value },
                features: [{ name: "SecurityType", value }],
            });
            expect(await refusal(refused)).toContain("400 InvalidParameter");
        },
    );

    test("is refused while the disk is attached, and made once it is not", async () => {
        const { id } = await copy("source", vms[2]);
        await attach(vms[2], [{ lun: 0, id }]);
        expect(await refusal(version("1.0.0", id))).toContain("409 OperationNotAllowed");
        expect(await refusal(version("1.0.0", vms[2].osDiskId))).toContain("409 OperationNotAllowed");
        await detach(vms[2]);
        const made = await version("1.0.0", id);
        expect(made).toMatchObject({
            provisioningState: "Succeeded",
            storageProfile: { osDiskImage: { sizeInGB: 30 } },
        });
    });

    test("fails where the definition takes another security type than the disk has", async () => {
        const { id: second } = await azure.createScaleSet({
            ...{ name: "pool2", resourceGroup: GROUP, capacity: 1 },
            change: ({ properties: { virtualMachineProfile: profile } }) => {
                (profile as Profile).storageProfile.imageReference.sku = "aks-engine-ubuntu-1804-gen2";
            },
        });
        const { id } = await copy("standard", azure.vms(second)[0]);
        const body = { location, storageProfile: { osDiskImage: { source: { id } } } };
        const failed = await refusal(
            client.galleryImageVersions.createOrUpdate(GROUP, "kamino", "trusted", "1.0.0", body),
        );
        expect(failed).toContain("takes security type ['TrustedLaunch'] only");
    });
});
