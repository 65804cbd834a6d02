// The official SDK drives the local Azure from an empty gallery to a new VM that starts from the image of another VM's
// disk.
import { appendFileSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ComputeManagementClient } from "@azure/arm-compute";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AzureSandbox, ScaleSet, Vm } from "../../sandbox/azure/index";
import { computeClient, startForTest } from "./support";

const GROUP = "sdk-rg";
let azure: AzureSandbox;
let close: () => Promise<void>;
let client: ComputeManagementClient;
let pool: ScaleSet;
let node: Vm;

beforeAll(async () => {
    ({ azure, close } = await startForTest());
    client = computeClient(azure);
    pool = await azure.createScaleSet({ name: "pool1", resourceGroup: GROUP, capacity: 2, labels: { tier: "web" } });
    node = azure.vms(pool.id)[0];
});
afterAll(() => close());

test("the pool's nodes bootstrapped with their script extension and joined", async () => {
    const listed = [];
    for await (const vm of client.virtualMachineScaleSetVMs.list(GROUP, pool.name)) {
        listed.push(vm);
    }
    expect(listed.map((vm) => vm.instanceId)).toEqual(["0", "1"]);
    expect(azure.vms(pool.id).map(({ joined, bootstrapRan }) => [joined, bootstrapRan])).toEqual([
        [true, true],
        [true, true],
    ]);
    expect(readFileSync(join(node.diskDirectory, "etc/hostname"), "utf8").trim()).toBe(node.computerName);
});

test("from gallery to a new VM that is like the patched one and joins without bootstrap", async () => {
    const location = pool.location;
    await client.galleries.createOrUpdate(GROUP, "kamino", { location });
    await client.galleryImages.createOrUpdate(GROUP, "kamino", pool.name, {
        location,
        osType: "Linux",
        osState: "Generalized",
        hyperVGeneration: "V1",
        identifier: { publisher: "kamino", offer: "pool1", sku: pool.name },
    });

    writeFileSync(join(node.diskDirectory, "etc/os-patch-level"), "2026-11-22\n");
    clean(node);
    await azure.stopVmFromInside(node.id);
    const stopped = await client.virtualMachineScaleSetVMs.getInstanceView(GROUP, pool.name, node.instanceId);
    expect(stopped.statuses?.map(({ code }) => code)).toContain("PowerState/stopped");

    const vm = await client.virtualMachineScaleSetVMs.get(GROUP, pool.name, node.instanceId);
    const snapshot = await client.snapshots.createOrUpdate(GROUP, "snap", {
        location,
        incremental: true,
        creationData: { createOption: "Copy", sourceResourceId: vm.storageProfile?.osDisk?.managedDisk?.id },
        tags: { node: node.nodeName },
    });
    expect(snapshot).toMatchObject({ provisioningState: "Succeeded", incremental: true, hyperVGeneration: "V1" });

    await client.virtualMachineScaleSetVMs.start(GROUP, pool.name, node.instanceId);
    expect(azure.vm(node.id)).toMatchObject({ power: "running", joined: true });
    expect(readFileSync(join(node.diskDirectory, "etc/hostname"), "utf8").trim()).toBe(node.computerName);

    const version = await client.galleryImageVersions.createOrUpdate(GROUP, "kamino", pool.name, "2026.1122.0412", {
        location,
        publishingProfile: { replicaCount: 3, storageAccountType: "Standard_ZRS", targetRegions: [{ name: location }] },
        storageProfile: { osDiskImage: { source: { id: snapshot.id } } },
    });
    expect(version.publishingProfile?.targetRegions?.[0]).toMatchObject({
        name: "West Europe",
        regionalReplicaCount: 3,
    });
    await client.snapshots.delete(GROUP, "snap");

    const live = await client.virtualMachineScaleSets.get(GROUP, pool.name);
    expect(live.virtualMachineProfile?.osProfile?.customData).toBeUndefined();
    await client.virtualMachineScaleSets.createOrUpdate(GROUP, pool.name, {
        location,
        virtualMachineProfile: {
            osProfile: { customData: Buffer.from("#cloud-config\n{}\n").toString("base64") },
            storageProfile: { imageReference: { id: version.id } },
            extensionProfile: { extensions: (live.virtualMachineProfile?.extensionProfile?.extensions ?? []).slice(1) },
        },
    });
    expect(azure.vms(pool.id).map(({ power }) => power)).toEqual(["running", "running"]);
    expect(azure.vms(pool.id).every((one) => !one.latestModelApplied)).toBe(true);

    await azure.setCapacity(pool.id, 3);
    const fresh = azure.vms(pool.id)[2];
    expect(fresh).toMatchObject({ joined: true, bootstrapped: true, bootstrapRan: false, latestModelApplied: true });
    const read = (file: string) => readFileSync(join(fresh.diskDirectory, file), "utf8").trim();
    expect(read("etc/os-patch-level")).toBe("2026-11-22");
    expect(read("etc/hostname")).toBe(fresh.computerName);
    expect(read("etc/default/kubelet")).toContain("tier=web");
    expect(read("var/log/kamino-ancestry.log")).toContain(node.nodeName);
    expect(read("etc/machine-id")).not.toBe(readFileSync(join(node.diskDirectory, "etc/machine-id"), "utf8").trim());
});

/** What a cleaning script does to a disk, written here in the test's own words. */
function clean(vm: Vm): void {
    const at = (path: string) => join(vm.diskDirectory, path);
    appendFileSync(at("var/log/kamino-ancestry.log"), `2026-11-22T04:30:00Z ${vm.nodeName}\n`);
    writeFileSync(at("etc/machine-id"), "");
    writeFileSync(at("etc/hostname"), "");
    for (const folder of ["var/lib/waagent/history", "var/lib/waagent/events", "var/log/journal", "var/lib/cloud"]) {
        for (const name of readdirSync(at(folder))) {
            rmSync(join(at(folder), name), { recursive: true });
        }
    }
}
