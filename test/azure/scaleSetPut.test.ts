// Wire facts of a scale set's PUT: how it makes and merges, what is refused, and which running VMs it touches.
import { describe, expect, test } from "vitest";
import { at, azure, get, pool, put, putAndFinish, send, useScaleSets } from "./scaleSetWire";
import { finished, items, type Body, type Plain } from "./support";

useScaleSets();

describe("a PUT of a new set", () => {
    test("answers 201 Creating with Azure-AsyncOperation, Retry-After and no Location", async () => {
        const id = `${pool.id.slice(0, pool.id.lastIndexOf("/"))}/made-${pool.name}`;
        const answer = await send("PUT", at(id), newBody());
        expect([answer.status, answer.body.properties.provisioningState]).toEqual([201, "Creating"]);
        expect(answer.headers["azure-asyncoperation"]).toMatch(
            /\/locations\/West Europe\/operations\/|\/locations\/westeurope\/operations\//,
        );
        expect(answer.headers["azure-asyncnotification"]).toBe("Enabled");
        expect(answer.headers["retry-after"]).toMatch(/^\d+$/);
        expect(answer.headers.location).toBeUndefined();
        const ended = await finished(send, answer);
        expect(Object.keys(ended.body)).toEqual(["startTime", "endTime", "status", "name"]);
        expect(ended.body.startTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?\+00:00$/);
        expect(ended.headers["retry-after"]).toBeUndefined();
        const made = (await send("GET", at(id))).body;
        expect(made.properties).toMatchObject({
            provisioningState: "Succeeded",
            overprovision: true,
            platformFaultDomainCount: 5,
            singlePlacementGroup: true,
        });
        expect(made.properties.virtualMachineProfile.storageProfile.osDisk).toMatchObject({
            osType: "Linux",
            caching: "None",
            managedDisk: { storageAccountType: "Premium_LRS" },
        });
    });

    test.each([
        [
            "zones in a region without any",
            (body: Body) => Object.assign(body, { location: "westcentralus", zones: ["1"] }),
            400,
            "AvailabilityZoneNotSupported",
        ],
        ["no location", (body: Body) => delete body.location, 400, "LocationRequired"],
        [
            "a location that does not exist",
            (body: Body) => Object.assign(body, { location: "atlantis" }),
            400,
            "LocationNotAvailableForResourceType",
        ],
        ["no sku", (body: Body) => delete body.sku, 400, "InvalidParameter"],
        [
            "a gallery image that is not there",
            (body: Body) =>
                Object.assign(body.properties.virtualMachineProfile.storageProfile, {
                    imageReference: { id: `${pool.id.split("/virtual")[0]}/galleries/g/images/i/versions/1.0.0` },
                }),
            404,
            "GalleryImageNotFound",
        ],
    ])("refuses %s", async (_what, spoil, status, code) => {
        const body = newBody();
        spoil(body);
        const answer = await send("PUT", at(`${pool.id}x`), body);
        expect([answer.status, answer.body.error.code]).toEqual([status, code]);
    });
});

