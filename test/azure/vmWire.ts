// One local Azure for each test file of single VMs, with a group, and the bodies and requests that make them.
import { afterAll, beforeAll, expect } from "vitest";
import type { AzureSandbox } from "../../sandbox/azure/index";
import { finished, sender, startForTest, type Body, type Send } from "./support";

export const GROUP = "vms-rg";
export const LOCATION = "westeurope";
export const API = "api-version=2024-03-01";
export const NETWORK_API = "api-version=2023-05-01";
export const DISK_API = "api-version=2023-10-02";

/** The file's local Azure and a sender signed in to it: set by useVms. */
export let azure: AzureSandbox;
export let send: Send;
let count = 0;

/** Starts a local Azure for the test file. */
export function useVms(): void {
    let close: () => Promise<void>;
    beforeAll(async () => {
        ({ azure, close } = await startForTest());
        send = await sender(azure);
        azure.createResourceGroup(GROUP, LOCATION);
    });
    afterAll(() => close());
}

/** Id in the group, such as of `Compute/virtualMachines` and a name. */
export const idOf = (type: string, name: string) =>
    `/subscriptions/${azure.subscriptionId}/resourceGroups/${GROUP}/providers/Microsoft.${type}/${name}`;
export const at = (id: string, version = API) => `${id}?${version}`;
export const newName = () => `vm${++count}`;
export const get = async (id: string, version = API): Promise<Body> => (await send("GET", at(id, version))).body;

/** Makes a network interface; its id. */
export async function networkInterface(name: string, location = LOCATION): Promise<string> {
    const id = idOf("Network/networkInterfaces", name);
    const subnet = { id: idOf("Network/virtualNetworks", "vnet/subnets/nodes") };
    const body = { location, properties: { ipConfigurations: [{ name: "ip", properties: { subnet } }] } };
    const accepted = await send("PUT", at(id, NETWORK_API), body);
    expect(accepted.status, accepted.text).toBe(201);
    await finished(send, accepted);
    return id;
}

/** A VM's request body, as CAPZ writes it. */
export function bodyFor(name: string, nic: string) {
    const reference = { publisher: "p", offer: "o", sku: "s", version: "1.2.3" };
    return {
        location: LOCATION,
        tags: { owner: "me" } as Record<string, string>,
        properties: {
            hardwareProfile: { vmSize: "Standard_D2s_v3" },
            storageProfile: {
                imageReference: reference as Record<string, string>,
                osDisk: { name: `${name}_OSDisk`, osType: "Linux", createOption: "FromImage", diskSizeGB: 64 },
            },
            osProfile: {
                ...{ computerName: name, adminUsername: "capi", customData: "" },
                linuxConfiguration: {
                    disablePasswordAuthentication: true,
                    ssh: { publicKeys: [{ path: "/home/capi/.ssh/authorized_keys", keyData: "ssh-rsa AAAA" }] },
                },
            },
            networkProfile: { networkInterfaces: [{ id: nic, properties: { primary: true } as object }] },
        } as Record<string, object>,
    };
}

/** Asks for a VM. */
export async function put(name: string, body: object) {
    return send("PUT", at(idOf("Compute/virtualMachines", name)), body);
}

/** Makes an availability set; its id. */
export async function availabilitySet(name: string, sku = "Aligned"): Promise<string> {
    const id = idOf("Compute/availabilitySets", name);
    const made = await send("PUT", at(id), { location: LOCATION, sku: { name: sku } });
    expect(made.status, made.text).toBe(200);
    return id;
}
