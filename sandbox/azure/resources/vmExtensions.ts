// Extensions of single VMs, each a resource of its own that is made on a running machine.
import { ArmError, missingParameter } from "../http/errors";
import type { Answer, Call, Route } from "../http/route";
import type { Json } from "../machineModel";
import { vmExtensionSchema } from "../model/virtualMachineSchema";
import { extensionView } from "../model/vmView";
import type { SingleVm } from "../singleVm";
import type { VmExtension } from "../vmRecord";
import { COMPUTE, merge } from "./common";
import { virtualMachine } from "./virtualMachines";

const PATH = `${COMPUTE}/virtualMachines/:vmName/extensions`;
const action = (verb: string) => `Microsoft.Compute/virtualMachines/extensions/${verb}`;
const type = "virtualMachines";

function named(call: Call, vm: SingleVm): VmExtension | undefined {
    return vm.extensions.find(({ name }) => name.toLowerCase() === call.params.extensionName.toLowerCase());
}

function get(call: Call): Answer {
    const vm = virtualMachine(call);
    const found = named(call, vm);
    if (!found) {
        const message = `The Resource 'Microsoft.Compute/virtualMachines/${vm.model.name}/extensions/${call.params.extensionName}' under resource group '${call.params.resourceGroupName}' was not found.`;
        throw new ArmError(
            404,
            "ResourceNotFound",
            `${message} For more details please go to https://aka.ms/ARMResourceNotFoundFix`,
            {
                gateway: true,
            },
        );
    }
    return { status: 200, body: extensionView(vm, found) };
}

function put(call: Call): Answer {
    const vm = virtualMachine(call);
    if (vm.power !== "running") {
        throw new ArmError(
            409,
            "OperationNotAllowed",
            "Cannot modify extensions in the VM when the VM is not running.",
        );
    }
    const existing = named(call, vm);
    const given = (call.body.properties ?? {}) as Json;
    const properties = merge(existing?.properties ?? {}, given);
    for (const member of ["publisher", "type", "typeHandlerVersion"]) {
        if (properties[member] === undefined) {
            throw missingParameter(member);
        }
    }
    const same = ({ properties: other, name }: VmExtension) =>
        other.publisher === properties.publisher && other.type === properties.type && name !== existing?.name;
    const twin = vm.extensions.find(same);
    if (twin) {
        const handler = `${String(properties.publisher)}.${String(properties.type)}`;
        const message = `Multiple VMExtensions per handler not supported for OS type 'Linux'. VMExtension '${twin.name}' with handler '${handler}' already added or specified in input.`;
        throw new ArmError(400, "BadRequest", message);
    }
    const extension: VmExtension = { name: existing?.name ?? call.params.extensionName, properties, succeeded: true };
    vm.extensions = [...vm.extensions.filter((one) => one !== existing), extension];
    const view = extensionView(vm, extension);
    const provisioningState = existing ? "Updating" : "Creating";
    return {
        status: existing ? 200 : 201,
        body: { ...view, properties: { settings: {}, ...(view.properties as Json), provisioningState } },
        headers: work(call, vm, {
            run: () => call.cloud.fleet.runExtension(vm, extension),
            failed: () => void (extension.succeeded = false),
        }),
    };
}

function remove(call: Call): Answer {
    const vm = virtualMachine(call);
    const found = named(call, vm);
    if (!found) {
        return { status: 204 };
    }
    const run = () => void (vm.extensions = vm.extensions.filter((one) => one !== found));
    return { status: 202, headers: work(call, vm, { run, withLocation: true }) };
}

function work(
    call: Call,
    { model }: SingleVm,
    what: { run: () => void | Promise<void>; failed?: () => void; withLocation?: boolean },
): Record<string, string> {
    const { operations, durations, faults } = call.cloud;
    return operations.start({
        ...{ kind: "operations", group: model.groupId, location: model.location, apiVersion: call.apiVersion },
        milliseconds: durations.extension,
        ...faults.ofOperation(call.method, call.path),
        ...what,
    }).headers;
}

/** Routes of VMs' extensions. */
export const routes: Route[] = [
    {
        ...{ method: "GET", path: PATH, action: action("read"), beyondScope: 1, type },
        handle: (call) => {
            const vm = virtualMachine(call);
            return { status: 200, body: { value: vm.extensions.map((one) => extensionView(vm, one)) } };
        },
    },
    { method: "GET", path: `${PATH}/:extensionName`, action: action("read"), type, handle: get },
    {
        ...{ method: "PUT", path: `${PATH}/:extensionName`, action: action("write"), type },
        body: vmExtensionSchema,
        handle: put,
    },
    { method: "DELETE", path: `${PATH}/:extensionName`, action: action("delete"), type, handle: remove },
];
