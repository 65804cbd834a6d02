// Virtual machine scale sets: create, update (a merge), delete, list, and actions on their VMs.
import type { Cloud } from "../cloud";
import { ArmError, changeNotAllowed, invalidParameter, missingParameter } from "../http/errors";
import type { Answer, Call, Route } from "../http/route";
import { BodySchema } from "../http/schema";
import { definitionOf, galleryVersion, type ImageReference } from "../images";
import { addDefaults, newScaleSet } from "../model/defaults";
import { scaleSetLinks } from "../model/links";
import { scaleSetSchema } from "../model/schema";
import { checkCapacity, updated } from "../model/update";
import { scaleSetView } from "../model/view";
import type { Operation } from "../operations";
import { region } from "../regions";
import { ScaleSetRecord, type Json } from "../scaleSetRecord";
import { timestamp } from "../timestamp";
import { vmSize } from "../vmSizes";
import type { VmRecord } from "../vmRecord";
import { COMPUTE, acceptDelete, capitalGroup, checkLocation, checkPreconditions, find, idOf, inGroup, isObject } from "./common";

const scaleSetId = (call: Call) => idOf(call, "virtualMachineScaleSets", "vmScaleSetName");
const scaleSet = (call: Call) => find(call, call.cloud.scaleSets, scaleSetId(call));

function put(call: Call): Answer {
    const { cloud, body, params } = call;
    const existing = cloud.scaleSets.get(scaleSetId(call));
    checkLocation(existing?.wire, body.location, params.resourceGroupName);
    checkPreconditions(call, existing?.etag);
    if (existing) return change(call, existing, false);
    const record = create(cloud, scaleSetId(call), params.resourceGroupName, body);
    record.wire.properties.provisioningState = "Creating";
    const { headers } = work(call, record, () => cloud.fleet.scale(record, record.capacity));
    return { status: 201, body: scaleSetView(record, call.apiVersion), headers };
}

/** Adds a scale set without its VMs; the body is checked as a PUT's. */
export function create(cloud: Cloud, id: string, group: string, body: Json): ScaleSetRecord {
    if (!isObject(body.sku) || body.sku.name === undefined) throw missingParameter("sku.name");
    checkCapacity(body);
    if (!isObject(body.properties) || !isObject(body.properties.virtualMachineProfile)) throw missingParameter("virtualMachineProfile");
    const record = new ScaleSetRecord(newScaleSet(cloud, id, body), group);
    const zones = (record.wire.zones as string[] | undefined) ?? [];
    if (zones.length > 0 && !region(record.location)?.zones) {
        throw new ArmError(400, "AvailabilityZoneNotSupported", `The zone(s) '${zones.join(",")}' for resource '${id}' is not supported. The region ${record.location} does not support availability zones.`);
    }
    if (record.storageProfile.imageReference === undefined) throw missingParameter("imageReference");
    if (record.osProfile.computerNamePrefix === undefined && record.wire.properties.orchestrationMode === "Uniform") throw missingParameter("computerNamePrefix");
    checkImageFits(cloud, record);
    return cloud.scaleSets.set(record);
}

function change(call: Call, record: ScaleSetRecord, patch: boolean): Answer {
    const { cloud } = call;
    const before = JSON.stringify(record.profile);
    const wire = updated(record.wire, call.body, patch);
    addDefaults(cloud, wire);
    const draft = new ScaleSetRecord(wire, record.resourceGroup);
    checkImageFits(cloud, draft);
    record.wire = wire;
    record.etagCounter += 1;
    record.wire.properties.provisioningState = "Updating";
    const modelChanged = JSON.stringify(record.profile) !== before;
    if (modelChanged) {
        record.modelVersion += 1;
        record.profile.timeCreated = timestamp(cloud.now());
    }
    const { headers } = work(call, record, async () => {
        if (call.body.sku) await cloud.fleet.scale(record, record.capacity);
        if (modelChanged && record.rollsOut) await rollOut(cloud, record);
    });
    return { status: 200, body: scaleSetView(record, call.apiVersion), headers };
}

// Automatic brings every VM to the model at once; Rolling batch by batch. This is what the mode Manual keeps from happening.
async function rollOut(cloud: Cloud, record: ScaleSetRecord): Promise<void> {
    const outdated = () => cloud.fleet.of(record.id).filter((vm) => !vm.latestModelApplied);
    const policy = (record.wire.properties.upgradePolicy ?? {}) as { mode?: string; rollingUpgradePolicy?: { maxBatchInstancePercent?: number } };
    const percent = policy.mode === "Automatic" ? 100 : (policy.rollingUpgradePolicy?.maxBatchInstancePercent ?? 20);
    const size = Math.max(1, Math.floor((record.capacity * percent) / 100));
    for (let rest = outdated(); rest.length > 0; rest = rest.slice(size)) {
        await Promise.all(rest.slice(0, size).map((vm) => cloud.fleet.reimage(vm)));
    }
}

