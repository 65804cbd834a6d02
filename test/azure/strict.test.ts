// What Azure refuses: each with the status and code, and the words where they are known.
import { beforeAll, describe, expect, test } from "vitest";
import { at, azure, get, GROUP, pool, put, putAndFinish, send, useScaleSets, VERSION } from "./scaleSetWire";
import { finished, items, type Body, type Plain } from "./support";

useScaleSets();

const GALLERY = "api-version=2026-03-03";
const DISK = "api-version=2024-03-02";
const below = (path: string, group = GROUP) => `resourceGroups/${group}/providers/Microsoft.Compute/${path}`;
const location = "westeurope";
const errorOf = ({ status, body }: Plain) => [status, (body as unknown as { error: { code: string } }).error.code];

async function done(accepted: Plain): Promise<Plain> {
    expect(accepted.status, accepted.text).toBeLessThan(300);
    const ended = await finished(send, accepted);
    expect(ended.body.status, ended.text).toBe("Succeeded");
    return accepted;
}

describe("a gallery", () => {
    test.each([
        ["my-gallery", 400],
        ["_gallery", 400],
        ["gallery.", 400],
        ["a".repeat(81), 400],
        ["gal.le_ry", 201],
        ["g", 201],
        ["a".repeat(80), 201],
    ])("of the name %s is answered with %i", async (name, status) => {
        expect((await send("PUT", `${below(`galleries/${name}`)}?${GALLERY}`, { location })).status).toBe(status);
    });

    test("has a unique name in the subscription, and may be written again where it is", async () => {
        azure.createResourceGroup("twin-rg", location);
        await done(await send("PUT", `${below("galleries/kamino")}?${GALLERY}`, { location }));
        const twin = await send("PUT", `${below("galleries/KAMINO", "twin-rg")}?${GALLERY}`, { location });
        expect(errorOf(twin)).toEqual([409, "Conflict"]);
        expect(twin.text).toContain(
            `The gallery name 'KAMINO' is not unique within the subscription '${azure.subscriptionId}'. Please pick another gallery name.`,
        );
        expect((await send("PUT", `${below("galleries/kamino")}?${GALLERY}`, { location })).status).toBe(200);
        const other = azure.addSubscription("other");
        azure.createResourceGroup("twin-rg", location, other);
        const path = `/subscriptions/${other}/${below("galleries/kamino", "twin-rg")}?${GALLERY}`;
        expect((await send("PUT", path, { location })).status).toBe(201);
    });
});

describe("an image definition", () => {
    beforeAll(async () => void (await done(await send("PUT", `${below("galleries/names")}?${GALLERY}`, { location }))));
    const made = async (name: string, identifier: object = {}) => {
        const properties = {
            ...{ osType: "Linux", osState: "Generalized", hyperVGeneration: "V1" },
            identifier: { publisher: "k", offer: name.slice(0, 60), sku: "k", ...identifier },
        };
        return (await send("PUT", `${below(`galleries/names/images/${name}`)}?${GALLERY}`, { location, properties }))
            .status;
    };

    test.each([
        ["_x", 400],
        ["pool_", 400],
        ["-old--pool1", 400],
        ["a".repeat(81), 400],
        ["a".repeat(80), 201],
        ["default.md-1_x", 201],
    ])("of the name %s is answered with %i", async (name, status) => expect(await made(name)).toBe(status));

    test("has an identifier of limited length", async () => {
        for (const [part, most] of [
            ["publisher", 128],
            ["offer", 64],
            ["sku", 64],
        ] as const) {
            // prettier-ignore
            expect(await made(`long-${part}`, { [part]: "a".repeat(most + 1) })).toBe(400);
            expect(await made(`long-${part}`, { [part]: "a".repeat(most) })).toBe(201);
        }
    });
});

