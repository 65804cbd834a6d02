// VMs apart from scale sets: what becomes of one by writes, power, deletion and extensions.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Vm } from "../../sandbox/azure/index";
import { finished, items, type Body } from "./support";
import { DISK_API, GROUP, LOCATION, NETWORK_API, at, azure, get, idOf, newName, send, useVms } from "./vmWire";

useVms();

describe("what may be changed", () => {
    test("tags, by a write or at the VM's scope, and data disks; the rest stays as it was", async () => {
        const vm = await azure.createVm({ name: newName(), resourceGroup: GROUP, tags: { a: "1" } });
        const disk = idOf("Compute/disks", `${vm.instanceId}-data`);
        const made = { location: LOCATION, properties: { creationData: { createOption: "Empty" }, diskSizeGB: 4 } };
        await finished(send, await send("PUT", at(disk, DISK_API), made));
        const dataDisks = [{ lun: 0, createOption: "Attach", managedDisk: { id: disk } }];
        const body = { location: LOCATION, properties: { storageProfile: { dataDisks } } };
        const accepted = await send("PUT", at(vm.id), body);
        expect([accepted.status, accepted.body.properties.provisioningState]).toEqual([200, "Updating"]);
        await finished(send, accepted);
        expect((await get(disk, DISK_API)).managedBy).toBe(vm.id);
        const merged = { operation: "Merge", properties: { tags: { b: "2" } } };
        const tags = await send(
            "PATCH",
            `${vm.id}/providers/Microsoft.Resources/tags/default?api-version=2021-04-01`,
            merged,
        );
        expect(tags.body.properties.tags).toEqual({ a: "1", b: "2" });
        const now = await get(vm.id);
        expect(now.tags).toEqual({ a: "1", b: "2" });
        expect(now.properties.storageProfile.imageReference.offer).toBe("aks");
        await finished(
            send,
            await send("PUT", at(vm.id), { location: LOCATION, properties: { storageProfile: { dataDisks: [] } } }),
        );
        expect((await get(disk, DISK_API)).properties.diskState).toBe("Unattached");
    });

    test("not image, name, custom data, interface or availability set", async () => {
        const vm = await azure.createVm({ name: newName(), resourceGroup: GROUP });
        const whole = await get(vm.id);
        expect((await send("PUT", at(vm.id), whole)).status, "what a GET gave").toBe(200);
        const change = async (properties: object) => (await send("PATCH", at(vm.id), { properties })).body.error?.code;
        for (const properties of [
            { storageProfile: { imageReference: { version: "9.9.9" } } },
            { osProfile: { customData: "AAAA" } },
            { osProfile: { computerName: "other" } },
            { networkProfile: { networkInterfaces: [{ id: "/subscriptions/s/x" }] } },
            { availabilitySet: { id: idOf("Compute/availabilitySets", "set1") } },
        ]) {
            expect(await change(properties), JSON.stringify(properties)).toBe("PropertyChangeNotAllowed");
        }
    });

    test("with the etag that it has", async () => {
        const vm = await azure.createVm({ name: newName(), resourceGroup: GROUP });
        const write = (etag: string) => send("PATCH", at(vm.id), { tags: { c: "3" } }, { "if-match": etag });
        expect((await write('"7"')).status).toBe(412);
        expect((await write('"1"')).status).toBe(200);
        expect((await get(vm.id)).etag).toBe('"2"');
    });
});

describe("power", () => {
    test("is switched off and on, and a deallocated VM keeps its disk for itself", async () => {
        const vm = await azure.createVm({ name: newName(), resourceGroup: GROUP });
        const act = async (name: string) => finished(send, await send("POST", at(`${vm.id}/${name}`)));
        await act("powerOff");
        expect(azure.vm(vm.id)).toMatchObject({ power: "stopped", joined: false });
        await act("deallocate");
        expect((await get(vm.osDiskId, DISK_API)).properties.diskState).toBe("Reserved");
        await act("start");
        expect(azure.vm(vm.id)).toMatchObject({ power: "running", joined: true });
    });

    test("a start that fails leaves the VM off, and Failed until one succeeds", async () => {
        const vm = await azure.createVm({ name: newName(), resourceGroup: GROUP });
        await azure.powerOffVm(vm.id);
        const fault = { method: "POST", path: /\/start$/, times: 1, code: "AllocationFailed", message: "none left" };
        azure.faults.failOperation(fault);
        const start = () => send("POST", at(`${vm.id}/start`));
        expect((await finished(send, await start())).body).toMatchObject({ error: { code: "AllocationFailed" } });
        expect((await get(vm.id)).properties.provisioningState).toBe("Failed");
        const { statuses } = await get(`${vm.id}/instanceView`);
        expect(items<Body>(statuses).map(({ code }) => code)).toEqual([
            "ProvisioningState/failed",
            "PowerState/stopped",
        ]);
        await finished(send, await start());
        expect((await get(vm.id)).properties.provisioningState).toBe("Succeeded");
    });
});

