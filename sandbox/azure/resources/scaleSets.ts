// Virtual machine scale sets: create, update (a merge), delete, list, and actions on their VMs.
import type { Cloud } from "../cloud";
import { ArmError, changeNotAllowed, invalidParameter, missingParameter } from "../http/errors";
import type { Answer, Call, Route } from "../http/route";
import { BodySchema } from "../http/schema";
import { addDefaults, newScaleSet } from "../model/defaults";
import { bodyLinks } from "../model/links";
import { checkModel, checkModelCount } from "../model/scaleSetRules";
import { scaleSetSchema } from "../model/schema";
import { checkCapacity, checkTrueOrOmitted, updated } from "../model/update";
import { scaleSetView } from "../model/view";
import type { Operation } from "../operations";
import { capitalGroup } from "../ids";
import { region } from "../regions";
import { ScaleSetRecord, type Json } from "../scaleSetRecord";
import { timestamp } from "../timestamp";
import { upgradeFlexibleVm } from "../flexible";
import { SingleVm } from "../singleVm";
import type { VmRecord } from "../vmRecord";
import { COMPUTE, acceptDelete, checkLocation, checkPreconditions, find, idOf, listed, isObject } from "./common";
import { VM_ACTIONS, act, deleteAction, rollOut, type VmAction } from "./vmActions";

const scaleSetId = (call: Call) => idOf(call, "virtualMachineScaleSets", "vmScaleSetName");
const scaleSet = (call: Call) => find(call, call.cloud.scaleSets, scaleSetId(call));

function put(call: Call): Answer {
    const { cloud, body, params } = call;
    const existing = cloud.scaleSets.get(scaleSetId(call));
    checkLocation(existing?.wire, body.location, params.resourceGroupName);
    checkPreconditions(call, existing?.etag);
    if (existing) {
        return change(call, existing, false);
    }
    const record = create(cloud, scaleSetId(call), body);
    record.wire.properties.provisioningState = "Creating";
    const { headers } = work(call, record, () => cloud.fleet.scale(record, record.capacity));
    return { status: 201, body: scaleSetView(record, call.apiVersion), headers };
}

/** Adds a scale set without its VMs; the body is checked as a PUT's. */
export function create(cloud: Cloud, id: string, body: Json): ScaleSetRecord {
    const { orchestrationMode, virtualMachineProfile } = (body.properties ?? {}) as Json;
    const hasModel = isObject(virtualMachineProfile);
    if (!hasModel && orchestrationMode !== "Flexible") {
        throw missingParameter("virtualMachineProfile");
    }
    // VMs may only be attached to a Flexible set without a model.
    if (hasModel && (!isObject(body.sku) || body.sku.name === undefined)) {
        throw missingParameter("sku.name");
    }
    checkCapacity(body);
    checkTrueOrOmitted(body);
    const record = new ScaleSetRecord(newScaleSet(cloud, id, body));
    const zones = (record.wire.zones as string[] | undefined) ?? [];
    if (zones.length > 0 && !region(record.location)?.zones) {
        throw new ArmError(
            400,
            "AvailabilityZoneNotSupported",
            `The zone(s) '${zones.join(",")}' for resource '${id}' is not supported. The region ${record.location} does not support availability zones.`,
        );
    }
    if (hasModel && record.storageProfile.imageReference === undefined) {
        throw missingParameter("imageReference");
    }
    if (record.osProfile.computerNamePrefix === undefined && record.wire.properties.orchestrationMode === "Uniform") {
        throw missingParameter("computerNamePrefix");
    }
    checkModel(cloud, record);
    return cloud.scaleSets.set(record);
}

function change(call: Call, record: ScaleSetRecord, patch: boolean): Answer {
    const { cloud } = call;
    const before = JSON.stringify(record.profile);
    const disksBefore = JSON.stringify(record.storageProfile);
    const wire = updated(record.wire, call.body, patch);
    addDefaults(cloud, wire);
    const draft = new ScaleSetRecord(wire);
    checkModel(cloud, draft);
    const modelChanged = JSON.stringify(draft.profile) !== before;
    if (call.body.sku) {
        checkModelCount(cloud, record, record.modelVersion + Number(modelChanged), draft.capacity);
    }
    record.wire = wire;
    record.etagCounter += 1;
    record.wire.properties.provisioningState = "Updating";
    const newDisks = JSON.stringify(record.storageProfile) !== disksBefore;
    if (modelChanged) {
        record.modelVersion += 1;
        record.profile.timeCreated = timestamp(cloud.now());
    }
    const { headers } = work(call, record, async () => {
        if (call.body.sku) {
            await cloud.fleet.scale(record, record.capacity);
        }
        if (modelChanged && record.rollsOut) {
            await rollOut(cloud, record, newDisks);
        }
    });
    return { status: 200, body: scaleSetView(record, call.apiVersion), headers };
}