// Generation, architecture, security type and purchase plan of a gallery image against the set that is to boot it.
function checkImageFits(cloud: Cloud, record: ScaleSetRecord): void {
    const reference = (record.storageProfile.imageReference ?? {}) as ImageReference;
    const version = galleryVersion(cloud, reference, record.location);
    const definition = version && definitionOf(cloud, version)?.wire.properties;
    if (!definition) return;
    const size = vmSize(record.sku.name);
    if (size && !size.generations.includes(String(definition.hyperVGeneration))) {
        const message = `The selected VM size '${record.sku.name}' cannot boot Hypervisor Generation '${String(definition.hyperVGeneration).slice(1)}'.`;
        throw new ArmError(400, "BadRequest", message);
    }
    if (size && size.architecture !== (definition.architecture ?? "x64")) {
        throw new ArmError(400, "BadRequest", `Cannot create a VM of size '${record.sku.name}' because this VM size only supports a CPU Architecture of '${size.architecture}', but an image or disk with CPU Architecture '${String(definition.architecture)}' was given.`);
    }
    if (definition.osState === "Specialized" && Object.keys(record.osProfile).length > 0) {
        throw invalidParameter("osProfile", "Parameter 'osProfile' is not allowed.");
    }
    if (definition.purchasePlan && !record.wire.plan) {
        const message = "Creating a virtual machine from Marketplace image or a custom image sourced from a Marketplace image requires Plan information in the request.";
        throw new ArmError(400, "VMMarketplaceInvalidInput", message);
    }
    const security = (record.profile.securityProfile as Json | undefined)?.securityType;
    const feature = ((definition.features ?? []) as { name: string; value: string }[]).find(({ name }) => name === "SecurityType")?.value;
    if (security === "TrustedLaunch" && !feature?.startsWith("TrustedLaunch")) {
        throw new ArmError(400, "BadRequest", `Use of TrustedLaunch setting is not supported for the provided image. Please select Trusted Launch Supported Gallery Image.`);
    }
    if (feature === "TrustedLaunch" && security !== "TrustedLaunch") {
        throw new ArmError(400, "BadRequest", `The provided gallery image only supports creation of VMs and VM Scale Sets with 'TrustedLaunch' security type.`);
    }
}

// Starts the operation of a write; when the last one ends the set is Succeeded again, or Failed.
function work(call: Call, record: ScaleSetRecord, run: () => Promise<void>): { operation: Operation; headers: Record<string, string> } {
    record.pending += 1;
    const ended = (state: string) => {
        record.pending -= 1;
        if (state === "Failed" || record.pending === 0) record.wire.properties.provisioningState = state;
    };
    return call.cloud.operations.start({
        kind: "operations",
        location: String(call.body?.location ?? record.location),
        apiVersion: call.apiVersion,
        milliseconds: call.cloud.durations.scaleSet,
        notification: true,
        failWith: call.cloud.faults.operationError(call.method, call.path),
        run: async () => {
            await run();
            ended("Succeeded");
        },
        failed: () => ended("Failed"),
    });
}

function remove(call: Call): Answer {
    const { cloud } = call;
    const record = cloud.scaleSets.get(scaleSetId(call));
    if (!record) return { status: 204 };
    checkPreconditions(call, record.etag);
    return acceptDelete(call, record, { kind: "operations", milliseconds: cloud.durations.scaleSet }, async () => {
        await Promise.all(cloud.fleet.of(record.id).map((vm) => cloud.fleet.delete(vm)));
        cloud.scaleSets.delete(record.id);
    });
}

/** What an action does to one VM. */
export type VmAction = (cloud: Cloud, vm: VmRecord, call: Call) => void | Promise<void>;

/** Actions that exist on the set (with a list of ids) and on one VM, with how long they take. */
export const VM_ACTIONS: Record<string, { run: VmAction; milliseconds: (cloud: Cloud) => number }> = {
    start: { run: (cloud, vm) => cloud.fleet.start(vm), milliseconds: ({ durations }) => durations.vmStart },
    powerOff: { run: (cloud, vm, call) => cloud.fleet.powerOff(vm, call.query.skipShutdown !== "true"), milliseconds: ({ durations }) => durations.vmStop },
    deallocate: { run: (cloud, vm) => cloud.fleet.deallocate(vm), milliseconds: ({ durations }) => durations.vmStop },
    restart: { run: (cloud, vm) => cloud.fleet.restart(vm), milliseconds: ({ durations }) => durations.vmStart },
    reimage: { run: (cloud, vm) => cloud.fleet.reimage(vm), milliseconds: ({ durations }) => durations.vmStart },
};

