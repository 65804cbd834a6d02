// Wire facts of scale sets: statuses, headers, what a GET leaves out and adds, how a PUT merges, what is refused.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { AzureSandbox, PoolOptions, ScaleSet } from "../../sandbox/azure/index";
import { finished, sender, startForTest, type Plain, type Send } from "./support";

const GROUP = "wire-rg";
const VERSION = "api-version=2024-11-01";
let azure: AzureSandbox;
let close: () => Promise<void>;
let send: Send;
let pool: ScaleSet;
let count = 0;

beforeAll(async () => {
    ({ azure, close } = await startForTest());
    send = await sender(azure);
});
afterAll(() => close());
beforeEach(async () => {
    pool = await newPool();
});

const newPool = (options: Partial<PoolOptions> = {}) =>
    azure.createScaleSet({ name: `pool${++count}`, resourceGroup: GROUP, capacity: 1, ...options });
const at = (id: string, version = VERSION) => `${id}?${version}`;
const get = (version = VERSION) => send("GET", at(pool.id, version));
const put = (body: unknown, headers?: Record<string, string>) => send("PUT", at(pool.id), body, headers);

async function putAndFinish(body: unknown): Promise<Plain> {
    const accepted = await put(body);
    expect(accepted.status).toBe(200);
    expect((await finished(send, accepted)).body.status).toBe("Succeeded");
    return get();
}

describe("a GET", () => {
    test("leaves out custom data, passwords and protected settings", async () => {
        const { text, status } = await get();
        expect(status).toBe(200);
        for (const secret of ["customData", "adminPassword", "protectedSettings", "commandToExecute"])
            expect(text).not.toContain(secret);
    });

    test("adds what the service sets itself", async () => {
        const { body } = await get();
        expect(body.type).toBe("Microsoft.Compute/virtualMachineScaleSets");
        expect(body.sku).toEqual({ name: "Standard_D2s_v3", tier: "Standard", capacity: 1 });
        expect(body.properties).toMatchObject({
            orchestrationMode: "Uniform",
            provisioningState: "Succeeded",
            overprovision: false,
        });
        expect(body.properties.uniqueId).toMatch(/^[0-9a-f-]{36}$/);
        const profile = body.properties.virtualMachineProfile;
        expect(profile.osProfile).toMatchObject({
            secrets: [],
            allowExtensionOperations: true,
            requireGuestProvisionSignal: true,
        });
        expect(profile.storageProfile.osDisk.diskSizeGB).toBe(30);
        const nic = profile.networkProfile.networkInterfaceConfigurations[0].properties;
        expect(nic).toMatchObject({ disableTcpStateTracking: false, dnsSettings: { dnsServers: [] } });
        expect(nic.ipConfigurations[0].properties.privateIPAddressVersion).toBe("IPv4");
    });

    test("has the etag in body and header from 2023-09-01 on, and in neither before", async () => {
        const now = await get();
        expect(now.body.etag).toBe('"1"');
        expect(now.headers.etag).toBe('"1"');
        const before = await get("api-version=2022-03-01");
        expect(before.body.etag).toBeUndefined();
        expect(before.headers.etag).toBeUndefined();
    });

    test("carries the constant headers and the rate limits that go down", async () => {
        const { headers } = await get();
        expect(headers["cache-control"]).toBe("no-cache");
        expect(headers["x-ms-request-id"]).toBeDefined();
        expect(headers["x-ms-ratelimit-remaining-resource"]).toMatch(
            /^Microsoft\.Compute\/GetVMScaleSetSubscriptionMaximum;\d+,/,
        );
        expect(headers["x-ms-ratelimit-remaining-subscription-global-reads"]).toMatch(/^\d+$/);
    });

    test("ignores the casing of the path and keeps the id as it was made", async () => {
        const { status, body } = await send(
            "GET",
            at(
                pool.id
                    .replace("resourceGroups", "RESOURCEGROUPS")
                    .replace("virtualMachineScaleSets", "virtualmachinescalesets"),
            ),
        );
        expect([status, body.id]).toEqual([200, pool.id]);
    });

    test("of a subscription's sets shows the group in capitals in the element's own id only", async () => {
        const { body } = await send("GET", `providers/Microsoft.Compute/virtualMachineScaleSets?${VERSION}`);
        const found = body.value.find((one: { name: string }) => one.name === pool.name);
        expect(found.id).toContain("/resourceGroups/WIRE-RG/");
        const subnet =
            found.properties.virtualMachineProfile.networkProfile.networkInterfaceConfigurations[0].properties
                .ipConfigurations[0].properties.subnet;
        expect(subnet.id).toContain("/resourceGroups/wire-rg/");
    });

    test("hides security type Standard at versions that do not know it", async () => {
        await putAndFinish({
            location: pool.location,
            properties: { virtualMachineProfile: { securityProfile: { securityType: "Standard" } } },
        });
        expect((await get()).body.properties.virtualMachineProfile.securityProfile).toBeUndefined();
        expect((await get("api-version=2026-03-01")).body.properties.virtualMachineProfile.securityProfile).toEqual({
            securityType: "Standard",
        });
    });
});

