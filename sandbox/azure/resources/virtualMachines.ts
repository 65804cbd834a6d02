// VM instances of scale sets: model, instance view, and the actions on one of them.
import type { Cloud } from "../cloud";
import { invalidParameter } from "../http/errors";
import { hyperVGeneration } from "../vmDisks";
import type { ImageReference } from "../images";
import type { Answer, Call, Route } from "../http/route";
import { instanceOsProfile } from "../model/view";
import type { Json } from "../scaleSetRecord";
import { secondsTimestamp, timestamp } from "../timestamp";
import type { DataDisk, VmRecord } from "../vmRecord";
import { vmSize } from "../vmSizes";
import { afterWrite, diskLinks, type WantedDataDisk } from "../model/dataDisks";
import { scaleSetLinks } from "../model/links";
import { vmSchema } from "../model/vmSchema";
import type { LinkedAccess } from "../rbac";
import { COMPUTE, checkPreconditions, find, idOf } from "./common";
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
    const off = vm.power === "deallocated";
    const { imageReference = {}, osDisk = {} } = structuredClone(vm.storageProfile) as Record<string, Json>;
    const stored = cloud.disks.get(vm.osDiskId)?.wire;
    if (stored) osDisk.name = stored.name;
    if (vm.osDiskId) osDisk.managedDisk = { ...(!off && (osDisk.managedDisk as Json)), id: vm.osDiskId };
    if (off) delete osDisk.diskSizeGB;
    const dataDisks = vm.dataDisks.map((disk) => dataDiskView(cloud, disk, off));
    const view: Json = { imageReference, osDisk, dataDisks };
    const controller = diskController(cloud, vm);
    if (controller !== undefined) view.diskControllerType = controller;
    return view;
}

function dataDiskView(cloud: Cloud, disk: DataDisk, off: boolean): Json {
    const { managedDisk, ...rest } = disk;
    if (off) return { ...rest, managedDisk: { id: managedDisk.id }, toBeDetached: false };
    const diskSizeGB = cloud.disks.get(managedDisk.id)?.wire.properties.diskSizeGB;
    return { ...rest, managedDisk, diskSizeGB, toBeDetached: false };
}

// Shown for Generation 2 images only (recorded).
function diskController(cloud: Cloud, { storageProfile, scaleSet }: VmRecord): string | undefined {
    if (hyperVGeneration(cloud, (storageProfile.imageReference ?? {}) as ImageReference) !== "V2") return undefined;
    const [only, other] = vmSize(scaleSet.sku.name)?.controllers ?? [];
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
        hyperVGeneration: hyperVGeneration(cloud, (vm.storageProfile.imageReference ?? {}) as ImageReference),
        // The power state has no time.
        statuses: [
            provisioning,
            { code: `PowerState/${vm.power}`, level: "Info", displayStatus: POWER_TEXT[vm.power] },
        ],
    };
}

function shown(call: Call, vm: VmRecord): Json {
    const view = vmView(call.cloud, vm, call.apiVersion);
    const asked = [call.query.$expand, call.query.$select].map((one) => one?.toLowerCase());
    if (asked.includes("instanceview")) (view.properties as Json).instanceView = instanceView(call.cloud, vm);
    return view;
}

// `$select` leaves the rest of the properties out; what tells instances apart stays.
function selected(call: Call, view: Json): Json {
    const wanted = call.query.$select?.split(",").map((name) => name.trim().toLowerCase());
    if (!wanted) return view;
    const properties = Object.entries(view.properties as Json).filter(([name]) => wanted.includes(name.toLowerCase()));
    const { name, id, type, location, instanceId } = view;
    return { name, id, type, location, instanceId, properties: Object.fromEntries(properties) };
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

// A write changes the VM's data disks and tags; what else a model from a GET says is taken as it is.
function put(call: Call): Answer {
    const { cloud, body } = call;
    const vm = one(call);
    checkPreconditions(call, vm.scaleSet.etag);
    const wanted = dataDisksIn(body);
    const disks = wanted && afterWrite(cloud, vm, wanted);
    const before = { provisioningState: vm.provisioningState, dataDisks: vm.dataDisks };
    vm.provisioningState = "Updating";
    if (disks) vm.dataDisks = disks;
    vm.ownModel ||= disks !== undefined;
    if (body.tags) vm.tags = body.tags as Record<string, string>;
    vm.scaleSet.etagCounter += 1;
    const { headers } = cloud.operations.start({
        ...{ kind: "operations", location: vm.scaleSet.location, apiVersion: call.apiVersion },
        milliseconds: cloud.durations.vmUpdate,
        group: vm.scaleSet.groupId,
        withLocation: true,
        notification: true,
        failWith: cloud.faults.operationError(call.method, call.path),
        run: () => void (vm.provisioningState = before.provisioningState),
        failed: () => {
            vm.provisioningState = "Failed";
            vm.dataDisks = before.dataDisks;
        },
    });
    return { status: 200, body: vmView(cloud, vm, call.apiVersion), headers };
}

function dataDisksIn(body: Json | undefined): WantedDataDisk[] | undefined {
    const properties = (body?.properties ?? {}) as { storageProfile?: { dataDisks?: WantedDataDisk[] } };
    return properties.storageProfile?.dataDisks;
}

/** Rights on the disks that come or go, and on the image that the body names (azure-cli#15058). */
function linked(call: Call): LinkedAccess[] {
    const vm = one(call);
    const wanted = dataDisksIn(call.body) ?? [];
    const same = (a: WantedDataDisk, b: DataDisk) =>
        a.managedDisk?.id?.toLowerCase() === b.managedDisk.id.toLowerCase();
    const coming = wanted.filter((disk) => disk.toBeDetached || !vm.dataDisks.some((has) => same(disk, has)));
    return [...diskLinks(coming), ...scaleSetLinks({ body: call.body })];
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
            body: { value: call.cloud.fleet.of(scaleSet(call).id).map((vm) => selected(call, shown(call, vm))) },
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
        method: "PUT",
        path: `${PATH}/:instanceId`,
        action: action("write"),
        type: "scaleSets",
        body: vmSchema,
        linked,
        handle: put,
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
