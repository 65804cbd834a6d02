// Scale sets of orchestration mode Flexible on the wire: what they show, what they refuse, and the single VMs that they
// make.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { AzureSandbox, ScaleSet } from "../../sandbox/azure/index";
import { computeClient, finished, items, sender, startForTest, type Body, type Plain, type Send } from "./support";

const GROUP = "Flexible-rg";
const API = "api-version=2024-11-01";
let azure: AzureSandbox;
let send: Send;
let close: () => Promise<void>;
let pool: ScaleSet;
let count = 0;

beforeAll(async () => {
    ({ azure, close } = await startForTest());
    send = await sender(azure);
});
afterAll(() => close());
beforeEach(async () => {
    pool = await azure.createScaleSet({
        ...{ name: `flex${++count}`, resourceGroup: GROUP, capacity: 2, flexible: true },
        change: ({ properties }) => (properties.upgradePolicy = {}),
    });
});

const at = (id: string, query = "") => `${id}?${API}${query}`;
const put = (body: object, id = pool.id) => send("PUT", at(id), { location: pool.location, ...body });
const refusal = ({ status, body }: Plain) => [status, body.error.code, body.error.target ?? body.error.message];
const providers = () => `/subscriptions/${azure.subscriptionId}/resourceGroups/${GROUP}/providers`;
const vmsOf = (set: ScaleSet, more = "&$expand=instanceView") =>
    send("GET", at(`${providers()}/Microsoft.Compute/virtualMachines`, `&$filter=${filterOf(set.id)}${more}`));
const filterOf = (id: string) => encodeURIComponent(`'virtualMachineScaleSet/id' eq '${id}'`);

async function putAndFinish(body: object, id = pool.id): Promise<Body> {
    const accepted = await put(body, id);
    expect(accepted.status, accepted.text).toBeLessThan(300);
    expect((await finished(send, accepted)).body.status).toBe("Succeeded");
    return (await send("GET", at(id))).body;
}

/** A VM that somebody attaches to the set. */
async function attach(name: string, set = pool): Promise<string> {
    const virtualMachineScaleSet = { id: set.id };
    const { id } = await azure.createVm({
        ...{ name, resourceGroup: GROUP },
        change: ({ properties }) => (properties.virtualMachineScaleSet = virtualMachineScaleSet),
    });
    return id;
}

describe("a Flexible scale set", () => {
    test("shows what recorded ones show, and no property of Uniform ones", async () => {
        const { properties, sku } = (await send("GET", at(pool.id))).body;
        expect(properties).toMatchObject({
            ...{ orchestrationMode: "Flexible", singlePlacementGroup: false, platformFaultDomainCount: 1 },
            ...{ constrainedMaximumCapacity: false, provisioningState: "Succeeded" },
        });
        expect(properties).not.toHaveProperty("overprovision");
        expect(properties).not.toHaveProperty("doNotRunExtensionsOnOverprovisionedVMs");
        expect(properties.upgradePolicy).toEqual({});
        expect(sku).toEqual({ name: "Standard_D2s_v3", tier: "Standard", capacity: 2 });
        const { osProfile, storageProfile, networkProfile } = properties.virtualMachineProfile;
        expect(storageProfile.osDisk.deleteOption).toBe("Delete");
        expect(osProfile.linuxConfiguration.patchSettings).toEqual({
            ...{ patchMode: "ImageDefault", assessmentMode: "ImageDefault" },
        });
        expect(networkProfile.networkApiVersion).toBe("2020-11-01");
        const [nic] = items<Body>(networkProfile.networkInterfaceConfigurations);
        expect(nic.properties).toMatchObject({ auxiliaryMode: "None", auxiliarySku: "None", deleteOption: "Delete" });
    });

    test("keeps capacity and model where a PUT leaves them out, and takes extensions away by an empty list", async () => {
        const { sku, properties } = await putAndFinish({
            properties: { virtualMachineProfile: { extensionProfile: { extensions: [] } } },
        });
        expect(sku.capacity).toBe(2);
        expect(properties.virtualMachineProfile.extensionProfile.extensions).toEqual([]);
        expect(properties.virtualMachineProfile.networkProfile.networkApiVersion).toBe("2020-11-01");
    });

    test.each<[string, object, unknown[]]>([
        [
            "another mode",
            { properties: { orchestrationMode: "Uniform" } },
            [409, "PropertyChangeNotAllowed", "orchestrationMode"],
        ],
        ["overprovisioning", { properties: { overprovision: false } }, [400, "InvalidParameter", "overprovision"]],
        [
            "one placement group",
            { properties: { singlePlacementGroup: true } },
            [409, "PropertyChangeNotAllowed", "singlePlacementGroup"],
        ],
        [
            "more fault domains",
            { properties: { platformFaultDomainCount: 3 } },
            [409, "PropertyChangeNotAllowed", "platformFaultDomainCount"],
        ],
        [
            "a capacity that is not constrained, as its own answer says",
            { properties: { constrainedMaximumCapacity: false } },
            [400, "InvalidParameter", "constrainedMaximumCapacity"],
        ],
        ["a sku without capacity", { sku: { name: "Standard_D2s_v3" } }, [400, "InvalidParameter", "sku.capacity"]],
    ])("refuses %s", async (_what, body, expected) => {
        expect(refusal(await put(body))).toEqual(expected);
    });

    test("is not made without the version of its interfaces", async () => {
        const made = azure.createScaleSet({
            ...{ name: "plain", resourceGroup: GROUP, flexible: true, capacity: 0 },
            change: ({ properties }) => {
                const { networkProfile } = properties.virtualMachineProfile as { networkProfile: object };
                Reflect.deleteProperty(networkProfile, "networkApiVersion");
            },
        });
        await expect(made).rejects.toThrow("Required parameter 'networkProfile.networkApiVersion' is missing (null).");
    });

    test("without a model is there, and has the VMs that are attached to it", async () => {
        const id = pool.id.replace(pool.name, `empty${count}`);
        const made = await putAndFinish(
            { properties: { orchestrationMode: "Flexible", platformFaultDomainCount: 1 } },
            id,
        );
        expect(made.properties).not.toHaveProperty("virtualMachineProfile");
        const vm = await attach(`loose${count}`, azure.scaleSet(id));
        expect(items<Body>((await vmsOf(azure.scaleSet(id)!)).body.value).map((each) => each.id)).toEqual([vm]);
    });
});

