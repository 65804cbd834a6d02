// Availability sets, which are made and deleted at once (recorded).
import type { Cloud } from "../cloud";
import { ArmError, invalidParameter } from "../http/errors";
import { BodySchema } from "../http/schema";
import type { Answer, Call, Route } from "../http/route";
import type { Json } from "../machineModel";
import { normalLocation } from "../regions";
import type { Stored, Wire } from "../wire";
import { COMPUTE, checkLocation, find, idOf, listed, merge, view } from "./common";

/** Most fault domains of a set, in every region here (the sku list says it as well). */
export const MAX_FAULT_DOMAINS = 3;
const MAX_UPDATE_DOMAINS = 20;

const schema = new BodySchema("AvailabilitySet", {
    id: "readOnly",
    name: "readOnly",
    type: "readOnly",
    location: "string",
    tags: { "*": "string" },
    sku: { name: "string", tier: "string", capacity: "integer" },
    properties: {
        platformUpdateDomainCount: "integer",
        platformFaultDomainCount: "integer",
        proximityPlacementGroup: { id: "string" },
        scheduledEventsPolicy: "any",
        virtualMachines: "readOnly",
        statuses: "readOnly",
        virtualMachineScaleSetMigrationInfo: "readOnly",
    },
});

const idOfSet = (call: Call) => idOf(call, "availabilitySets", "availabilitySetName");

function members(cloud: Cloud, id: string): { id: string }[] {
    const all = cloud.fleet.singles.all();
    const mine = all.filter(({ model }) => model.availabilitySetId?.toLowerCase() === id.toLowerCase());
    return mine.map((vm) => ({ id: vm.id }));
}

function shown(cloud: Cloud, stored: Stored): Wire {
    const wire = view(stored);
    const { sku, properties, ...rest } = wire;
    return { ...rest, properties: { ...properties, virtualMachines: members(cloud, stored.id) }, sku };
}

function put(call: Call): Answer {
    const { cloud, body, params } = call;
    const existing = cloud.availabilitySets.get(idOfSet(call));
    checkLocation(existing?.wire, body.location, params.resourceGroupName);
    const fresh: Json = {
        ...{ name: params.availabilitySetName, id: idOfSet(call), type: "Microsoft.Compute/availabilitySets" },
        location: normalLocation(String(body.location)),
        properties: { platformUpdateDomainCount: 5, platformFaultDomainCount: 2 },
        sku: { name: "Classic" },
    };
    const { tags, sku, properties } = body;
    const given = { ...(tags !== undefined && { tags }), ...(sku !== undefined && { sku }), properties };
    const wire = merge((existing?.wire as Json | undefined) ?? fresh, given) as unknown as Wire;
    if (tags !== undefined) {
        wire.tags = tags as Record<string, string>;
    }
    check(existing?.wire, wire);
    cloud.availabilitySets.set({ id: idOfSet(call), wire });
    return { status: 200, body: wire };
}

// Texts of https://learn.microsoft.com/troubleshoot/azure/virtual-machines/windows/error-messages.
function check(before: Wire | undefined, { sku, properties }: Wire): void {
    const { name } = sku as { name: string };
    if (!["Aligned", "Classic"].includes(name)) {
        throw invalidParameter("sku.name", "The value of parameter sku.name is invalid.");
    }
    const range = (value: unknown, most: number) => Number(value) >= 1 && Number(value) <= most;
    for (const [member, most] of [
        ["platformFaultDomainCount", MAX_FAULT_DOMAINS],
        ["platformUpdateDomainCount", MAX_UPDATE_DOMAINS],
    ] as const) {
        const what = member === "platformFaultDomainCount" ? "fault" : "update";
        if (!range(properties[member], most)) {
            const message = `The specified ${what} domain count ${String(properties[member])} must fall in the range 1 to ${most}.`;
            throw invalidParameter(member, message);
        }
        if (before && before.properties[member] !== properties[member]) {
            throw new ArmError(409, "PropertyChangeNotAllowed", `Changing property '${member}' is not allowed.`, {
                target: member,
            });
        }
    }
    if (before && (before.sku as { name: string }).name === "Aligned" && name === "Classic") {
        const message = "Changing availability set SKU from 'Aligned' to 'Classic' is not allowed.";
        throw new ArmError(409, "OperationNotAllowed", message);
    }
}

function remove(call: Call): Answer {
    const { cloud, params } = call;
    const id = idOfSet(call);
    if (!cloud.availabilitySets.get(id)) {
        return { status: 204 };
    }
    if (members(cloud, id).length > 0) {
        const message = `Availability Set '${params.availabilitySetName}' cannot be deleted. Before deleting an Availability Set please ensure that it does not contain any VM.`;
        throw new ArmError(409, "OperationNotAllowed", message);
    }
    cloud.availabilitySets.delete(id);
    return { status: 200 };
}

const path = `${COMPUTE}/availabilitySets/:availabilitySetName`;
const action = (verb: string) => `Microsoft.Compute/availabilitySets/${verb}`;
const type = "virtualMachines";

/** Routes of availability sets. */
export const routes: Route[] = [
    { method: "PUT", path, action: action("write"), type, body: schema, handle: put },
    {
        ...{ method: "GET", path, action: action("read"), type },
        handle: (call) => ({
            status: 200,
            body: shown(call.cloud, find(call, call.cloud.availabilitySets, idOfSet(call))),
        }),
    },
    { method: "DELETE", path, action: action("delete"), type, handle: remove },
    {
        ...{ method: "GET", path: `${COMPUTE}/availabilitySets`, action: action("read"), type },
        handle: (call) => ({
            status: 200,
            body: { value: listed(call, call.cloud.availabilitySets).map((one) => shown(call.cloud, one)) },
        }),
    },
];
