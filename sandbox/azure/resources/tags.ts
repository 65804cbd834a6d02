// Tags at the scope of a scale set or a single VM: read and changed apart from the rest of the resource.
// Source: https://learn.microsoft.com/rest/api/resources/tags
import type { Answer, Call, Route } from "../http/route";
import { BodySchema, oneOf, required } from "../http/schema";
import { checkTags } from "../model/scaleSetRules";
import type { Wire } from "../wire";
import { COMPUTE, find, idOf } from "./common";
import { virtualMachine } from "./virtualMachines";

type Tags = Record<string, string>;

/** A resource whose tags are told and changed here. */
interface Tagged {
    wire: Wire;
    etagCounter: number;
}

/** providers, Microsoft.Resources, tags, default: the scope is the resource. */
const BEYOND_SCOPE = 4;
const schema = new BodySchema("TagsPatchResource", {
    operation: required(oneOf("Replace", "Merge", "Delete")),
    properties: { tags: { "*": "string" } },
});

const SCOPES: { path: string; resource: (call: Call) => Tagged }[] = [
    {
        path: `${COMPUTE}/virtualMachineScaleSets/:vmScaleSetName`,
        resource: (call) => find(call, call.cloud.scaleSets, idOf(call, "virtualMachineScaleSets", "vmScaleSetName")),
    },
    { path: `${COMPUTE}/virtualMachines/:vmName`, resource: (call) => virtualMachine(call).model },
];

/** The tags after the operation. A name is the same in any casing; Delete with a value takes that one alone. */
function changed(tags: Tags, operation: string, given: Tags): Tags {
    if (operation === "Replace") {
        return given;
    }
    const asked = new Map(Object.entries(given).map(([name, value]) => [name.toLowerCase(), value]));
    const kept = Object.entries(tags).filter(([name, value]) => {
        const wanted = asked.get(name.toLowerCase());
        return wanted === undefined || (operation === "Delete" && wanted !== "" && wanted !== value);
    });
    return { ...Object.fromEntries(kept), ...(operation === "Merge" && given) };
}

function patch(call: Call, record: Tagged): Answer {
    const { operation, properties } = call.body as { operation: string; properties?: { tags?: Tags } };
    const tags = changed(record.wire.tags ?? {}, operation, properties?.tags ?? {});
    checkTags(tags);
    call.cloud.policies.check({ id: record.wire.id, type: record.wire.type, tags });
    record.wire.tags = tags;
    record.etagCounter += 1;
    return answer(record);
}

function answer({ wire }: Tagged): Answer {
    const type = "Microsoft.Resources/tags";
    const properties = { tags: wire.tags ?? {} };
    return { status: 200, body: { id: `${wire.id}/providers/${type}/default`, name: "default", type, properties } };
}

/** Routes of the tags of scale sets and single VMs. */
export const routes: Route[] = SCOPES.flatMap(({ path, resource }): Route[] => [
    {
        method: "GET",
        path: `${path}/providers/Microsoft.Resources/tags/default`,
        action: "Microsoft.Resources/tags/read",
        beyondScope: BEYOND_SCOPE,
        type: "resources",
        handle: (call) => answer(resource(call)),
    },
    {
        method: "PATCH",
        path: `${path}/providers/Microsoft.Resources/tags/default`,
        action: "Microsoft.Resources/tags/write",
        beyondScope: BEYOND_SCOPE,
        type: "resources",
        body: schema,
        handle: (call) => patch(call, resource(call)),
    },
]);
