// What the program reads of scale sets and of their VMs' disks, and what it asks the local Azure for that.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { ComputeManagementClient } from "@azure/arm-compute";
import { diskControllerOfPool, osDiskOfPool } from "../../components/azure/osDisks";
import { readScaleSet } from "../../components/azure/scaleSets";
import type { AzureSandbox } from "../../sandbox/azure/index";
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

function addDisk(name: string) {
    const disk = { location, diskSizeGB: 8, creationData: { createOption: "Empty" } };
    return client.disks.createOrUpdate(group, name, disk);
}

test("a scale set is read by one request, in a group of any name; one that is not there is nothing", async () => {
    const { id } = await azure.createScaleSet({ name: "pool1", resourceGroup: group, capacity: 1 });
    expect(await asked(() => readScaleSet(id))).toEqual([belowCompute(id)]);
    const extensions = (await readScaleSet(id))?.virtualMachineProfile?.extensionProfile?.extensions;
    expect(extensions?.[0]).toMatchObject({ name: "vmssCSE", type: "CustomScript" });
    expect(await readScaleSet(`${id}-other`)).toBeUndefined();
});

test("pools of a group find their disks in one list of them, page by page and no further than needed", async () => {
    for (let index = 0; index < 55; index++) {
        await addDisk(`pvc-${index}`);
    }
    const [one, two] = await Promise.all(
        ["pool1", "pool2"].map((name) => azure.createScaleSet({ name, resourceGroup: group, capacity: 1 })),
    );
    for (let index = 0; index < 50; index++) {
        await addDisk(`pvc-after-${index}`);
    }
    const paths = await asked(async () => {
        const found = await Promise.all([one, two].map(({ id }) => osDiskOfPool(id)));
        expect(found.map((disk) => disk?.architecture)).toEqual(["x64", "x64"]);
    });
    expect(paths).toEqual(["disks", "disks"]);
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

test("a VM says which disk controller it has, where Azure tells", async () => {
    const change = ({ properties }: { properties: Record<string, unknown> }) => {
        const { storageProfile } = properties.virtualMachineProfile as { storageProfile: { imageReference: object } };
        Object.assign(storageProfile.imageReference, { offer: "flatcar", publisher: "kinvolk", sku: "stable-gen2" });
    };
    const pools = { resourceGroup: group, capacity: 1, change: change as never };
    const scsi = await azure.createScaleSet({ ...pools, name: "scsi" });
    const nvme = await azure.createScaleSet({ ...pools, name: "nvme", vmSize: "Standard_D4s_v6" });
    const told = await Promise.all([scsi, nvme].map(({ id }) => diskControllerOfPool(id)));
    expect(told).toEqual(["SCSI", "NVMe"]);
});
