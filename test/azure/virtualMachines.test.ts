// VMs apart from scale sets: what a client sees of one that is made, and which are refused.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Vm } from "../../sandbox/azure/index";
import { computeClient, finished, items, sender, type Body } from "./support";
import {
    API,
    DISK_API,
    GROUP,
    LOCATION,
    NETWORK_API,
    at,
    availabilitySet,
    azure,
    bodyFor,
    get,
    idOf,
    networkInterface,
    newName,
    put,
    send,
    useVms,
} from "./vmWire";

useVms();

describe("a VM that is made", () => {
    test("is Creating at once, has a disk of its own, and says what it was made from but not its secrets", async () => {
        const name = newName();
        const nic = await networkInterface(`${name}-nic`);
        const body = bodyFor(name, nic);
        body.properties.availabilitySet = { id: await availabilitySet("set1") };
        const accepted = await put(name, body);
        expect([accepted.status, accepted.body.properties.provisioningState]).toEqual([201, "Creating"]);
        expect(accepted.headers["azure-asyncnotification"]).toBe("Enabled");
        expect((await finished(send, accepted)).body.status).toBe("Succeeded");

        const { properties, etag, tags } = await get(idOf("Compute/virtualMachines", name));
        expect({ etag, tags }).toEqual({ etag: '"1"', tags: { owner: "me" } });
        expect(properties).toMatchObject({
            provisioningState: "Succeeded",
            hardwareProfile: { vmSize: "Standard_D2s_v3" },
            osProfile: { computerName: name, allowExtensionOperations: true, secrets: [] },
            storageProfile: {
                imageReference: { version: "1.2.3", exactVersion: "1.2.3" },
                osDisk: { name: `${name}_OSDisk`, caching: "ReadWrite", deleteOption: "Detach", diskSizeGB: 64 },
            },
        });
        expect(properties.osProfile.customData).toBeUndefined();
        const { id: diskId } = properties.storageProfile.osDisk.managedDisk as unknown as { id: string };
        expect(await get(diskId, DISK_API)).toMatchObject({
            managedBy: idOf("Compute/virtualMachines", name),
            properties: { diskState: "Attached", osType: "Linux", diskSizeGB: 64 },
        });
        expect((await get(nic, NETWORK_API)).properties).toMatchObject({
            virtualMachine: { id: idOf("Compute/virtualMachines", name) },
            primary: true,
        });
        expect((await get(idOf("Compute/availabilitySets", "set1"))).properties.virtualMachines).toEqual([
            { id: idOf("Compute/virtualMachines", name) },
        ]);
    });

    test("shows its instance view, with power and provisioning state", async () => {
        const { id } = await azure.createVm({ name: newName(), resourceGroup: GROUP });
        const { statuses } = await get(`${id}/instanceView`);
        expect(items<Body>(statuses).map(({ code }) => code)).toEqual([
            "ProvisioningState/succeeded",
            "PowerState/running",
        ]);
        expect(
            (await send("GET", `${at(id)}&$expand=instanceView`)).body.properties.instanceView.statuses,
        ).toHaveLength(2);
    });

    test("by hand, is a node that has joined by kubeadm, and keeps its labels on its disk", async () => {
        const vm = await azure.createVm({ name: "Hand-Made", resourceGroup: GROUP, labels: { pool: "a" }, zone: "2" });
        expect(vm).toMatchObject({ nodeName: "hand-made", joined: true, bootedClean: true, zone: "2" });
        expect(vm).toMatchObject({ scaleSetId: undefined, instanceId: "Hand-Made", size: "Standard_D2s_v3" });
        expect(readFileSync(join(vm.diskDirectory, "etc/default/kubelet"), "utf8")).toContain("pool=a");
        expect(azure.vms().map(({ id }) => id)).toContain(vm.id);
    });

    test("from a version of a gallery says so, and has its files", async () => {
        const client = computeClient(azure);
        const source = await azure.createVm({ name: newName(), resourceGroup: GROUP });
        writeFileSync(join(source.diskDirectory, "etc/motd"), "captured\n");
        await azure.powerOffVm(source.id);
        const snapshot = await client.snapshots.createOrUpdate(GROUP, "captured", {
            ...{ location: LOCATION, incremental: true },
            creationData: { createOption: "Copy", sourceResourceId: source.osDiskId },
        });
        const gallery = { location: LOCATION };
        await client.galleries.createOrUpdate(GROUP, "gallery", gallery);
        await client.galleryImages.createOrUpdate(GROUP, "gallery", "nodes", {
            ...{ location: LOCATION, osType: "Linux", osState: "Generalized", hyperVGeneration: "V1" },
            identifier: { publisher: "kamino", offer: "vms", sku: "nodes" },
        });
        const version = await client.galleryImageVersions.createOrUpdate(GROUP, "gallery", "nodes", "1.0.0", {
            location: LOCATION,
            publishingProfile: { targetRegions: [{ name: LOCATION }] },
            storageProfile: { osDiskImage: { source: { id: snapshot.id } } },
        });
        const name = newName();
        const body = bodyFor(name, await networkInterface(`${name}-nic`));
        body.properties.storageProfile = { imageReference: { id: version.id } };
        const accepted = await put(name, body);
        expect(accepted.status, accepted.text).toBe(201);
        // The disk was not cleaned: the machine finds another one's traces and is never provisioned.
        const ended = (await finished(send, accepted)).body;
        expect(ended).toMatchObject({ status: "Failed", error: { code: "OSProvisioningTimedOut" } });
        const { properties } = await get(idOf("Compute/virtualMachines", name));
        expect(properties.provisioningState).toBe("Failed");
        expect(properties.storageProfile.imageReference).toEqual({ id: version.id, exactVersion: "1.0.0" });
        const made = azure.vm(idOf("Compute/virtualMachines", name)) as Vm;
        expect(readFileSync(join(made.diskDirectory, "etc/motd"), "utf8")).toBe("captured\n");
        expect(made.joined).toBe(false);
    });
});