// Starts the operation of a write; when the last one ends the set is Succeeded again, or Failed.
function work(
    call: Call,
    record: ScaleSetRecord,
    run: () => Promise<void>,
): { operation: Operation; headers: Record<string, string> } {
    record.pending += 1;
    const ended = (state: string) => {
        record.pending -= 1;
        if (state === "Failed" || record.pending === 0) {
            record.wire.properties.provisioningState = state;
        }
    };
    return call.cloud.operations.start({
        kind: "operations",
        group: record.groupId,
        location: (call.body.location as string | undefined) ?? record.location,
        apiVersion: call.apiVersion,
        milliseconds: call.cloud.durations.scaleSet,
        notification: true,
        ...call.cloud.faults.ofOperation(call.method, call.path),
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
    if (!record) {
        return { status: 204 };
    }
    checkPreconditions(call, record.etag);
    return acceptDelete(call, record, { kind: "operations", milliseconds: cloud.durations.scaleSet }, async () => {
        await Promise.all(cloud.fleet.membersOf(record.id).map((vm) => deleteAction(cloud, vm)));
        cloud.scaleSets.delete(record.id);
    });
}

const idsSchema = new BodySchema("VirtualMachineScaleSetVMInstanceIDs", { instanceIds: ["string"] });

// "*" or no list means all; an id that is not there is refused.
function named(call: Call, record: ScaleSetRecord): VmRecord[] {
    const ids = (call.body?.instanceIds ?? ["*"]) as string[];
    const all = call.cloud.fleet.membersOf(record.id);
    if (ids.includes("*")) {
        return all;
    }
    const missing = ids.find((id) => !all.some((vm) => vm.instanceId === id));
    if (missing !== undefined) {
        throw invalidParameter(
            "instanceIds",
            `The provided instanceId ${missing} is not an active Virtual Machine Scale Set VM instanceId.`,
        );
    }
    return all.filter((vm) => ids.includes(vm.instanceId));
}

async function upgrade(cloud: Cloud, vm: VmRecord): Promise<void> {
    if (vm instanceof SingleVm) {
        await upgradeFlexibleVm(cloud, vm);
    } else if (!vm.latestModelApplied) {
        await cloud.fleet.reimage(vm);
    }
}

/**
 * What can be done to a Flexible set's VMs by way of the set; all else is asked of each VM. The answer is an inference.
 * Source: https://learn.microsoft.com/azure/virtual-machine-scale-sets/orchestration-modes-api-comparison
 */
const ALSO_FLEXIBLE = ["delete", "manualupgrade"];

function checkAction({ isFlexible, name }: ScaleSetRecord, action: string): void {
    if (isFlexible && !ALSO_FLEXIBLE.includes(action)) {
        const message = `Operation '${action}' is not allowed on Virtual Machine Scale Set '${name}', whose orchestration mode is 'Flexible'.`;
        throw new ArmError(409, "OperationNotAllowed", message);
    }
}

const path = `${COMPUTE}/virtualMachineScaleSets/:vmScaleSetName`;
const action = (verb: string) => `Microsoft.Compute/virtualMachineScaleSets/${verb}`;

function setAction(
    name: string,
    run: VmAction,
    milliseconds: (cloud: Cloud) => number,
    rbac = action(`${name}/action`),
): Route {
    return {
        method: "POST",
        path: `${path}/${name}`,
        action: rbac,
        beyondScope: 1,
        type: "scaleSets",
        body: idsSchema,
        handle: (call) => {
            const record = scaleSet(call);
            checkAction(record, name);
            return act(call, record, named(call, record), name, run, milliseconds(call.cloud));
        },
    };
}

function list(call: Call, records: ScaleSetRecord[], rename: (id: string) => string): Answer {
    return {
        status: 200,
        body: { value: records.map((record) => ({ ...scaleSetView(record, call.apiVersion), id: rename(record.id) })) },
    };
}

/** Routes of scale sets. */
export const routes: Route[] = [
    {
        method: "PUT",
        path,
        action: action("write"),
        type: "scaleSets",
        body: scaleSetSchema,
        linked: bodyLinks,
        handle: put,
    },
    {
        method: "PATCH",
        path,
        action: action("write"),
        type: "scaleSets",
        body: scaleSetSchema,
        linked: bodyLinks,
        handle: (call) => {
            const record = scaleSet(call);
            if (call.body.location !== undefined) {
                throw changeNotAllowed("location");
            }
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
        handle: (call) => list(call, listed(call, call.cloud.scaleSets), (id) => id),
    },
    {
        method: "GET",
        path: "/subscriptions/:subscriptionId/providers/Microsoft.Compute/virtualMachineScaleSets",
        action: action("read"),
        type: "scaleSets",
        handle: (call) => list(call, listed(call, call.cloud.scaleSets), capitalGroup),
    },
    ...Object.entries(VM_ACTIONS).map(([name, { run, milliseconds }]) => setAction(name, run, milliseconds)),
    setAction("manualupgrade", upgrade, ({ durations }) => durations.vmStart),
    setAction("delete", deleteAction, ({ durations }) => durations.vmDelete, action("delete/action")),
];
