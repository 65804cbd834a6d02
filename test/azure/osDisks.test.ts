// What the program reads of scale sets and of their VMs' disks, and what it asks the local Azure for that.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ComputeManagementClient } from "@azure/arm-compute";
import { readFlexibleVms } from "../../components/azure/flexible";
import { diskControllerOfPool, osDiskOfPool } from "../../components/azure/osDisks";
import { readScaleSet } from "../../components/azure/scaleSets";
import { flexiblePoolId } from "../../components/core/machinesId";
import type { AzureSandbox, ScaleSetBody } from "../../sandbox/azure/index";
import { computeClient, startForTest } from "./support";

const location = "westeurope";
let azure: AzureSandbox;
let close: () => Promise<void>;
let client: ComputeManagementClient;
let env: NodeJS.ProcessEnv;
let group = "";
let count = 0;

beforeAll(async () => {
    ({ azure, close } = await startForTest());
    client = computeClient(azure);
    env = { ...process.env };
    Object.assign(process.env, azure.env, { NODE_TLS_REJECT_UNAUTHORIZED: "0" });
});
afterAll(async () => {
    process.env = env;
    await close();
});
// The disks of a group are read once in a process.
beforeEach(() => {
    group = `Disks_(${++count})`;
    azure.createResourceGroup(group, location);
});

/** The lists and resources that something asks for, as in `disks`. */
async function asked(run: () => Promise<unknown>): Promise<string[]> {
    azure.requests.clear();
    await run();
    return azure.requests.all().map(({ path }) => belowCompute(decodeURI(path)));
}

const belowCompute = (path: string) => path.split("/Microsoft.Compute/")[1];

async function addDisks(count: number, name: string): Promise<void> {
    const disk = { location, diskSizeGB: 8, creationData: { createOption: "Empty" } };
    await Promise.all(
        Array.from({ length: count }, (_, index) => client.disks.createOrUpdate(group, `${name}-${index}`, disk)),
    );
}

test("a scale set is read by one request, in a group of any name; one that is not there is nothing", async () => {
    const { id } = await azure.createScaleSet({ name: "pool1", resourceGroup: group, capacity: 1 });
    expect(await asked(() => readScaleSet(id))).toEqual([belowCompute(id)]);
    const extensions = (await readScaleSet(id))?.virtualMachineProfile?.extensionProfile?.extensions;
    expect(extensions?.[0]).toMatchObject({ name: "vmssCSE", type: "CustomScript" });
    expect(await readScaleSet(`${id}-other`)).toBeUndefined();
});

test("pools of a group find their disks in one list of them, page by page and no further than needed", async () => {
    await addDisks(55, "pvc");
    const [one, two] = await Promise.all(
        ["pool1", "pool2"].map((name) => azure.createScaleSet({ name, resourceGroup: group, capacity: 1 })),
    );
    await addDisks(50, "pvc-after");
    const paths = await asked(async () => {
        const found = await Promise.all([one, two].map(({ id }) => osDiskOfPool(id)));
        expect(found.map((disk) => disk?.architecture)).toEqual(["x64", "x64"]);
    });
    expect(paths).toEqual(["disks", "disks"]);
});

test("a pool whose disk is not on the first pages of a long list is asked for a VM and its disk", async () => {
    const { id } = await azure.createScaleSet({ name: "first", resourceGroup: group, capacity: 1 });
    await addDisks(200, "pvc");
    const later = await azure.createScaleSet({ name: "later", resourceGroup: group, capacity: 1 });
    await addDisks(60, "pvc-after");
    const paths = await asked(async () => {
        const found = await Promise.all([id, later.id].map((each) => osDiskOfPool(each)));
        expect(found.map((disk) => disk?.architecture)).toEqual(["x64", "x64"]);
    });
    const [{ osDiskId }] = azure.vms(later.id);
    expect(paths).toEqual([
        ...["disks", "disks", "disks", "disks"],
        `${belowCompute(later.id)}/virtualMachines`,
        belowCompute(osDiskId),
    ]);
});

