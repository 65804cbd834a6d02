// The snapshot of a captured disk against the local Azure: it is as well kept as the disk.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { takeSnapshot } from "../../components/capture/snapshot";
import type { AzureSandbox, ScaleSet } from "../../sandbox/azure/index";
import { finished, sender, startForTest, type Send } from "./support";

const API = "api-version=2024-03-02";
const GROUP = "kamino-snapshots";

let azure: AzureSandbox;
let close: () => Promise<void>;
let send: Send;
let env: NodeJS.ProcessEnv;
let keys: string;
let pool: ScaleSet;
let plain: ScaleSet;

beforeAll(async () => {
    ({ azure, close } = await startForTest());
    send = await sender(azure);
    keys = azure.addDiskEncryptionSet("keys", "keys-rg", "westeurope");
    plain = await azure.createScaleSet({ name: "plain", resourceGroup: GROUP, capacity: 3 });
    pool = await azure.createScaleSet({
        name: "keyed",
        resourceGroup: GROUP,
        capacity: 1,
        change: (body) => {
            const { osDisk } = body.properties.virtualMachineProfile.storageProfile as {
                osDisk: { managedDisk: object };
            };
            osDisk.managedDisk = { ...osDisk.managedDisk, diskEncryptionSet: { id: keys } };
        },
    });
    env = { ...process.env };
    Object.assign(process.env, azure.env, { NODE_TLS_REJECT_UNAUTHORIZED: "0" });
});
afterAll(async () => {
    process.env = env;
    await close();
});

/** Takes a snapshot of a VM's disk. @returns what was asked of Azure for it, and what it came to */
async function snapshotOf({ id: scaleSetId }: ScaleSet, index = 0) {
    const vm = azure.vms(scaleSetId)[index];
    const target = {
        pool: "pool1",
        version: "2026.1122.0412",
        node: vm.nodeName,
        scaleSetId,
        instanceId: vm.instanceId,
    };
    azure.requests.clear();
    const of = { resourceGroup: GROUP, diskId: vm.osDiskId, location: "westeurope", tags: {} };
    const { snapshotId } = await takeSnapshot(target, of, { limit: 30_000 });
    const put = azure.requests.all().find(({ method, path }) => method === "PUT" && path.includes("/snapshots/"));
    const { properties: asked } = put?.body as { properties: object };
    return { asked, made: (await send("GET", `${snapshotId}?${API}`)).body.properties };
}

describe("the snapshot of a disk", () => {
    test("is encrypted with the key that the disk is encrypted with", async () => {
        const encryption = { diskEncryptionSetId: keys, type: "EncryptionAtRestWithCustomerKey" };
        const { asked, made } = await snapshotOf(pool);
        expect([asked, made]).toMatchObject([{ encryption }, { encryption }]);
    });

    test.each([
        [{ networkAccessPolicy: "AllowAll", publicNetworkAccess: "Enabled" }, "AllowAll", "Enabled"],
        [{ networkAccessPolicy: "AllowAll", publicNetworkAccess: "Disabled" }, "AllowAll", "Disabled"],
        [{ networkAccessPolicy: "DenyAll", publicNetworkAccess: "Disabled" }, "DenyAll", "Disabled"],
        [
            {
                networkAccessPolicy: "AllowPrivate",
                diskAccessId: "/subscriptions/s/x",
                publicNetworkAccess: "Disabled",
            },
            "DenyAll",
            "Disabled",
        ],
    ])("is as closed as a disk with %j", async (properties, networkAccessPolicy, publicNetworkAccess) => {
        const { osDiskId } = azure.vms(plain.id)[1];
        const changed = await send("PATCH", `${osDiskId}?${API}`, { properties });
        expect((await finished(send, changed)).body.status).toBe("Succeeded");
        expect((await snapshotOf(plain, 1)).made).toMatchObject({ networkAccessPolicy, publicNetworkAccess });
    });

    test.each([
        [{ networkAccessPolicy: "AllowPrivate" }],
        [{ networkAccessPolicy: "DenyAll", diskAccessId: "/subscriptions/s/x" }],
    ])("cannot be asked for with %j", async (properties) => {
        const { osDiskId } = azure.vms(plain.id)[2];
        const creationData = { createOption: "Copy", sourceResourceId: osDiskId };
        const path = `resourceGroups/${GROUP}/providers/Microsoft.Compute/snapshots/s?${API}`;
        const body = { location: "westeurope", properties: { creationData, ...properties } };
        expect((await send("PUT", path, body)).status).toBe(400);
    });
});