describe("a scale set", () => {
    const profile = (virtualMachineProfile: object, more: object = {}) => ({
        location: pool.location,
        properties: { virtualMachineProfile, ...more },
    });

    test("has no extension that comes after one that is not there", async () => {
        const { extensions } = (await get()).body.properties.virtualMachineProfile.extensionProfile;
        const [script, ...rest] = items<Body>(extensions);
        const after = { properties: { provisionAfterExtensions: [script.name] } };
        const ordered = rest.map((one) => ({ ...one, properties: { ...one.properties, ...after.properties } }));
        await putAndFinish(profile({ extensionProfile: { extensions: [script, ...ordered] } }));
        const dangling = await put(profile({ extensionProfile: { extensions: ordered } }));
        expect(errorOf(dangling)).toEqual([400, "InvalidParameter"]);
        // What is left out is kept, and an empty list takes it away.
        expect(errorOf(await put(profile({ extensionProfile: { extensions: rest } })))[0]).toBe(400);
        const none = { provisionAfterExtensions: [] };
        const unordered = rest.map((one) => ({ ...one, properties: { ...one.properties, ...none } }));
        await putAndFinish(profile({ extensionProfile: { extensions: unordered } }));
    });

    test("has 50 tags at most, however they are written", async () => {
        const tags = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`t${n}`, "x"]));
        expect(errorOf(await put({ location: pool.location, tags: tags(51) }))[0]).toBe(400);
        const path = `${pool.id}/providers/Microsoft.Resources/tags/default?api-version=2021-04-01`;
        const replaced = (count: number) => send("PATCH", path, { operation: "Replace", properties: { tags: tags(count) } }); // prettier-ignore
        expect((await replaced(51)).status).toBe(400);
        expect((await replaced(50)).status).toBe(200);
        expect(errorOf(await put({ location: pool.location, tags: { one: "more" } }))[0]).toBe(400);
    });

    test("has no automatic repairs without a source of health", async () => {
        const repairs = { automaticRepairsPolicy: { enabled: true, gracePeriod: "PT30M" } };
        const refused = await put(profile({}, repairs));
        expect(errorOf(refused)).toEqual([400, "BadRequest"]);
        expect(refused.text).toContain(
            "Automatic repairs not supported for this Virtual Machine Scale Set because a health probe or health extension was not provided.",
        );
        const { extensions } = (await get()).body.properties.virtualMachineProfile.extensionProfile;
        const settings = { protocol: "http", port: 10256, requestPath: "/healthz" };
        const publisher = "Microsoft.ManagedServices";
        const type = "ApplicationHealthLinux";
        const health = { name: "health", properties: { publisher, type, typeHandlerVersion: "1.0", settings } };
        const all = [...items<Body>(extensions), health];
        await putAndFinish(profile({ extensionProfile: { extensions: all } }, repairs));
        // Taking the extension away while the repairs need it.
        const removed = await put(profile({ extensionProfile: { extensions } }));
        expect(errorOf(removed)).toEqual([400, "BadRequest"]);
    });

    test("takes settings that are given for the whole, and keeps those that are not", async () => {
        const { extensions } = (await get()).body.properties.virtualMachineProfile.extensionProfile;
        const [first, ...rest] = items<Body & { properties: Record<string, unknown> }>(extensions);
        const withSettings = (settings: object | undefined) => ({
            ...first,
            properties: { ...first.properties, settings },
        });
        const write = (settings: object | undefined) =>
            putAndFinish(profile({ extensionProfile: { extensions: [withSettings(settings), ...rest] } }));
        await write({ a: { b: 1, c: 2 }, keep: true });
        const after = await write({ a: { b: 3 } });
        const settingsOf = ({ body }: Plain) =>
            items<Body>(body.properties.virtualMachineProfile.extensionProfile.extensions)[0].properties.settings;
        expect(settingsOf(after)).toEqual({ a: { b: 3 } });
        expect(settingsOf(await write(undefined))).toEqual({ a: { b: 3 } });
    });

    test("shows of each VM the image that it was made from, not the model's", async () => {
        const before = (await get()).body.properties.virtualMachineProfile.storageProfile.imageReference;
        await putAndFinish(profile({ storageProfile: { imageReference: { ...before, version: "2023.09.01" } } }));
        await azure.setCapacity(pool.id, 2);
        const { body } = await send("GET", at(`${pool.id}/virtualMachines`));
        const made = items<Body>(body.value).map((vm) => vm.properties.storageProfile.imageReference);
        expect(made).toEqual([
            { ...before, exactVersion: before.version },
            { ...before, version: "2023.09.01", exactVersion: "2023.09.01" },
        ]);
    });

    test("a start that fails leaves the machine off and Failed; the next one that works mends it", async () => {
        const [vm] = azure.vms(pool.id);
        await azure.stopVmFromInside(vm.id);
        azure.faults.failOperation({ method: "POST", path: /\/start$/, times: 1, code: "AllocationFailed", message: "Allocation failed." }); // prettier-ignore
        const start = () => send("POST", at(`${vm.id}/start`));
        const state = async () => {
            const { body } = await send("GET", at(`${vm.id}/instanceView`));
            return items<{ code: string }>(body.statuses).map(({ code }) => code);
        };
        expect((await finished(send, await start())).body).toMatchObject({
            status: "Failed",
            error: { code: "AllocationFailed" },
        });
        expect(await state()).toEqual(["ProvisioningState/failed", "PowerState/stopped"]);
        await finished(send, await start());
        expect(await state()).toEqual(["ProvisioningState/succeeded", "PowerState/running"]);
    });

    test("lists the parts of its VMs that are selected", async () => {
        const path = `${pool.id}/virtualMachines?$expand=instanceView&$select=instanceView&${VERSION}`;
        const [vm] = items<Body>((await send("GET", path)).body.value);
        expect(Object.keys(vm.properties)).toEqual(["instanceView"]);
        expect(vm.instanceId).toBe("0");
    });

    test("on a size with NVMe alone needs an image definition that says so", async () => {
        const definition = async (name: string, features?: object[]) => {
            const identifier = { publisher: "kamino", offer: "nvme", sku: name };
            const properties = {
                osType: "Linux",
                osState: "Generalized",
                hyperVGeneration: "V2",
                identifier,
                features,
            };
            await done(
                await send("PUT", `${below(`galleries/nvme/images/${name}`)}?${GALLERY}`, { location, properties }),
            );
            const nvme = await azure.createScaleSet({ name: `donor${name}`, resourceGroup: GROUP, capacity: 1, vmSize: "Standard_D4s_v6", change: gen2 }); // prettier-ignore
            const [vm] = azure.vms(nvme.id);
            await done(await send("PUT", `${below(`snapshots/${name}`)}?${DISK}`, copyOf(vm.osDiskId)));
            const source = { storageProfile: { osDiskImage: { source: { id: `/subscriptions/${azure.subscriptionId}/${below(`snapshots/${name}`)}` } } } }; // prettier-ignore
            const path = `${below(`galleries/nvme/images/${name}/versions/1.0.0`)}?${GALLERY}`;
            await done(await send("PUT", path, { location, properties: source }));
            const id = `/subscriptions/${azure.subscriptionId}/${below(`galleries/nvme/images/${name}/versions/1.0.0`)}`;
            return send("PUT", at(nvme.id), { location, properties: { virtualMachineProfile: { storageProfile: { imageReference: { id } } } } }); // prettier-ignore
        };
        await done(await send("PUT", `${below("galleries/nvme")}?${GALLERY}`, { location }));
        const refused = await definition("plain");
        expect(errorOf(refused)).toEqual([400, "InvalidParameter"]);
        expect(refused.text).toContain("The VM size 'Standard_D4s_v6' cannot boot with OS image or disk.");
        const taken = await definition("both", [{ name: "DiskControllerTypes", value: "SCSI, NVMe" }]);
        expect(taken.status, taken.text).toBe(200);
        const change = { location, properties: { osType: "Linux", osState: "Generalized", hyperVGeneration: "V2", identifier: { publisher: "kamino", offer: "nvme", sku: "plain" }, features: [{ name: "DiskControllerTypes", value: "SCSI, NVMe" }] } }; // prettier-ignore
        const late = await send("PUT", `${below("galleries/nvme/images/plain")}?${GALLERY}`, change);
        expect(errorOf(late), "features are fixed").toEqual([409, "PropertyChangeNotAllowed"]);
    });

    test("that starts from a gallery's image has VMs that Azure neither patches nor assesses", async () => {
        const definition = { osType: "Linux", osState: "Generalized", hyperVGeneration: "V1", identifier: { publisher: "k", offer: "own", sku: "k" } }; // prettier-ignore
        const version = below("galleries/own/images/own/versions/1.0.0");
        const source = { id: `/subscriptions/${azure.subscriptionId}/${below("snapshots/own")}` };
        const write = async (path: string, body: object) => await done(await send("PUT", path, { location, ...body }));
        await write(`${below("galleries/own")}?${GALLERY}`, {});
        await write(`${below("galleries/own/images/own")}?${GALLERY}`, { properties: definition });
        await write(`${below("snapshots/own")}?${DISK}`, copyOf(azure.vms(pool.id)[0].osDiskId));
        await write(`${version}?${GALLERY}`, { properties: { storageProfile: { osDiskImage: { source } } } });
        const id = `/subscriptions/${azure.subscriptionId}/${version}`;
        await putAndFinish(profile({ storageProfile: { imageReference: { id } } }));
        for (const mode of ["patchMode", "assessmentMode"]) {
            const patchSettings = { [mode]: "AutomaticByPlatform" };
            const refused = await put(profile({ osProfile: { linuxConfiguration: { patchSettings } } }));
            expect(errorOf(refused)).toEqual([400, "InvalidParameter"]);
            expect(refused.text).toContain("The selected VM image is not supported for VM Guest patch operations.");
        }
    });
});

