// VMs apart from scale sets as somebody sets them up by hand: a network interface, a VM, and a node that joins by
// kubeadm.
import type { Cloud } from "./cloud";
import { groupId } from "./ids";
import { MARKETPLACE_LEVEL } from "./images";
import { kubeadmCustomData } from "./kubeadm";
import type { Json } from "./machineModel";
import { newVirtualMachine } from "./model/virtualMachineRules";
import { virtualMachineSchema } from "./model/virtualMachineSchema";
import { DEFAULT_GROUP, DEFAULT_LOCATION, SSH_KEY, kubeletSettings } from "./pools";
import { newNetworkInterface } from "./resources/networkInterfaces";
import type { SingleVm } from "./singleVm";
import type { VmBody, VmOptions } from "./types";

/** Makes a VM with its network interface, in a group that is there, and waits until it has booted, or throws. */
export async function createSingleVm(cloud: Cloud, options: VmOptions): Promise<SingleVm> {
    const { name, location = DEFAULT_LOCATION } = options;
    const group = groupId(options.subscriptionId ?? cloud.subscriptionId, options.resourceGroup ?? DEFAULT_GROUP);
    const id = `${group}/providers/Microsoft.Compute/virtualMachines/${name}`;
    if (cloud.fleet.singles.get(id)) {
        throw new Error(`There is a VM ${id} already.`);
    }
    const network = `${group}/providers/Microsoft.Network`;
    const subnet = { id: `${network}/virtualNetworks/vnet/subnets/nodes` };
    const ipConfigurations = [{ name: "ipconfig1", properties: { subnet, primary: true } }];
    const interfaceId = `${network}/networkInterfaces/${name}-nic`;
    const nic = { location, properties: { ipConfigurations, enableIPForwarding: true } };
    cloud.networkInterfaces.set(newNetworkInterface(cloud, interfaceId, nic));
    const body = bodyOf(options, interfaceId);
    options.change?.(body);
    const vm = newVirtualMachine(cloud, id, virtualMachineSchema.parse(body));
    await cloud.fleet.create(vm);
    return vm;
}

function bodyOf(options: VmOptions, interfaceId: string): VmBody {
    const { name, location = DEFAULT_LOCATION, zone, purchasePlan } = options;
    const sizes = options.dataDiskSizesGB ?? [];
    return {
        location,
        tags: { ...options.tags },
        ...(zone !== undefined && { zones: [zone] }),
        ...(purchasePlan && { plan: purchasePlan }),
        properties: {
            hardwareProfile: { vmSize: options.vmSize ?? "Standard_D2s_v3" },
            ...(options.availabilitySetId !== undefined && { availabilitySet: { id: options.availabilitySetId } }),
            storageProfile: {
                imageReference: options.imageId === undefined ? marketplace(options) : { id: options.imageId },
                osDisk: { createOption: "FromImage", osType: "Linux", deleteOption: options.osDisk ?? "Detach" },
                dataDisks: sizes.map((diskSizeGB, lun) => ({ lun, diskSizeGB, createOption: "Empty" })),
            },
            osProfile: {
                ...{ computerName: name, adminUsername: "azureuser", customData: customData(options) },
                linuxConfiguration: {
                    disablePasswordAuthentication: true,
                    ssh: { publicKeys: [{ path: "/home/azureuser/.ssh/authorized_keys", keyData: SSH_KEY }] },
                },
            },
            networkProfile: { networkInterfaces: [{ id: interfaceId, properties: { primary: true } }] },
        },
    };
}

function marketplace({ imageVersion = MARKETPLACE_LEVEL }: VmOptions): Json {
    const sku = "aks-engine-ubuntu-1804-202112";
    return { publisher: "microsoft-aks", offer: "aks", sku, version: imageVersion };
}

function customData({ labels = {}, taints = [] }: VmOptions): string {
    return kubeadmCustomData(kubeletSettings(labels, taints));
}