describe("its VMs", () => {
    test("are single ones: names, place, interface, disk and image as Azure gives them", async () => {
        const vms = items<Body>((await vmsOf(pool)).body.value);
        expect(vms).toHaveLength(2);
        for (const { id, name, properties, tags } of vms as unknown as (Body & { id: string; name: string })[]) {
            expect(name).toMatch(new RegExp(`^${pool.name}_[0-9a-f]{8}$`));
            expect(id).toBe(`${providers()}/Microsoft.Compute/virtualMachines/${name}`);
            expect(tags.orchestrator).toBe("Kubernetes:1.24.17");
            expect(properties).toMatchObject({
                ...{ virtualMachineScaleSet: { id: pool.id }, provisioningState: "Succeeded" },
                hardwareProfile: { vmSize: "Standard_D2s_v3" },
                storageProfile: {
                    imageReference: { offer: "aks" },
                    osDisk: { createOption: "FromImage", deleteOption: "Delete" },
                },
            });
            expect(properties.osProfile.computerName).toMatch(new RegExp(`^${pool.name}[0-9A-Z]{6}$`));
            expect(properties.osProfile).not.toHaveProperty("customData");
            expect(properties).toHaveProperty("timeCreated");
            const codes = items<Body>(properties.instanceView.statuses).map(({ code }) => code);
            expect(codes).toContain("PowerState/running");
            const [nic] = items<{ id: string }>(properties.networkProfile.networkInterfaces);
            const shown = await send("GET", `${nic.id}?api-version=2023-05-01`);
            expect(shown.body.properties.virtualMachine.id).toBe(id);
            const { id: diskId } = properties.storageProfile.osDisk.managedDisk as unknown as { id: string };
            expect(diskId).toMatch(new RegExp(`/disks/${name}_disk1_[0-9a-f]{32}$`));
            const disk = await send("GET", `${diskId}?api-version=2023-10-02`);
            expect(disk.body).toMatchObject({ managedBy: id });
        }
        expect(azure.vms(pool.id).map(({ joined, bootstrapRan }) => [joined, bootstrapRan])).toEqual([
            [true, true],
            [true, true],
        ]);
    });

    test("are listed by the set with neither tags nor an instance view, below the set's own id", async () => {
        const { body } = await send("GET", at(`${pool.id}/virtualMachines`, "&$expand=instanceView"));
        const [vm] = items<Body>(body.value);
        const [{ instanceId }] = azure.vms(pool.id);
        expect(vm).toMatchObject({ instanceId, name: instanceId, id: `${pool.id}/virtualMachines/${instanceId}` });
        expect(vm).not.toHaveProperty("tags");
        expect(vm.properties).not.toHaveProperty("instanceView");
        expect(refusal(await send("GET", at(`${pool.id}/virtualMachines/${instanceId}`)))).toEqual([
            ...[400, "InvalidParameter", "instanceId"],
        ]);
        expect((await send("POST", at(`${pool.id}/powerOff`), { instanceIds: [instanceId] })).status).toBe(409);
    });

    test("are those of one set alone, whatever filter or case; no other filter is taken", async () => {
        const other = await azure.createScaleSet({ name: `more${count}`, resourceGroup: GROUP, flexible: true });
        await attach(`by-hand${count}`);
        const client = computeClient(azure).virtualMachines;
        const names = async (filter: string) => {
            const found: string[] = [];
            for await (const { name = "" } of client.list(GROUP, { filter, expand: "instanceView" })) {
                found.push(name);
            }
            return found;
        };
        const members = azure.vms(pool.id).map(({ instanceId }) => instanceId);
        expect(members).toContain(`by-hand${count}`);
        expect(await names(`'virtualMachineScaleSet/id' eq '${pool.id.toUpperCase()}'`)).toEqual(members);
        expect(azure.vms(other.id)).toHaveLength(3);
        await expect(names("name eq 'x'")).rejects.toThrow();
        const all = `${providers()}/Microsoft.Compute/virtualMachines`;
        expect(refusal(await send("GET", at(all, "&$expand=instanceView")))).toEqual([
            ...[400, "InvalidParameter", "$expand"],
        ]);
    });

    test.each([
        ["without a mode", {}],
        ["by hand", { mode: "Manual" }],
    ])(
        "that run are not touched by another model in a set that upgrades %s; new ones start from it",
        async (_, mode) => {
            const before = azure.vms(pool.id).map(({ id, osDiskId, bootId }) => ({ id, osDiskId, bootId }));
            await putAndFinish({ properties: { upgradePolicy: mode, virtualMachineProfile: newImage } });
            expect(azure.vms(pool.id).map(({ id, osDiskId, bootId }) => ({ id, osDiskId, bootId }))).toEqual(before);
            await azure.setCapacity(pool.id, 3);
            const images = items<Body>((await vmsOf(pool)).body.value).map(
                ({ properties }) => properties.storageProfile.imageReference.version as unknown as string,
            );
            expect(images.filter((version) => version === "2023.09.01")).toHaveLength(1);
        },
    );

    test.each(["Automatic", "Rolling"])("get new disks by another model in mode %s", async (mode) => {
        const before = azure.vms(pool.id).map(({ osDiskId }) => osDiskId);
        await putAndFinish({ properties: { upgradePolicy: { mode }, virtualMachineProfile: newImage } });
        const after = azure.vms(pool.id).map(({ osDiskId }) => osDiskId);
        expect(after.filter((id) => before.includes(id))).toEqual([]);
    });

    test("go with their interfaces and disks when the capacity is lowered; attached ones stay", async () => {
        const attached = await attach(`stays${count}`);
        const ids = azure.vms(pool.id).map(({ osDiskId }) => osDiskId);
        await putAndFinish({ sku: { name: "Standard_D2s_v3", capacity: 0 } });
        expect(azure.vms(pool.id).map(({ id }) => id)).toEqual([attached]);
        const nics = await send("GET", `${providers()}/Microsoft.Network/networkInterfaces?api-version=2023-05-01`);
        expect(nics.text).not.toContain(`${pool.name}-`);
        expect(ids.filter((id) => azure.diskFolder(id) !== undefined)).toHaveLength(1);
    });

    test("take one off the capacity when they are deleted", async () => {
        await azure.deleteVm(azure.vms(pool.id)[0].id);
        expect(azure.scaleSet(pool.id)?.capacity).toBe(1);
    });
});