function gen2(body: { properties: { virtualMachineProfile: Record<string, Record<string, object>> } }): void {
    const { storageProfile } = body.properties.virtualMachineProfile;
    storageProfile.imageReference = {
        publisher: "microsoft-aks",
        offer: "aks",
        sku: "ubuntu-2204-gen2",
        version: "1.0.0",
    };
}

function copyOf(id: string, more: object = {}): object {
    return {
        location,
        properties: { creationData: { createOption: "Copy", sourceResourceId: id }, incremental: true, ...more },
    };
}

describe("a customer's own key", () => {
    let set: string;
    let disk: string;
    const snapshotId = () => `/subscriptions/${azure.subscriptionId}/${below("snapshots/keyed")}`;
    beforeAll(async () => {
        set = azure.addDiskEncryptionSet("keys", "keys-rg", location);
        const keyed = await azure.createScaleSet({
            name: "keyed",
            resourceGroup: GROUP,
            capacity: 1,
            change: (body) => {
                const disk = body.properties.virtualMachineProfile.storageProfile as {
                    osDisk: { managedDisk: object };
                };
                disk.osDisk.managedDisk = { ...disk.osDisk.managedDisk, diskEncryptionSet: { id: set } };
            },
        });
        disk = azure.vms(keyed.id)[0].osDiskId;
    });

    test("is the disk's, and a copy of it has it too", async () => {
        const { body } = await send("GET", `${disk}?${DISK}`);
        const encryption = { type: "EncryptionAtRestWithCustomerKey", diskEncryptionSetId: set };
        expect(body.properties.encryption).toEqual(encryption);
        const platform = { encryption: { type: "EncryptionAtRestWithPlatformKey" } };
        const refused = await send("PUT", `${below("snapshots/other")}?${DISK}`, copyOf(disk, platform));
        expect(errorOf(refused)).toEqual([400, "BadRequest"]);
        await done(await send("PUT", `${below("snapshots/keyed")}?${DISK}`, copyOf(disk, { encryption })));
        const snapshot = await send("GET", `${snapshotId()}?${DISK}`);
        expect(snapshot.body.properties.encryption).toEqual(encryption);
    });

    test("is named for each region of an image version, or its replication fails", async () => {
        const definition = { osType: "Linux", osState: "Generalized", hyperVGeneration: "V1", identifier: { publisher: "k", offer: "k", sku: "k" } }; // prettier-ignore
        await done(await send("PUT", `${below("galleries/keys")}?${GALLERY}`, { location }));
        await done(
            await send("PUT", `${below("galleries/keys/images/k")}?${GALLERY}`, { location, properties: definition }),
        );
        const version = (name: string, encryption?: object) =>
            send("PUT", `${below(`galleries/keys/images/k/versions/${name}`)}?${GALLERY}`, {
                location,
                properties: {
                    publishingProfile: { targetRegions: [{ name: location, encryption }] },
                    storageProfile: { osDiskImage: { source: { id: snapshotId() } } },
                },
            });
        const failed = await finished(send, await version("1.0.0"));
        expect(failed.body).toMatchObject({
            status: "Failed",
            error: {
                message: `Data model DiskEncryptionSetId '' does not match DiskRP returned DiskEncryptionSetId '${set}'.`,
            },
        });
        await done(await version("1.0.1", { osDiskImage: { diskEncryptionSetId: set } }));
        const elsewhere = azure.addDiskEncryptionSet("north", "keys-rg", "northeurope");
        const refused = await version("1.0.2", { osDiskImage: { diskEncryptionSetId: elsewhere } });
        expect(errorOf(refused)).toEqual([400, "BadRequest"]);
    });

    test("encrypts what is in its subscription alone", async () => {
        const other = azure.addSubscription("elsewhere");
        const theirs = azure.addDiskEncryptionSet("theirs", "keys-rg", location, other);
        const encryption = { type: "EncryptionAtRestWithCustomerKey", diskEncryptionSetId: theirs };
        const refused = await send("PUT", `${below("snapshots/theirs")}?${DISK}`, copyOf(disk, { encryption }));
        expect(errorOf(refused)).toEqual([400, "BadRequest"]);
        expect(refused.text).toContain("must be in the same subscription");
        azure.createResourceGroup("theirs-rg", location, other);
        const at = (path: string) => `/subscriptions/${other}/${below(path, "theirs-rg")}?${GALLERY}`;
        await done(await send("PUT", at("galleries/theirs"), { location }));
        const definition = { osType: "Linux", osState: "Generalized", hyperVGeneration: "V1", identifier: { publisher: "k", offer: "k", sku: "k" } }; // prettier-ignore
        await done(await send("PUT", at("galleries/theirs/images/k"), { location, properties: definition }));
        const targetRegions = [{ name: location, encryption: { osDiskImage: { diskEncryptionSetId: set } } }];
        const version = await send("PUT", at("galleries/theirs/images/k/versions/1.0.0"), {
            location,
            properties: {
                publishingProfile: { targetRegions },
                storageProfile: { osDiskImage: { source: { id: snapshotId() } } },
            },
        });
        expect(errorOf(version)).toEqual([400, "BadRequest"]);
        expect(version.text).toContain("must be in the same subscription");
    });

    test("that is not there is refused", async () => {
        const missing = { encryption: { type: "EncryptionAtRestWithCustomerKey", diskEncryptionSetId: `${set}x` } };
        expect(errorOf(await send("PUT", `${below("snapshots/none")}?${DISK}`, copyOf(disk, missing)))[0]).toBe(404);
    });
});

