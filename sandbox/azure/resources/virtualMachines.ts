// VMs apart from scale sets: create, change, delete, model and instance view, and the actions on one of them.
import { checkMembership, deleteWithInterfaces } from "../flexible";
import { ArmError, invalidParameter } from "../http/errors";
import type { Answer, Call, Route } from "../http/route";
import { capitalGroup } from "../ids";
import type { Json } from "../machineModel";
import { afterWrite, diskLinks, type WantedDataDisk } from "../model/dataDisks";
import { bodyLinks } from "../model/links";
import { newVirtualMachine, updateVirtualMachine } from "../model/virtualMachineRules";
import { virtualMachineSchema } from "../model/virtualMachineSchema";
import { virtualMachineInstanceView, virtualMachineView } from "../model/virtualMachineView";
import type { LinkedAccess } from "../rbac";
import { SingleVm } from "../singleVm";
import { COMPUTE, checkLocation, checkPreconditions, find, idOf, listed } from "./common";
import { VM_ACTIONS, act } from "./vmActions";

const PATH = `${COMPUTE}/virtualMachines`;
const SUBSCRIPTION_PATH = "/subscriptions/:subscriptionId/providers/Microsoft.Compute/virtualMachines";
const action = (verb: string) => `Microsoft.Compute/virtualMachines/${verb}`;

const idOfVm = (call: Call) => idOf(call, "virtualMachines", "vmName");

/** The single VM that the call names, or ARM's 404. */
export function virtualMachine(call: Call): SingleVm {
    return find(call, call.cloud.fleet.singles, idOfVm(call));
}

function shown(call: Call, vm: SingleVm): Json {
    const view = virtualMachineView(call.cloud, vm, call.apiVersion);
    if (call.query.$expand?.toLowerCase() === "instanceview") {
        (view.properties as Json).instanceView = virtualMachineInstanceView(call.cloud, vm);
    }
    return view;
}

function put(call: Call): Answer {
    const { cloud, body, params } = call;
    const existing = cloud.fleet.singles.get(idOfVm(call));
    checkLocation(existing?.wire, body.location, params.resourceGroupName);
    checkPreconditions(call, existing?.model.etag);
    return existing ? change(call, existing) : create(call);
}

function create(call: Call): Answer {
    const { cloud, body } = call;
    const made = newVirtualMachine(cloud, idOfVm(call), body);
    checkMembership(cloud, made);
    const vm = cloud.fleet.singles.set(made);
    const headers = work(call, vm, cloud.durations.vmCreate, {
        run: () => cloud.fleet.create(vm),
        failed: () => cloud.fleet.notMade(vm),
    });
    return { status: 201, body: virtualMachineView(cloud, vm, call.apiVersion), headers };
}

function change(call: Call, vm: SingleVm): Answer {
    const { cloud, body } = call;
    const wanted = dataDisksIn(body);
    const disks = wanted && afterWrite(cloud, vm, wanted);
    const before = vm.dataDisks;
    const wire = updateVirtualMachine(cloud, vm, body);
    checkMembership(cloud, new SingleVm(wire, vm.created));
    vm.model.wire = wire;
    vm.dataDisks = disks ?? before;
    vm.model.etagCounter += 1;
    vm.provisioningState = "Updating";
    const headers = work(call, vm, cloud.durations.vmUpdate, {
        run: () => void (vm.provisioningState = "Succeeded"),
        failed: () => {
            vm.provisioningState = "Failed";
            vm.dataDisks = before;
        },
    });
    return { status: 200, body: virtualMachineView(cloud, vm, call.apiVersion), headers };
}

/** Starts the operation of a write; the headers of the accepting answer. */
function work(
    call: Call,
    { model }: SingleVm,
    milliseconds: number,
    what: { run: () => void | Promise<void>; failed: () => void },
): Record<string, string> {
    const { cloud } = call;
    return cloud.operations.start({
        ...{ kind: "operations", group: model.groupId, apiVersion: call.apiVersion, milliseconds, notification: true },
        location: (call.body.location as string | undefined) ?? model.location,
        ...cloud.faults.ofOperation(call.method, call.path),
        ...what,
    }).headers;
}

/** The disks and interfaces that are to go with it are gone when the operation ends; the others are left. */
function remove(call: Call): Answer {
    const { cloud } = call;
    const vm = cloud.fleet.singles.get(idOfVm(call));
    if (!vm) {
        return { status: 204 };
    }
    checkPreconditions(call, vm.model.etag);
    vm.provisioningState = "Deleting";
    return act(call, vm.model, [vm], "delete", deleteWithInterfaces, cloud.durations.vmDelete);
}

function dataDisksIn(body: Json | undefined): WantedDataDisk[] | undefined {
    const properties = (body?.properties ?? {}) as { storageProfile?: { dataDisks?: WantedDataDisk[] } };
    return properties.storageProfile?.dataDisks;
}

/**
 * Rights on what the body names: interfaces, image, identities, keys; disks that come or go, and those that are made
 * (https://learn.microsoft.com/azure/virtual-machines/permissions has them).
 */