/** Accepts an action on some VMs of a set: 202 with both headers; the set's etag goes up. */
export function act(call: Call, record: ScaleSetRecord, vms: VmRecord[], name: string, run: VmAction, milliseconds: number): Answer {
    const { cloud } = call;
    const ephemeral = (record.storageProfile.osDisk as Json | undefined)?.diffDiskSettings;
    if (ephemeral && name === "deallocate") {
        throw new ArmError(409, "OperationNotAllowed", "Operation 'deallocate' is not supported for VMs or VM Scale Set instances using an ephemeral OS disk.");
    }
    record.etagCounter += 1;
    const { headers } = cloud.operations.start({
        ...{ kind: "operations", location: record.location, apiVersion: call.apiVersion, milliseconds },
        withLocation: true,
        notification: true,
        failWith: cloud.faults.operationError(call.method, call.path),
        run: async () => {
            await Promise.all(vms.map((vm) => run(cloud, vm, call)));
        },
    });
    return { status: 202, headers };
}

const idsSchema = new BodySchema("VirtualMachineScaleSetVMInstanceIDs", { instanceIds: ["string"] });

// "*" or no list means all; an id that is not there is refused.
function named(call: Call, record: ScaleSetRecord): VmRecord[] {
    const ids = (call.body?.instanceIds ?? ["*"]) as string[];
    const all = call.cloud.fleet.of(record.id);
    if (ids.includes("*")) return all;
    const missing = ids.find((id) => !all.some((vm) => vm.instanceId === id));
    if (missing !== undefined) throw invalidParameter("instanceIds", `The provided instanceId ${missing} is not an active Virtual Machine Scale Set VM instanceId.`);
    return all.filter((vm) => ids.includes(vm.instanceId));
}

async function upgrade(cloud: Cloud, vm: VmRecord): Promise<void> {
    if (!vm.latestModelApplied) await cloud.fleet.reimage(vm);
}

const path = `${COMPUTE}/virtualMachineScaleSets/:vmScaleSetName`;
const action = (verb: string) => `Microsoft.Compute/virtualMachineScaleSets/${verb}`;

function setAction(name: string, run: VmAction, milliseconds: (cloud: Cloud) => number, rbac = action(`${name}/action`)): Route {
    return {
        method: "POST",
        path: `${path}/${name}`,
        action: rbac,
        beyondScope: 1,
        type: "scaleSets",
        body: idsSchema,
        handle: (call) => act(call, scaleSet(call), named(call, scaleSet(call)), name, run, milliseconds(call.cloud)),
    };
}

async function deleteInstance(cloud: Cloud, vm: VmRecord): Promise<void> {
    const sku = vm.scaleSet.wire.sku as { capacity: number };
    sku.capacity = Math.max(0, sku.capacity - 1);
    await cloud.fleet.delete(vm);
}

function list(call: Call, records: ScaleSetRecord[], rename: (id: string) => string): Answer {
    return { status: 200, body: { value: records.map((record) => ({ ...scaleSetView(record, call.apiVersion), id: rename(record.id) })) } };
}

/** Deleting an instance, used for one VM too: capacity goes down with it. */
export const deleteAction: VmAction = deleteInstance;

/** Routes of scale sets. */
export const routes: Route[] = [
    { method: "PUT", path, action: action("write"), type: "scaleSets", body: scaleSetSchema, linked: scaleSetLinks, handle: put },
    {
        method: "PATCH",
        path,
        action: action("write"),
        type: "scaleSets",
        body: scaleSetSchema,
        linked: scaleSetLinks,
        handle: (call) => {
            const record = scaleSet(call);
            if (call.body.location !== undefined) throw changeNotAllowed("location");
            checkPreconditions(call, record.etag);
            return change(call, record, true);
        },
    },
    { method: "DELETE", path, action: action("delete"), type: "scaleSets", handle: remove },
    {
        method: "GET",
        path,
        action: action("read"),
        type: "scaleSets",
        handle: (call) => {
            const body = scaleSetView(scaleSet(call), call.apiVersion);
            return { status: 200, body, ...(body.etag !== undefined && { headers: { etag: body.etag as string } }) };
        },
    },
    {
        method: "GET",
        path: `${COMPUTE}/virtualMachineScaleSets`,
        action: action("read"),
        type: "scaleSets",
        handle: (call) => list(call, inGroup(call.cloud, call.cloud.scaleSets, call.params.resourceGroupName), (id) => id),
    },
    {
        method: "GET",
        path: "/subscriptions/:subscriptionId/providers/Microsoft.Compute/virtualMachineScaleSets",
        action: action("read"),
        type: "scaleSets",
        handle: (call) => list(call, call.cloud.scaleSets.all(), capitalGroup),
    },
    ...Object.entries(VM_ACTIONS).map(([name, { run, milliseconds }]) => setAction(name, run, milliseconds)),
    setAction("manualupgrade", upgrade, ({ durations }) => durations.vmStart),
    setAction("delete", deleteInstance, ({ durations }) => durations.vmDelete, action("delete/action")),
];