test("a policy that demands a tag denies what lacks it, in Azure's own words", async () => {
    azure.policies.requireTag({
        tag: "costCenter",
        scope: `/subscriptions/${azure.subscriptionId}/resourceGroups/${GROUP}`,
    });
    const write = (tags?: object) => send("PUT", `${below("galleries/tagged")}?${GALLERY}`, { location, tags });
    const denied = await write({ owner: "me" });
    expect(errorOf(denied)).toEqual([403, "RequestDisallowedByPolicy"]);
    expect(denied.text).toContain("Resource 'tagged' was disallowed by policy. Policy identifiers: '");
    expect((await write({ COSTCENTER: "1" })).status).toBe(201);
    azure.policies.clear();
});

test.each([
    ["Grüße-日本_(1).x", 201],
    ["ends.", 400],
    ["a b", 400],
    ["a/b".replace("/", "%"), 400],
    ["x".repeat(91), 400],
    ["x".repeat(90), 201],
])("a resource group of the name %s is answered with %i", async (name, status) => {
    const path = `resourceGroups/${encodeURIComponent(name)}?api-version=2024-11-01`;
    const answer = await send("PUT", path, { location });
    expect(answer.status, answer.text).toBe(status);
    if (status === 201) {
        expect((await send("GET", path)).body.name).toBe(name);
    }
});

test("a HEAD is answered without a body: 204 for what is there, 404 for what is not", async () => {
    const head = (path: string) => send("HEAD", path);
    const there = await head(at(pool.id));
    const gone = await head(at(`${pool.id}x`));
    expect([there.status, there.text, gone.status, gone.text]).toEqual([204, "", 404, ""]);
    expect((await head(`resourceGroups/${GROUP}?api-version=2024-11-01`)).status).toBe(204);
    expect((await head("resourceGroups/nowhere?api-version=2024-11-01")).status).toBe(404);
});