test("a VM for which there is no room is Failed and has no disk; a start tries again, a delete leaves nothing", async () => {
    const make = async () => {
        const name = newName();
        const fault = {
            method: "PUT",
            path: /virtualMachines\/[^/]+$/,
            times: 1,
            code: "AllocationFailed",
            message: "none",
        };
        azure.faults.failOperation(fault);
        const ended = await finished(send, await put(name, bodyFor(name, await networkInterface(`${name}-nic`))));
        expect(ended.body).toMatchObject({ status: "Failed", error: { code: "AllocationFailed" } });
        const id = idOf("Compute/virtualMachines", name);
        const { statuses } = await get(`${id}/instanceView`);
        const codes = items<Body>(statuses).map(({ code }) => code);
        expect(codes).toEqual(["ProvisioningState/failed", "PowerState/stopped"]);
        expect(azure.vm(id)).toMatchObject({ osDiskId: "", diskDirectory: "" });
        return id;
    };
    const started = await make();
    await finished(send, await send("POST", at(`${started}/start`)));
    expect((await get(started)).properties.provisioningState).toBe("Succeeded");
    expect(azure.vm(started)).toMatchObject({ power: "running", bootedClean: true });
    const deleted = await make();
    await finished(send, await send("DELETE", at(deleted)));
    expect((await send("GET", at(deleted))).status).toBe(404);
});