describe("a PUT of a new set", () => {
    test("answers 201 Creating with Azure-AsyncOperation, Retry-After and no Location", async () => {
        const id = `${pool.id.slice(0, pool.id.lastIndexOf("/"))}/made${++count}`;
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
            (body: any) => Object.assign(body, { location: "westcentralus", zones: ["1"] }),
            400,
            "AvailabilityZoneNotSupported",
        ],
        ["no location", (body: any) => delete body.location, 400, "LocationRequired"],
        [
            "a location that does not exist",
            (body: any) => (body.location = "atlantis"),
            400,
            "LocationNotAvailableForResourceType",
        ],
        ["no sku", (body: any) => delete body.sku, 400, "InvalidParameter"],
        [
            "a gallery image that is not there",
            (body: any) =>
                (body.properties.virtualMachineProfile.storageProfile.imageReference = {
                    id: `${pool.id.split("/virtual")[0]}/galleries/g/images/i/versions/1.0.0`,
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
        expect(after.body.tags).toMatchObject({ owner: "team", poolName: expect.any(String) });
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
            answer.body.properties.virtualMachineProfile.extensionProfile.extensions.map(
                (one: { name: string }) => one.name,
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
        const time = async () => (await get()).body.properties.virtualMachineProfile.timeCreated as string;
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
            principalId: expect.any(String),
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

test("a PATCH keeps the rest and replaces tags that it gives", async () => {
    const accepted = await send("PATCH", at(pool.id), { tags: { only: "this" }, identity: { type: "SystemAssigned" } });
    expect([accepted.status, accepted.body.properties.provisioningState]).toEqual([200, "Updating"]);
    await finished(send, accepted);
    expect((await get()).body).toMatchObject({
        tags: { only: "this" },
        sku: { capacity: 1 },
        identity: { type: "SystemAssigned" },
    });
});

test("a DELETE answers 202 with both headers, and the set and its disks are gone", async () => {
    const disk = azure.vms(pool.id)[0].osDiskId;
    const accepted = await send("DELETE", at(pool.id));
    expect([accepted.status, accepted.text]).toEqual([202, ""]);
    expect(accepted.headers.location).toContain("monitor=true");
    await finished(send, accepted);
    const gone = await get();
    expect(gone.status).toBe(404);
    expect(gone.body.error.message).toBe(
        `The Resource 'Microsoft.Compute/virtualMachineScaleSets/${pool.name}' under resource group '${GROUP}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix`,
    );
    expect(gone.headers["x-ms-failure-cause"]).toBe("gateway");
    expect((await send("GET", `${disk}?api-version=2024-03-02`)).status).toBe(404);
    expect((await send("DELETE", at(pool.id))).status).toBe(204);
});

function profileOf(extensionProfile: unknown): unknown {
    return { location: pool.location, properties: { virtualMachineProfile: { extensionProfile } } };
}

function newBody(): any {
    return {
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
}