function linked(call: Call): LinkedAccess[] {
    const { networkProfile, storageProfile } = (call.body.properties ?? {}) as {
        networkProfile?: { networkInterfaces?: { id?: string }[] };
        storageProfile?: { osDisk?: { name?: string } };
    };
    const id = idOfVm(call);
    const vm = call.cloud.fleet.singles.get(id);
    const had = (diskId: string | undefined) =>
        vm?.dataDisks.some(({ managedDisk }) => managedDisk.id.toLowerCase() === diskId?.toLowerCase()) ?? false;
    const disks = (dataDisksIn(call.body) ?? []).filter((one) => one.toBeDetached || !had(one.managedDisk?.id));
    const interfaces = vm ? [] : (networkProfile?.networkInterfaces ?? []);
    const osDisk = storageProfile?.osDisk?.name ?? `${call.params.vmName}_OsDisk_1`;
    return [
        ...interfaces.flatMap(({ id: scope }) =>
            scope === undefined ? [] : [{ action: "Microsoft.Network/networkInterfaces/join/action", scope }],
        ),
        ...(vm
            ? []
            : [
                  {
                      action: "Microsoft.Compute/disks/write",
                      scope: id.replace(/virtualMachines\/[^/]+$/i, `disks/${osDisk}`),
                  },
              ]),
        ...diskLinks(disks),
        ...bodyLinks(call),
    ];
}

function actionRoute(name: string): Route {
    const { run, milliseconds } = VM_ACTIONS[name];
    return {
        method: "POST",
        path: `${PATH}/:vmName/${name}`,
        action: action(`${name}/action`),
        beyondScope: 1,
        type: "virtualMachines",
        handle: (call) => {
            const vm = virtualMachine(call);
            return act(call, vm.model, [vm], name, run, milliseconds(call.cloud));
        },
    };
}

/**
 * The scale set that `$filter` names: the one filter that there is
 * (https://learn.microsoft.com/rest/api/compute/virtual-machines/list). Texts of refusals are inferences.
 */
function scaleSetIn({ query }: Call): string | undefined {
    const { $filter: filter, $expand: expand } = query;
    if (filter === undefined) {
        if (expand !== undefined) {
            throw invalidParameter("$expand", "$expand can only be specified if a valid $filter option is specified.");
        }
        return undefined;
    }
    const [, id] = /^'virtualMachineScaleSet\/id' eq '([^']+)'$/.exec(filter) ?? [];
    if (id === undefined) {
        throw invalidParameter("$filter", `The filter '${filter}' is not supported.`);
    }
    return id.toLowerCase();
}

function list(call: Call, vms: SingleVm[], rename: (id: string) => string): Answer {
    const scaleSetId = scaleSetIn(call);
    const wanted = vms.filter((vm) => scaleSetId === undefined || vm.scaleSetId?.toLowerCase() === scaleSetId);
    return { status: 200, body: { value: wanted.map((vm) => ({ ...shown(call, vm), id: rename(vm.id) })) } };
}

/** Routes of single VMs. */
export const routes: Route[] = [
    {
        method: "PUT",
        path: `${PATH}/:vmName`,
        action: action("write"),
        type: "virtualMachines",
        body: virtualMachineSchema,
        linked,
        handle: put,
    },
    {
        method: "PATCH",
        path: `${PATH}/:vmName`,
        action: action("write"),
        type: "virtualMachines",
        body: virtualMachineSchema,
        linked,
        handle: (call) => {
            const vm = virtualMachine(call);
            checkPreconditions(call, vm.model.etag);
            if (call.body.location !== undefined) {
                const message = "Could not find member 'location' on object of type 'VirtualMachineUpdate'.";
                throw new ArmError(400, "BadRequest", `${message} Path 'location'.`);
            }
            return change(call, vm);
        },
    },
    {
        method: "GET",
        path: `${PATH}/:vmName`,
        action: action("read"),
        type: "virtualMachines",
        handle: (call) => {
            const body = shown(call, virtualMachine(call));
            return { status: 200, body, ...(body.etag !== undefined && { headers: { etag: body.etag as string } }) };
        },
    },
    {
        method: "GET",
        path: `${PATH}/:vmName/instanceView`,
        action: action("instanceView/read"),
        beyondScope: 1,
        type: "virtualMachines",
        handle: (call) => ({ status: 200, body: virtualMachineInstanceView(call.cloud, virtualMachine(call)) }),
    },
    { method: "DELETE", path: `${PATH}/:vmName`, action: action("delete"), type: "virtualMachines", handle: remove },
    {
        method: "GET",
        path: PATH,
        action: action("read"),
        type: "virtualMachines",
        handle: (call) => list(call, listed(call, call.cloud.fleet.singles), (id) => id),
    },
    {
        method: "GET",
        path: SUBSCRIPTION_PATH,
        action: action("read"),
        type: "virtualMachines",
        handle: (call) => list(call, listed(call, call.cloud.fleet.singles), capitalGroup),
    },
    ...["start", "powerOff", "deallocate", "restart"].map(actionRoute),
];
