// Tags at the scope of a scale set: read and changed apart from the rest of the resource.
// Source: https://learn.microsoft.com/rest/api/resources/tags
import type { Answer, Call, Route } from "../http/route";
import { BodySchema, oneOf, required } from "../http/schema";
import type { ScaleSetRecord } from "../scaleSetRecord";
import { COMPUTE, find, idOf } from "./common";

type Tags = Record<string, string>;

const PATH = `${COMPUTE}/virtualMachineScaleSets/:vmScaleSetName/providers/Microsoft.Resources/tags/default`;
/** providers, Microsoft.Resources, tags, default: the scope is the scale set. */
const BEYOND_SCOPE = 4;
const schema = new BodySchema("TagsPatchResource", {
    operation: required(oneOf("Replace", "Merge", "Delete")),
    properties: { tags: { "*": "string" } },
});

const scaleSet = (call: Call) =>
    find(call, call.cloud.scaleSets, idOf(call, "virtualMachineScaleSets", "vmScaleSetName"));

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

function patch(call: Call): Answer {
    const record = scaleSet(call);
    const { operation, properties } = call.body as { operation: string; properties?: { tags?: Tags } };
    const tags = changed(record.wire.tags ?? {}, operation, properties?.tags ?? {});
    call.cloud.policies.check({ id: record.id, type: record.wire.type, tags });
    record.wire.tags = tags;
    record.etagCounter += 1;
    return answer(record);
}

function answer({ id, wire }: ScaleSetRecord): Answer {
    const type = "Microsoft.Resources/tags";
    const properties = { tags: wire.tags ?? {} };
    return { status: 200, body: { id: `${id}/providers/${type}/default`, name: "default", type, properties } };
}

/** Routes of a scale set's tags. */
export const routes: Route[] = [
    {
        method: "GET",
        path: PATH,
        action: "Microsoft.Resources/tags/read",
        beyondScope: BEYOND_SCOPE,
        type: "resources",
        handle: (call) => answer(scaleSet(call)),
    },
    {
        method: "PATCH",
        path: PATH,
        action: "Microsoft.Resources/tags/write",
        beyondScope: BEYOND_SCOPE,
        type: "resources",
        body: schema,
        handle: patch,
    },
];