test("a copy that is attached to one of the VMs is not its OS disk", async () => {
    const other = await azure.createScaleSet({ name: "other", resourceGroup: group, capacity: 1 });
    const [{ osDiskId }] = azure.vms(other.id);
    const copy = await client.disks.createOrUpdate(group, "copy", {
        location,
        networkAccessPolicy: "DenyAll",
        creationData: { createOption: "Copy", sourceResourceId: osDiskId },
    });
    const pool = await azure.createScaleSet({ name: "pool1", resourceGroup: group, capacity: 1 });
    const dataDisks = [{ lun: 0, createOption: "Attach", managedDisk: { id: copy.id } }];
    await client.virtualMachineScaleSetVMs.update(group, pool.name, azure.vms(pool.id)[0].instanceId, {
        location,
        storageProfile: { dataDisks },
    });
    const { managedBy, osType } = await client.disks.get(group, "copy");
    expect({ managedBy, osType }).toEqual({ managedBy: azure.vms(pool.id)[0].id, osType: "Linux" });
    expect((await osDiskOfPool(pool.id))?.access?.networkAccessPolicy).toBe("AllowAll");
});

test("a scale set without VMs has no disk, which its VMs are asked for", async () => {
    const { id } = await azure.createScaleSet({ name: "pool1", resourceGroup: group, capacity: 0 });
    const paths = await asked(async () => expect(await osDiskOfPool(id)).toBeUndefined());
    expect(paths).toEqual(["disks", `${belowCompute(id)}/virtualMachines`]);
});

function toGeneration2({ properties }: ScaleSetBody) {
    const { storageProfile } = properties.virtualMachineProfile as { storageProfile: { imageReference: object } };
    Object.assign(storageProfile.imageReference, { offer: "flatcar", publisher: "kinvolk", sku: "stable-gen2" });
}

test("a VM says which disk controller it has, where Azure tells", async () => {
    const pools = { resourceGroup: group, capacity: 1, change: toGeneration2 };
    const scsi = await azure.createScaleSet({ ...pools, name: "scsi" });
    const nvme = await azure.createScaleSet({ ...pools, name: "nvme", vmSize: "Standard_D4s_v6" });
    const told = await Promise.all([scsi, nvme].map(({ id }) => diskControllerOfPool(id)));
    expect(told).toEqual(["SCSI", "NVMe"]);
});

describe("of a Flexible scale set", () => {
    test("the disk of one of its VMs is found in the list, and not that of a VM which is attached to it", async () => {
        const set = { name: "flex", resourceGroup: group, capacity: 0, flexible: true };
        const { id, name } = await azure.createScaleSet(set);
        const attached = await azure.createVm({
            ...{ name: `${name}-mine`, resourceGroup: group, vmSize: "Standard_D2ps_v5" },
            change: ({ properties }) => (properties.virtualMachineScaleSet = { id }),
        });
        expect(azure.vms(id)).toEqual([attached]);
        const pool = flexiblePoolId(id);
        const without = await asked(async () => expect(await osDiskOfPool(pool)).toBeUndefined());
        expect(without.map((path) => path.split("?")[0])).toEqual(["disks", "virtualMachines"]);
        await azure.setCapacity(id, 1);
        expect((await osDiskOfPool(pool))?.architecture).toBe("x64");
    });

    test("one of its VMs says which disk controller it has", async () => {
        const set = { name: "flex", resourceGroup: group, capacity: 1, flexible: true, vmSize: "Standard_D4s_v6" };
        const { id } = await azure.createScaleSet({ ...set, change: toGeneration2 });
        expect(await diskControllerOfPool(flexiblePoolId(id))).toBe("NVMe");
    });
});

test("the VMs that a Flexible set has made are read by one request, with what tells whether they run", async () => {
    const { id, name } = await azure.createScaleSet({
        name: "flex",
        resourceGroup: group,
        capacity: 2,
        flexible: true,
    });
    for (const [vmName, member] of [
        [`${name}-mine`, true],
        [`${name}_0a1b2c3d`, false],
    ] as const) {
        await azure.createVm({
            ...{ name: vmName, resourceGroup: group },
            change: ({ properties }) => {
                properties.osProfile!.computerName = `${name}00000a`;
                properties.virtualMachineScaleSet = member ? { id } : undefined;
            },
        });
    }
    const own = azure.vms(id).filter(({ instanceId }) => instanceId !== `${name}-mine`);
    await azure.powerOffVm(own[0].id);
    const paths = await asked(async () => {
        const found = await readFlexibleVms(id, name);
        expect(found.map((vm) => [vm.vmId, vm.node, vm.machine.running])).toEqual(
            own
                .map((vm) => [vm.id, vm.nodeName, vm.power === "running"] as const)
                .sort(([a], [b]) => a.localeCompare(b)),
        );
    });
    expect(paths).toHaveLength(1);
    expect(await readFlexibleVms(`${id}-gone`)).toEqual([]);
});
