// VM instances of scale sets: model, instance view, and the actions on one of them.
import type { Cloud } from "../cloud";
import { hyperVGeneration } from "../fleet";
import { invalidParameter } from "../http/errors";
import type { Answer, Call, Route } from "../http/route";
import { instanceOsProfile } from "../model/view";
import type { Json } from "../scaleSetRecord";
import { secondsTimestamp, timestamp } from "../timestamp";
import type { VmRecord } from "../vmRecord";
import { COMPUTE, find, idOf } from "./common";
import { VM_ACTIONS, act, deleteAction } from "./vmActions";

const PATH = `${COMPUTE}/virtualMachineScaleSets/:vmScaleSetName/virtualMachines`;
const action = (verb: string) => `Microsoft.Compute/virtualMachineScaleSets/virtualMachines/${verb}`;

const scaleSet = (call: Call) =>
    find(call, call.cloud.scaleSets, idOf(call, "virtualMachineScaleSets", "vmScaleSetName"));

// A missing instance is the compute service's own 404, since ARM does not track instances (inference).
function one(call: Call): VmRecord {
    return find(call, call.cloud.fleet.vms, `${scaleSet(call).id}/virtualMachines/${call.params.instanceId}`);
}

function wanted(call: Call): VmRecord[] {
    return decodeURIComponent(call.params.instanceId) === "*" ? call.cloud.fleet.of(scaleSet(call).id) : [one(call)];
}

/** An instance as GET and list show it. */
export function vmView(cloud: Cloud, vm: VmRecord, apiVersion: string): Json {
    const set = vm.scaleSet;
    const profile = set.profile;
    const network = (profile.networkProfile ?? {}) as { networkInterfaceConfigurations?: { name: string }[] };
    const properties: Json = {
        latestModelApplied: vm.latestModelApplied,
        modelDefinitionApplied: "VirtualMachineScaleSet",
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
            tags: set.wire.tags ?? {},
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

function extensionView(vm: VmRecord, extension: VmRecord["extensions"][number]): Json {
    const properties = structuredClone(extension.properties);
    delete properties.protectedSettings;
    return {
        name: extension.name,
        id: `${vm.id}/extensions/${extension.name}`,
        type: "Microsoft.Compute/virtualMachines/extensions",
        location: vm.scaleSet.location,
        properties: { ...properties, provisioningState: extension.succeeded ? "Succeeded" : "Failed" },
    };
}

// While deallocated the disk's account type and size are not shown (recorded for a plain VM).
function storageView(cloud: Cloud, vm: VmRecord): Json {
    const storage = vm.scaleSet.storageProfile;
    const disk = structuredClone((storage.osDisk ?? {}) as Json);
    const image = structuredClone((storage.imageReference ?? {}) as Json);
    const stored = cloud.disks.get(vm.osDiskId)?.wire;
    if (image.version !== undefined) image.exactVersion = image.version;
    if (stored) disk.name = stored.name;
    if (vm.osDiskId)
        disk.managedDisk =
            vm.power === "deallocated" ? { id: vm.osDiskId } : { ...(disk.managedDisk as Json), id: vm.osDiskId };
    if (vm.power === "deallocated") delete disk.diskSizeGB;
    const view: Json = { imageReference: image, osDisk: disk, dataDisks: dataDisks(vm) };
    if (hyperVGeneration(cloud, vm.scaleSet) === "V2") view.diskControllerType = "SCSI";
    return view;
}

function dataDisks(vm: VmRecord): Json[] {
    const disks = (vm.scaleSet.storageProfile.dataDisks ?? []) as Json[];
    return disks.map((disk) => ({
        ...structuredClone(disk),
        name: `${vm.scaleSet.name}_${vm.scaleSet.name}_${vm.number}_disk${Number(disk.lun) + 2}_${vm.vmId.replaceAll("-", "")}`,
    }));
}

const POWER_TEXT = {
    running: "VM running",
    stopped: "VM stopped",
    deallocated: "VM deallocated",
    starting: "VM starting",
};

/** Instance view: after a power-off the agent's part stays as it was, after deallocation it is gone (recorded). */
export function instanceView(cloud: Cloud, vm: VmRecord): Json {
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
    const diskName = cloud.disks.get(vm.osDiskId)?.wire.name ?? `${vm.scaleSet.name}_${vm.number}_OsDisk_1`;
    return {
        ...{ placementGroupId: vm.vmId, platformUpdateDomain: vm.number % 5, platformFaultDomain: vm.number % 5 },
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
        hyperVGeneration: hyperVGeneration(cloud, vm.scaleSet),
        // The power state has no time.
        statuses: [
            provisioning,
            { code: `PowerState/${vm.power}`, level: "Info", displayStatus: POWER_TEXT[vm.power] },
        ],
    };
}

function shown(call: Call, vm: VmRecord): Json {
    const view = vmView(call.cloud, vm, call.apiVersion);
    if (call.query.$expand?.toLowerCase() === "instanceview")
        (view.properties as Json).instanceView = instanceView(call.cloud, vm);
    return view;
}

function actionRoute(name: string): Route {
    const { run, milliseconds } = VM_ACTIONS[name];
    return {
        method: "POST",
        path: `${PATH}/:instanceId/${name}`,
        action: action(`${name}/action`),
        beyondScope: 1,
        type: "scaleSets",
        handle: (call) => act(call, scaleSet(call), wanted(call), name, run, milliseconds(call.cloud)),
    };
}

/** Routes of VM instances. */
export const routes: Route[] = [
    {
        method: "GET",
        path: PATH,
        action: action("read"),
        beyondScope: 1,
        type: "scaleSets",
        handle: (call): Answer => ({
            status: 200,
            body: { value: call.cloud.fleet.of(scaleSet(call).id).map((vm) => shown(call, vm)) },
        }),
    },
    {
        method: "GET",
        path: `${PATH}/:instanceId`,
        action: action("read"),
        type: "scaleSets",
        handle: (call) => ({ status: 200, body: shown(call, one(call)) }),
    },
    {
        method: "GET",
        path: `${PATH}/:instanceId/instanceView`,
        action: action("instanceView/read"),
        beyondScope: 1,
        type: "scaleSets",
        handle: (call) => ({ status: 200, body: instanceView(call.cloud, one(call)) }),
    },
    {
        method: "DELETE",
        path: `${PATH}/:instanceId`,
        action: action("delete"),
        type: "scaleSets",
        handle: (call) => {
            const vms = wanted(call);
            if (vms.length === 0) throw invalidParameter("instanceIds", "There are no instances to delete.");
            return act(call, scaleSet(call), vms, "delete", deleteAction, call.cloud.durations.vmDelete);
        },
    },
    ...Object.keys(VM_ACTIONS).map(actionRoute),
];