describe("a PUT of an existing set", () => {
    test("with sku only keeps everything else, changes capacity and raises the etag at once", async () => {
        const before = (await get()).body;
        const accepted = await put({
            location: pool.location,
            sku: { name: "Standard_D2s_v3", tier: "Standard", capacity: 2 },
        });
        expect([accepted.status, accepted.body.etag, accepted.body.properties.provisioningState]).toEqual([
            200,
            '"2"',
            "Updating",
        ]);
        expect(accepted.headers.location).toBeUndefined();
        await finished(send, accepted);
        const after = (await get()).body;
        expect(after.properties.virtualMachineProfile).toEqual(before.properties.virtualMachineProfile);
        expect(after).toMatchObject({ tags: before.tags, sku: { capacity: 2 }, etag: '"2"' });
        expect(azure.vms(pool.id)).toHaveLength(2);
    });

    test("without sku keeps the capacity that is there by now", async () => {
        await azure.setCapacity(pool.id, 2);
        const after = await putAndFinish({ location: pool.location, tags: { owner: "team" } });
        expect(after.body.sku.capacity).toBe(2);
        expect(after.body.tags).toMatchObject({ owner: "team", poolName: expect.any(String) as unknown });
    });

    test("with a sku that lacks capacity is refused", async () => {
        const { status, body } = await put({ location: pool.location, sku: { name: "Standard_D2s_v3" } });
        expect(status).toBe(400);
        expect(body.error).toEqual({
            code: "InvalidParameter",
            message: "Required parameter 'sku.capacity' is missing (null).",
            target: "sku.capacity",
        });
    });

    test("keeps the image reference when only the OS disk is sent, and the OS disk when only the image is", async () => {
        const before = (await get()).body.properties.virtualMachineProfile.storageProfile;
        const withDisk = await putAndFinish({
            location: pool.location,
            properties: { virtualMachineProfile: { storageProfile: { osDisk: { caching: "ReadOnly" } } } },
        });
        expect(withDisk.body.properties.virtualMachineProfile.storageProfile.imageReference).toEqual(
            before.imageReference,
        );
        const withImage = await putAndFinish({
            location: pool.location,
            properties: {
                virtualMachineProfile: {
                    storageProfile: { imageReference: { ...before.imageReference, version: "2023.09.01" } },
                },
            },
        });
        expect(withImage.body.properties.virtualMachineProfile.storageProfile).toMatchObject({
            imageReference: { version: "2023.09.01" },
            osDisk: { caching: "ReadOnly" },
        });
    });

    test("with a list of extensions keeps the stored order, adds new ones last, drops the rest, and keeps protected settings", async () => {
        const extension = (name: string) => ({
            name,
            properties: { publisher: "p", type: "t", typeHandlerVersion: "1.0" },
        });
        const billing = `${pool.name}-computeAksLinuxBilling`;
        const added = await putAndFinish(
            profileOf({ extensions: [extension("new"), { name: billing }, { name: "vmssCSE" }] }),
        );
        const names = (answer: Plain) =>
            items<{ name: string }>(answer.body.properties.virtualMachineProfile.extensionProfile.extensions).map(
                ({ name }) => name,
            );
        expect(names(added)).toEqual(["vmssCSE", billing, "new"]);
        expect(JSON.stringify(azure.scaleSet(pool.id)?.model)).toContain("commandToExecute");
        expect(names(await putAndFinish(profileOf({ extensions: [{ name: billing }] })))).toEqual([billing]);
        expect(names(await putAndFinish({ location: pool.location, tags: {} }))).toEqual([billing]);
        expect(names(await putAndFinish(profileOf({ extensions: [] })))).toEqual([]);
    });

    test("touches no running VM in mode Manual: same disks, not the latest model", async () => {
        const before = azure.vms(pool.id).map(({ osDiskId, bootLog }) => [osDiskId, bootLog.length]);
        await putAndFinish({
            location: pool.location,
            properties: {
                virtualMachineProfile: {
                    osProfile: { customData: "IyBub3RoaW5n" },
                    storageProfile: { imageReference: { version: "2023.09.01" } },
                    extensionProfile: { extensions: [] },
                },
            },
        });
        expect(azure.vms(pool.id).map(({ osDiskId, bootLog }) => [osDiskId, bootLog.length])).toEqual(before);
        expect(azure.vms(pool.id).map(({ latestModelApplied }) => latestModelApplied)).toEqual([false]);
    });

    test.each([
        ["Automatic", { mode: "Automatic" }],
        ["Rolling", { mode: "Rolling" }],
        ["Manual with automatic OS upgrades", { automaticOSUpgradePolicy: { enableAutomaticOSUpgrade: true } }],
    ])("replaces running VMs' disks in mode %s", async (_mode, upgradePolicy) => {
        await putAndFinish({ location: pool.location, properties: { upgradePolicy } });
        const before = azure.vms(pool.id)[0].osDiskId;
        await putAndFinish({
            location: pool.location,
            properties: { virtualMachineProfile: { storageProfile: { imageReference: { version: "2023.09.01" } } } },
        });
        expect(azure.vms(pool.id)[0].osDiskId).not.toBe(before);
        expect(azure.vms(pool.id)[0].latestModelApplied).toBe(true);
    });

    test("moves the profile's time when the model changes and not when the capacity does", async () => {
        const time = async () => (await get()).body.properties.virtualMachineProfile.timeCreated;
        const first = await time();
        await putAndFinish({ location: pool.location, sku: { name: "Standard_D2s_v3", capacity: 0 } });
        expect(await time()).toBe(first);
        await putAndFinish(profileOf({ extensions: [] }));
        expect(await time()).not.toBe(first);
    });

    test.each([
        ["platformFaultDomainCount", { platformFaultDomainCount: 5 }],
        ["singlePlacementGroup", { singlePlacementGroup: true }],
        ["orchestrationMode", { orchestrationMode: "Flexible" }],
        [
            "virtualMachineProfile.osProfile.computerNamePrefix",
            { virtualMachineProfile: { osProfile: { computerNamePrefix: "other" } } },
        ],
        [
            "virtualMachineProfile.osProfile.adminUsername",
            { virtualMachineProfile: { osProfile: { adminUsername: "root" } } },
        ],
        [
            "imageReference.publisher",
            { virtualMachineProfile: { storageProfile: { imageReference: { publisher: "Canonical" } } } },
        ],
    ])("refuses another %s", async (target, properties) => {
        const { status, body } = await put({ location: pool.location, properties });
        expect(status).toBe(409);
        expect(body.error).toEqual({
            code: "PropertyChangeNotAllowed",
            message: `Changing property '${target}' is not allowed.`,
            target,
        });
    });

    test("refuses an image id beside a publisher", async () => {
        const { status, body } = await put({
            location: pool.location,
            properties: { virtualMachineProfile: { storageProfile: { imageReference: { id: "/x", publisher: "y" } } } },
        });
        expect([status, body.error.code]).toEqual([400, "InvalidParameter"]);
    });

    test("refuses a managed image in place of a marketplace one", async () => {
        const id = `${pool.id.split("/virtual")[0]}/images/mine`;
        const { status, body } = await put({
            location: pool.location,
            properties: { virtualMachineProfile: { storageProfile: { imageReference: { id } } } },
        });
        expect([status, body.error.code]).toEqual([409, "OperationNotAllowed"]);
        expect(body.error.message).toBe("The Image type for a Virtual Machine Scale Set may not be changed.");
    });

    test.each([
        [
            "an unknown member",
            { flavour: "mint" },
            "Could not find member 'flavour' on object of type 'VirtualMachineScaleSet'. Path 'flavour'.",
        ],
        [
            "one deep inside",
            { properties: { virtualMachineProfile: { osProfile: { colour: 1 } } } },
            "Could not find member 'colour' on object of type 'osProfile'. Path 'properties.virtualMachineProfile.osProfile.colour'.",
        ],
        [
            "a wrong type",
            { properties: { overprovision: { yes: true } } },
            "Error converting value at path 'properties.overprovision' to type 'boolean'.",
        ],
    ])("refuses %s", async (_what, extra, message) => {
        const { status, body } = await put({ location: pool.location, ...extra });
        expect([status, body.error.code, body.error.message]).toEqual([400, "BadRequest", message]);
    });

    test("takes enum texts in any casing and gives them back in its own", async () => {
        const after = await putAndFinish({
            location: pool.location,
            identity: { type: "systemassigned,userassigned", userAssignedIdentities: { [`${pool.id}-id`]: {} } },
            properties: { upgradePolicy: { mode: "manual" } },
        });
        expect(after.body.properties.upgradePolicy.mode).toBe("Manual");
        expect(after.body.identity).toMatchObject({
            type: "SystemAssigned, UserAssigned",
            principalId: expect.any(String) as unknown,
            tenantId: azure.tenantId,
        });
    });

    test("honours If-Match and If-None-Match", async () => {
        const body = { location: pool.location, tags: {} };
        expect((await put(body, { "if-match": '"7"' })).status).toBe(412);
        expect((await put(body, { "if-none-match": "*" })).status).toBe(412);
        expect((await put(body, { "if-match": '"1"' })).status).toBe(200);
        expect((await put(body, { "if-match": '"1"' })).status).toBe(412);
    });

    test("ignores read-only members that a GET gave", async () => {
        const { body } = await get();
        const after = await putAndFinish({
            ...body,
            etag: '"99"',
            properties: { ...body.properties, provisioningState: "Failed", uniqueId: "x" },
        });
        expect(after.body.properties).toMatchObject({
            provisioningState: "Succeeded",
            uniqueId: body.properties.uniqueId,
        });
    });
});

function profileOf(extensionProfile: unknown): unknown {
    return { location: pool.location, properties: { virtualMachineProfile: { extensionProfile } } };
}

function newBody(): Body {
    const body: unknown = {
        location: "westeurope",
        sku: { name: "Standard_D2s_v3", capacity: 1 },
        properties: {
            virtualMachineProfile: {
                osProfile: { computerNamePrefix: "made", adminUsername: "me", linuxConfiguration: {} },
                storageProfile: {
                    imageReference: {
                        publisher: "Canonical",
                        offer: "UbuntuServer",
                        sku: "18.04-LTS",
                        version: "latest",
                    },
                },
                networkProfile: {
                    networkInterfaceConfigurations: [
                        {
                            name: "nic",
                            properties: { primary: "true", ipConfigurations: [{ name: "ip", properties: {} }] },
                        },
                    ],
                },
            },
        },
    };
    return body as Body;
}
