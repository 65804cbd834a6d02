// VM instances of scale sets: model, instance view, and the actions on one of them.
import { membersOf } from "../flexible";
import { invalidParameter } from "../http/errors";
import type { Answer, Call, Route } from "../http/route";
import type { Json } from "../scaleSetRecord";
import type { SingleVm } from "../singleVm";
import type { DataDisk, InstanceRecord } from "../vmRecord";
import { afterWrite, diskLinks, type WantedDataDisk } from "../model/dataDisks";
import { bodyLinks } from "../model/links";
import { virtualMachineView } from "../model/virtualMachineView";
import { vmSchema } from "../model/vmSchema";
import { instanceView, vmView } from "../model/vmView";
import type { LinkedAccess } from "../rbac";
import { COMPUTE, checkPreconditions, find, idOf } from "./common";
import { VM_ACTIONS, act, deleteAction } from "./vmActions";

const PATH = `${COMPUTE}/virtualMachineScaleSets/:vmScaleSetName/virtualMachines`;
const action = (verb: string) => `Microsoft.Compute/virtualMachineScaleSets/virtualMachines/${verb}`;

const scaleSet = (call: Call) =>
    find(call, call.cloud.scaleSets, idOf(call, "virtualMachineScaleSets", "vmScaleSetName"));

/**
 * What the set's own list says of a Flexible set's VM: neither tags (azure-rest-api-specs#27441) nor an instance view
 * (azure-sdk-for-go#19707), under an id below the set's (CAPZ's azure/types.go takes that apart). How much of the rest
 * is there is an inference.
 */
function flexibleView(call: Call, vm: SingleVm): Json {
    const { name, location, zones, properties } = virtualMachineView(call.cloud, vm, call.apiVersion);
    return {
        ...{ name, id: `${scaleSet(call).id}/virtualMachines/${vm.instanceId}` },
        ...{ type: "Microsoft.Compute/virtualMachineScaleSets/virtualMachines", location, instanceId: name },
        ...(zones !== undefined && { zones }),
        properties,
    };
}

// A missing instance is the compute service's own 404, since ARM does not track instances (inference).
function one(call: Call): InstanceRecord {
    if (scaleSet(call).isFlexible) {
        // Text reported in ansible-collections/azure#1526.
        throw invalidParameter("instanceId", "Virtual Machine Scale Set VM instanceId must be a number.");
    }
    return find(call, call.cloud.fleet.instances, `${scaleSet(call).id}/virtualMachines/${call.params.instanceId}`);
}

function wanted(call: Call): InstanceRecord[] {
    return decodeURIComponent(call.params.instanceId) === "*" ? call.cloud.fleet.of(scaleSet(call).id) : [one(call)];
}

function shown(call: Call, vm: InstanceRecord): Json {
    const view = vmView(call.cloud, vm, call.apiVersion);
    const asked = [call.query.$expand, call.query.$select].map((one) => one?.toLowerCase());
    if (asked.includes("instanceview")) {
        (view.properties as Json).instanceView = instanceView(call.cloud, vm);
    }
    return view;
}

// `$select` leaves the rest of the properties out; what tells instances apart stays.
function selected(call: Call, view: Json): Json {
    const wanted = call.query.$select?.split(",").map((name) => name.trim().toLowerCase());
    if (!wanted) {
        return view;
    }
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
    if (disks) {
        vm.dataDisks = disks;
    }
    vm.ownModel ||= disks !== undefined;
    if (body.tags) {
        vm.tags = body.tags as Record<string, string>;
    }
    vm.scaleSet.etagCounter += 1;
    const { headers } = cloud.operations.start({
        ...{ kind: "operations", location: vm.scaleSet.location, apiVersion: call.apiVersion },
        milliseconds: cloud.durations.vmUpdate,
        group: vm.scaleSet.groupId,
        withLocation: true,
        notification: true,
        ...cloud.faults.ofOperation(call.method, call.path),
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
    return [...diskLinks(coming), ...bodyLinks({ body: call.body })];
}

/** Routes of VM instances. */
export const routes: Route[] = [
    {
        method: "GET",
        path: PATH,
        action: action("read"),
        beyondScope: 1,
        type: "scaleSets",
        handle: (call): Answer => {
            const { id, isFlexible } = scaleSet(call);
            const value = isFlexible
                ? membersOf(call.cloud, id).map((vm) => flexibleView(call, vm))
                : call.cloud.fleet.of(id).map((vm) => selected(call, shown(call, vm)));
            return { status: 200, body: { value } };
        },
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
            if (vms.length === 0) {
                throw invalidParameter("instanceIds", "There are no instances to delete.");
            }
            return act(call, scaleSet(call), vms, "delete", deleteAction, call.cloud.durations.vmDelete);
        },
    },
    ...Object.keys(VM_ACTIONS).map(actionRoute),
];