const newImage = { storageProfile: { imageReference: { version: "2023.09.01" } } };

describe("a VM is not attached", () => {
    const attempt = async (scaleSetId: string, zone?: string) => {
        const name = `attempt${++count}`;
        const { id } = await azure.createVm({ name: `donor${count}`, resourceGroup: GROUP });
        const { properties } = (await send("GET", at(id))).body as { properties: Body };
        const subnet = { id: `${providers()}/Microsoft.Network/virtualNetworks/vnet/subnets/nodes` };
        const nic = `${providers()}/Microsoft.Network/networkInterfaces/${name}`;
        const made = await send("PUT", `${nic}?api-version=2023-05-01`, {
            ...{ location: pool.location, properties: { ipConfigurations: [{ name: "ip", properties: { subnet } }] } },
        });
        expect(made.status).toBe(201);
        const { imageReference } = properties.storageProfile;
        return put(
            {
                ...(zone !== undefined && { zones: [zone] }),
                properties: {
                    virtualMachineScaleSet: { id: scaleSetId },
                    hardwareProfile: { vmSize: "Standard_D2s_v3" },
                    storageProfile: {
                        imageReference: { ...imageReference, exactVersion: undefined },
                        osDisk: { createOption: "FromImage" },
                    },
                    osProfile: { computerName: name, adminUsername: "me" },
                    networkProfile: { networkInterfaces: [{ id: nic }] },
                },
            },
            `${providers()}/Microsoft.Compute/virtualMachines/${name}`,
        );
    };

    test("to a Uniform set, to one that is not there, or from another zone", async () => {
        const uniform = await azure.createScaleSet({ name: `uniform${count}`, resourceGroup: GROUP, capacity: 0 });
        expect(refusal(await attempt(uniform.id))[2]).toMatch(/does not have orchestration mode set to 'Flexible'/);
        expect(refusal(await attempt(`${pool.id}-gone`))).toEqual([
            404,
            "NotFound",
            expect.stringMatching(/not exist/),
        ]);
        expect(refusal(await attempt(pool.id, "1"))[0]).toBe(409);
        expect((await attempt(pool.id)).status).toBe(201);
    });
});