describe("a VM is refused", () => {
    type Draft = ReturnType<typeof bodyFor> & Record<string, unknown>;
    const cases: [string, (body: Draft) => unknown, number, string][] = [
        ["without a size", ({ properties }) => delete properties.hardwareProfile, 400, "InvalidParameter"],
        ["without an image", ({ properties }) => (properties.storageProfile = {}), 400, "InvalidParameter"],
        ["without a network interface", ({ properties }) => delete properties.networkProfile, 400, "InvalidParameter"],
        [
            "with an interface that is not there",
            ({ properties }) =>
                (properties.networkProfile = {
                    networkInterfaces: [{ id: idOf("Network/networkInterfaces", "none") }],
                }),
            ...([400, "InvalidResourceReference"] as const),
        ],
        [
            "with an unknown member",
            ({ properties }) => (properties.hardwareProfile = { vmSize: "Standard_D2s_v3", size: 1 }),
            ...([400, "BadRequest"] as const),
        ],
        [
            "with an availability set that is not there",
            ({ properties }) => (properties.availabilitySet = { id: idOf("Compute/availabilitySets", "none") }),
            ...([404, "NotFound"] as const),
        ],
        [
            "with both a zone and an availability set",
            (body) => {
                body.zones = ["1"];
                body.properties.availabilitySet = { id: idOf("Compute/availabilitySets", "set1") };
            },
            ...([400, "InvalidParameterConflictingProperties"] as const),
        ],
        [
            "with a host name that is none",
            ({ properties }) => Object.assign(properties.osProfile, { computerName: "a_b" }),
            ...([400, "InvalidParameter"] as const),
        ],
        [
            "with custom data that is not base64",
            ({ properties }) => Object.assign(properties.osProfile, { customData: "#cloud-config" }),
            ...([400, "InvalidParameter"] as const),
        ],
        [
            "with an image that the gallery does not have",
            ({ properties }) => {
                const id = idOf("Compute/galleries", "g/images/i/versions/1.0.0");
                properties.storageProfile = { imageReference: { id } };
            },
            ...([404, "GalleryImageNotFound"] as const),
        ],
    ];
    test.each(cases)("%s", async (_what, change, status, code) => {
        const name = newName();
        const body = bodyFor(name, await networkInterface(`${name}-nic`)) as Draft;
        change(body);
        const refused = await put(name, body);
        expect([refused.status, refused.body.error.code]).toEqual([status, code]);
        expect((await send("GET", at(idOf("Compute/virtualMachines", name)))).status).toBe(404);
    });

    test("with a disk's or an interface's name that is taken", async () => {
        const { osDiskId, id, instanceId } = await azure.createVm({ name: newName(), resourceGroup: GROUP });
        const name = newName();
        const body = bodyFor(name, await networkInterface(`${name}-nic`));
        body.properties.storageProfile = {
            ...body.properties.storageProfile,
            osDisk: { createOption: "FromImage", name: osDiskId.split("/").at(-1) },
        };
        expect((await put(name, body)).body.error).toMatchObject({
            code: "ConflictingUserInput",
            message: expect.stringContaining("Only CreateOption.Attach is supported.") as string,
        });
        const stolen = await put(name, bodyFor(name, idOf("Network/networkInterfaces", `${instanceId}-nic`)));
        expect(stolen.body.error.code).toBe("NetworkInterfaceInUse");
        expect(stolen.body.error.message).toContain(id);
    });

    test("in a Classic availability set, and in one that is full of it cannot be deleted", async () => {
        const classic = await availabilitySet("classic", "Classic");
        const name = newName();
        const body = bodyFor(name, await networkInterface(`${name}-nic`));
        body.properties.availabilitySet = { id: classic };
        expect((await put(name, body)).body.error.code).toBe("BadRequest");
        const aligned = await availabilitySet("aligned");
        const vm = await azure.createVm({ name, resourceGroup: GROUP, availabilitySetId: aligned });
        expect((await send("DELETE", at(aligned))).body.error.code).toBe("OperationNotAllowed");
        await azure.deleteVm(vm.id);
        expect((await send("DELETE", at(aligned))).status).toBe(200);
        expect((await send("DELETE", at(aligned))).status).toBe(204);
    });

    test("to those who may not write it, use its interface or write its disk", async () => {
        const name = newName();
        const nic = await networkInterface(`${name}-nic`);
        const scope = azure.principal.assignments[0].scope;
        const attempt = async (actions: string[]) => {
            const principal = azure.principals.add({ name: "some", assignments: [{ scope, role: { actions } }] });
            const url = at(idOf("Compute/virtualMachines", name));
            const { status, body } = await (await sender(azure, principal))("PUT", url, bodyFor(name, nic));
            return status === 201 ? "" : (body.error.message as unknown as string);
        };
        const write = "Microsoft.Compute/virtualMachines/write";
        const join = "Microsoft.Network/networkInterfaces/join/action";
        const disk = "Microsoft.Compute/disks/write";
        expect(await attempt([join, disk])).toContain(`perform action '${write}'`);
        expect(await attempt([write, disk])).toContain(`perform action '${join}' on the linked scope(s) '${nic}'`);
        expect(await attempt([write, join])).toContain(`perform action '${disk}'`);
        expect(await attempt([write, join, disk])).toBe("");
    });
});

test("the skus say what CAPZ asks of them: fault domains of aligned sets, and what a size can", async () => {
    const path = `providers/Microsoft.Compute/skus?api-version=2021-07-01&$filter=location eq '${LOCATION}'`;
    const { body } = await send("GET", encodeURI(path));
    const named = (name: string) =>
        items<{ name: string; capabilities: object[] }>(body.value).find((one) => one.name === name);
    expect(named("Aligned")?.capabilities).toContainEqual({ name: "MaximumPlatformFaultDomainCount", value: "3" });
    expect(named("Standard_D2s_v3")?.capabilities).toContainEqual({
        name: "AcceleratedNetworkingEnabled",
        value: "True",
    });
});

test("lists are those of the group and of the subscription", async () => {
    const { instanceId } = await azure.createVm({ name: newName(), resourceGroup: "other-rg" });
    const names = async (path: string) => items<Body>((await send("GET", path)).body.value).map(({ name }) => name);
    const inGroup = await names(`resourceGroups/other-rg/providers/Microsoft.Compute/virtualMachines?${API}`);
    expect(inGroup).toEqual([instanceId]);
    const all = await names(`providers/Microsoft.Compute/virtualMachines?${API}`);
    expect(all).toEqual(expect.arrayContaining([instanceId, "Hand-Made"]));
});
