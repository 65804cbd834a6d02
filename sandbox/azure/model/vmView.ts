// What a GET of a VM instance shows: its model and its instance view.
import type { Cloud } from "../cloud";
import type { Json } from "../scaleSetRecord";
import { secondsTimestamp, timestamp } from "../timestamp";
import { hyperVGeneration } from "../vmDisks";
import type { DataDisk, InstanceRecord, VmExtension, VmRecord } from "../vmRecord";
import { vmSize } from "../vmSizes";
import { instanceOsProfile } from "./view";

/** An instance as GET and list show it. */
export function vmView(cloud: Cloud, vm: InstanceRecord, apiVersion: string): Json {
    const set = vm.scaleSet;
    const profile = set.profile;
    const network = (profile.networkProfile ?? {}) as { networkInterfaceConfigurations?: { name: string }[] };
    const properties: Json = {
        latestModelApplied: vm.latestModelApplied,
        modelDefinitionApplied: vm.ownModel ? "VirtualMachine" : "VirtualMachineScaleSet",
        networkProfileConfiguration: {
            networkInterfaceConfigurations: structuredClone(network.networkInterfaceConfigurations ?? []),
        },
        provisioningState: vm.provisioningState,
        hardwareProfile: apiVersion > "2019-03-01" ? { vmSize: set.sku.name } : {},
        vmId: vm.vmId,
        storageProfile: storageView(cloud, vm),
        osProfile: instanceOsProfile(set.wire, vm.computerName),
        ...(profile.securityProfile !== undefined && { securityProfile: structuredClone(profile.securityProfile) }),
        networkProfile: {
            networkInterfaces: (network.networkInterfaceConfigurations ?? []).map(({ name }) => ({
                id: `${vm.id}/networkInterfaces/${name}`,
            })),
        },
        timeCreated: timestamp(vm.created),
    };
    return {
        ...{
            name: `${set.name}_${vm.instanceId}`,
            id: vm.id,
            type: "Microsoft.Compute/virtualMachineScaleSets/virtualMachines",
        },
        ...{
            location: set.location,
            tags: vm.tags ?? set.wire.tags ?? {},
            instanceId: vm.instanceId,
            sku: { name: set.sku.name, tier: set.sku.tier },
        },
        ...(vm.zone !== undefined && { zones: [vm.zone] }),
        ...(set.wire.plan !== undefined && { plan: set.wire.plan }),
        properties,
        ...(vm.extensions.length > 0 && { resources: vm.extensions.map((extension) => extensionView(vm, extension)) }),
        ...(apiVersion >= "2023-09-01" && { etag: set.etag }),
    };
}

/** An extension of a VM, without its secrets. */
export function extensionView(vm: VmRecord, extension: VmExtension): Json {
    const properties = structuredClone(extension.properties);
    delete properties.protectedSettings;
    return {
        name: extension.name,
        id: `${vm.id}/extensions/${extension.name}`,
        type: "Microsoft.Compute/virtualMachines/extensions",
        location: vm.location,
        properties: { ...properties, provisioningState: extension.succeeded ? "Succeeded" : "Failed" },
    };
}

/**
 * What a VM was made from and its disks. While deallocated the disks' account type and size are not shown (recorded for
 * a plain VM).
 */
export function storageView(cloud: Cloud, vm: VmRecord): Json {
    const off = vm.power === "deallocated";
    const { imageReference = {}, osDisk = {} } = structuredClone(vm.storageProfile) as Record<string, Json>;
    const stored = cloud.disks.get(vm.osDiskId)?.wire;
    if (stored) {
        osDisk.name = stored.name;
        osDisk.diskSizeGB = stored.properties.diskSizeGB;
    }
    const managedDisk = off ? {} : (osDisk.managedDisk as Json | undefined);
    if (vm.osDiskId) {
        osDisk.managedDisk = { ...managedDisk, id: vm.osDiskId };
    }
    if (off) {
        delete osDisk.diskSizeGB;
    }
    const dataDisks = vm.dataDisks.map((disk) => dataDiskView(cloud, disk, off));
    const view: Json = { imageReference, osDisk, dataDisks };
    const controller = diskController(cloud, vm);
    if (controller !== undefined) {
        view.diskControllerType = controller;
    }
    return view;
}

function dataDiskView(cloud: Cloud, disk: DataDisk, off: boolean): Json {
    const { managedDisk, ...rest } = disk;
    if (off) {
        return { ...rest, managedDisk: { id: managedDisk.id }, toBeDetached: false };
    }
    const diskSizeGB = cloud.disks.get(managedDisk.id)?.wire.properties.diskSizeGB;
    return { ...rest, managedDisk, diskSizeGB, toBeDetached: false };
}

// Shown for Generation 2 images only (recorded).
function diskController(cloud: Cloud, { storageProfile, size }: VmRecord): string | undefined {
    if (hyperVGeneration(cloud, storageProfile.imageReference ?? {}) !== "V2") {
        return undefined;
    }
    const [only, other] = vmSize(size)?.controllers ?? [];
    return (
        (storageProfile.diskControllerType as string | undefined) ?? (other === undefined ? only : undefined) ?? "SCSI"
    );
}

const POWER_TEXT = {
    running: "VM running",
    stopped: "VM stopped",
    deallocated: "VM deallocated",
    starting: "VM starting",
};

/** The instance view of a scale set's VM. */
export function instanceView(cloud: Cloud, vm: InstanceRecord): Json {
    const domain = vm.number % 5;
    return {
        ...{ placementGroupId: vm.vmId, platformUpdateDomain: domain, platformFaultDomain: domain },
        ...guestView(cloud, vm),
    };
}

/**
 * What the instance view says of any VM: after a power-off the agent's part stays as it was, after deallocation it is
 * gone (recorded).
 */
export function guestView(cloud: Cloud, vm: VmRecord): Json {
    const time = timestamp(cloud.now());
    const state = vm.provisioningState.toLowerCase();
    const failed = vm.provisioningState === "Failed";
    const provisioning = {
        code: `ProvisioningState/${state}`,
        level: failed ? "Error" : "Info",
        displayStatus: `Provisioning ${state}`,
        time,
    };
    const guest = {
        ...{ computerName: vm.computerName, osName: "ubuntu", osVersion: "18.04" },
        vmAgent: {
            vmAgentVersion: "2.2.40",
            statuses: [
                {
                    code: "ProvisioningState/succeeded",
                    level: "Info",
                    displayStatus: "Ready",
                    message: "Guest Agent is running",
                    time: secondsTimestamp(cloud.now()),
                },
            ],
            extensionHandlers: [],
        },
    };
    const diskName = cloud.disks.get(vm.osDiskId)?.wire.name ?? `${vm.label}_OsDisk_1`;
    return {
        ...(vm.power !== "deallocated" && vm.bootedClean && guest),
        disks: [
            {
                name: diskName,
                statuses: [
                    {
                        code: "ProvisioningState/succeeded",
                        level: "Info",
                        displayStatus: "Provisioning succeeded",
                        time,
                    },
                ],
            },
        ],
        hyperVGeneration: hyperVGeneration(cloud, vm.storageProfile.imageReference ?? {}),
        // The power state has no time.
        statuses: [
            provisioning,
            { code: `PowerState/${vm.power}`, level: "Info", displayStatus: POWER_TEXT[vm.power] },
        ],
    };
}