describe("a VM that is deleted", () => {
    test("leaves its disk and its interface, which are then deleted by themselves", async () => {
        const vm = await azure.createVm({ name: newName(), resourceGroup: GROUP });
        const nic = idOf("Network/networkInterfaces", `${vm.instanceId}-nic`);
        expect((await send("DELETE", at(vm.osDiskId, DISK_API))).body.error.code).toBe("OperationNotAllowed");
        expect((await send("DELETE", at(nic, NETWORK_API))).body.error.code).toBe("NicInUse");
        const accepted = await send("DELETE", `${at(vm.id)}&forceDeletion=true`);
        expect(accepted.status).toBe(202);
        expect((await get(vm.id)).properties.provisioningState).toBe("Deleting");
        await finished(send, accepted);
        expect((await send("GET", at(vm.id))).status).toBe(404);
        expect((await send("DELETE", at(vm.id))).status).toBe(204);
        expect((await get(vm.osDiskId, DISK_API)).properties.diskState).toBe("Unattached");
        expect(existsSync(join(vm.diskDirectory, "etc/kubernetes/kubelet.conf"))).toBe(true);
        for (const [id, version] of [
            [vm.osDiskId, DISK_API],
            [nic, NETWORK_API],
        ]) {
            await finished(send, await send("DELETE", at(id, version)));
            expect((await send("GET", at(id, version))).status).toBe(404);
        }
        expect(existsSync(vm.diskDirectory)).toBe(false);
    });

    test("takes along what it was told to", async () => {
        const vm = await azure.createVm({
            ...{ name: newName(), resourceGroup: GROUP, osDisk: "Delete", dataDiskSizesGB: [4] },
            change: ({ properties }) => {
                const [nic] = (properties.networkProfile as { networkInterfaces: { properties: object }[] })
                    .networkInterfaces;
                Object.assign(nic.properties, { deleteOption: "Delete" });
            },
        });
        const [{ managedDisk }] = items<{ managedDisk: { id: string } }>(
            (await get(vm.id)).properties.storageProfile.dataDisks,
        );
        await finished(send, await send("DELETE", at(vm.id)));
        expect((await send("GET", at(vm.osDiskId, DISK_API))).status).toBe(404);
        const nic = idOf("Network/networkInterfaces", `${vm.instanceId}-nic`);
        expect((await send("GET", at(nic, NETWORK_API))).status).toBe(404);
        expect((await get(managedDisk.id, DISK_API)).properties.diskState, "a data disk is left").toBe("Unattached");
    });
});

describe("an extension of a VM", () => {
    const PROPERTIES = { publisher: "Microsoft.Azure.ContainerUpstream", typeHandlerVersion: "1.0" };
    const bootstrapping = { ...PROPERTIES, type: "CAPZ.Linux.Bootstrapping" };
    const at1 = (vm: Vm, name: string) => at(`${vm.id}/extensions/${name}`);

    test("that waits for the node to have joined fails where it has not", async () => {
        const vm = await azure.createVm({ name: newName(), resourceGroup: GROUP });
        const body = { location: LOCATION, properties: bootstrapping };
        const accepted = await send("PUT", at1(vm, "boot"), body);
        expect([accepted.status, accepted.body.properties.provisioningState]).toEqual([201, "Creating"]);
        expect((await finished(send, accepted)).body.error).toMatchObject({ code: "VMExtensionProvisioningError" });
        expect((await send("GET", at1(vm, "boot"))).body.properties.provisioningState).toBe("Failed");
        expect((await send("GET", at1(vm, "none"))).body.error.code).toBe("ResourceNotFound");
        const twice = await send("PUT", at1(vm, "again"), body);
        expect(twice.body.error.message).toContain("Multiple VMExtensions per handler not supported");
    });

    test("is shown without its secrets, in the VM's model too, and needs a machine that is on", async () => {
        const vm = await azure.createVm({ name: newName(), resourceGroup: GROUP });
        const properties = { ...PROPERTIES, type: "Monitor", protectedSettings: { key: "secret" } };
        await finished(send, await send("PUT", at1(vm, "monitor"), { location: LOCATION, properties }));
        const shown = await send("GET", at1(vm, "monitor"));
        expect(shown.body.properties).toMatchObject({ type: "Monitor", provisioningState: "Succeeded" });
        expect(shown.text).not.toContain("secret");
        expect((await get(vm.id)).resources).toMatchObject([{ name: "monitor" }]);
        await azure.powerOffVm(vm.id);
        const refused = await send("PUT", at1(vm, "late"), { location: LOCATION, properties: bootstrapping });
        expect(refused.body.error.message).toContain("when the VM is not running");
    });
});
