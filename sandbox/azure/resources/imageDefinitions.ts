// Image definitions of a gallery: what kind of image its versions are.
import type { Stored, Wire } from "../wire";
import { changeNotAllowed, hasChildren, invalidParameter } from "../http/errors";
import type { Answer, Call, Route } from "../http/route";
import { BodySchema, oneOf, required } from "../http/schema";
import { featureOf } from "../model/imageFit";
import { normalLocation } from "../regions";
import type { Json } from "../scaleSetRecord";
import { COMPUTE, accept, acceptDelete, checkLocation, find, idOf, merge, requireParent, view } from "./common";

const properties = {
    ...{
        description: "string",
        eula: "string",
        privacyStatementUri: "string",
        releaseNoteUri: "string",
        endOfLifeDate: "string",
    },
    osType: oneOf("Linux", "Windows"),
    osState: oneOf("Generalized", "Specialized"),
    hyperVGeneration: oneOf("V1", "V2"),
    architecture: oneOf("x64", "Arm64"),
    identifier: { publisher: required("string"), offer: required("string"), sku: required("string") },
    recommended: "any",
    disallowed: { diskTypes: ["string"] },
    purchasePlan: { name: "string", publisher: "string", product: "string" },
    features: [{ name: "string", value: "string", startsAtVersion: "string" }],
    allowUpdateImage: "boolean",
    provisioningState: "readOnly",
} as const;
const top = {
    id: "readOnly",
    name: "readOnly",
    type: "readOnly",
    systemData: "readOnly",
    location: "string",
    tags: { "*": "string" },
} as const;
const putSchema = new BodySchema("GalleryImage", {
    ...top,
    properties: required({
        ...properties,
        osType: required(properties.osType),
        osState: required(properties.osState),
        identifier: required(properties.identifier),
    } as never),
});
const patchSchema = new BodySchema("GalleryImage", { ...top, properties } as never);

/** What an image is cannot change once it is defined. */
const FIXED = ["osType", "osState", "hyperVGeneration", "architecture", "identifier", "purchasePlan", "features"];

const definition = (call: Call) => idOf(call, "galleries", "galleryName", "images", "galleryImageName");
const gallery = (call: Call) => idOf(call, "galleries", "galleryName");

interface Identifier {
    publisher: string;
    offer: string;
    sku: string;
}

/**
 * Limits of an image definition's name and identifier
 * (https://learn.microsoft.com/azure/virtual-machines/troubleshooting-shared-images); their texts are inferences.
 */
function checkNames(name: string, { publisher, offer, sku }: Identifier): void {
    if (!/^[a-z0-9]([a-z0-9._-]{0,78}[a-z0-9])?$/i.test(name)) {
        const message = `The image definition name '${name}' is invalid. It may have letters, digits, dots, dashes and underscores, begins and ends with a letter or digit, and has at most 80 characters.`;
        throw invalidParameter("galleryImageName", message);
    }
    for (const [part, value, most] of [
        ["publisher", publisher, 128],
        ["offer", offer, 64],
        ["sku", sku, 64],
    ] as const) {
        if (value.length > most) {
            const message = `The value of parameter identifier.${part} is invalid: it has more than ${most} characters.`;
            throw invalidParameter(`galleryImage.properties.identifier.${part}`, message);
        }
    }
}

function put(call: Call): Answer {
    const { cloud, body, params } = call;
    requireParent(cloud.galleries, gallery(call));
    const id = definition(call);
    const existing = cloud.definitions.get(id);
    checkNames(params.galleryImageName, (body.properties as { identifier: Identifier }).identifier);
    checkLocation(existing?.wire, body.location, params.resourceGroupName);
    const given = {
        hyperVGeneration: "V1",
        ...(existing && { hyperVGeneration: existing.wire.properties.hyperVGeneration }),
        ...(body.properties as Json),
    };
    if (existing) {
        checkFixed(existing, given);
    }
    checkSecurity(given);
    const stored: Stored = existing ?? {
        id,
        wire: {
            id,
            name: params.galleryImageName,
            type: "Microsoft.Compute/galleries/images",
            location: normalLocation(String(body.location)),
            properties: {},
        },
    };
    stored.wire = merge(stored.wire, { tags: body.tags, properties: given }) as unknown as Wire;
    if (Object.keys(stored.wire.properties.disallowed ?? {}).length === 0) {
        delete stored.wire.properties.disallowed;
    }
    stored.wire.properties.provisioningState = existing ? "Updating" : "Creating";
    cloud.definitions.set(stored);
    return accept({
        call,
        status: existing ? 200 : 201,
        stored,
        operation: { kind: "capsOperations", milliseconds: cloud.durations.gallery },
    });
}

function patch(call: Call): Answer {
    const stored = find(call, call.cloud.definitions, definition(call));
    checkFixed(stored, (call.body.properties ?? {}) as Json);
    if (call.body.tags) {
        stored.wire.tags = call.body.tags as Record<string, string>;
    }
    stored.wire.properties = {
        ...merge(stored.wire.properties, (call.body.properties ?? {}) as Json),
        provisioningState: "Updating",
    };
    return accept({
        call,
        status: 200,
        stored,
        operation: { kind: "capsOperations", milliseconds: call.cloud.durations.gallery },
    });
}

function checkFixed(existing: Stored, given: Json): void {
    const before = existing.wire.properties;
    const changed = FIXED.find(
        (name) =>
            given[name] !== undefined && JSON.stringify(sorted(given[name])) !== JSON.stringify(sorted(before[name])),
    );
    if (changed) {
        throw changeNotAllowed(`galleryImage.properties.${changed}`);
    }
}

/**
 * Trusted launch and confidential VMs need generation 2. That a definition is refused so is an inference from
 * https://learn.microsoft.com/azure/virtual-machines/trusted-launch and from "SecurityType can be specified only with TVM
 * capable image (Gen2 …)" (azure-cli#17599); so is the text.
 */
function checkSecurity(properties: Json): void {
    const security = featureOf(properties, "SecurityType") ?? "Standard";
    if (properties.hyperVGeneration === "V1" && !/^(Standard|None)$/i.test(security)) {
        const message = `The feature 'SecurityType' with value '${security}' is not supported for images of Hypervisor Generation 'V1'.`;
        throw invalidParameter("galleryImage.properties.features", message);
    }
}

function sorted(value: unknown): unknown {
    return typeof value === "object" && value !== null ? Object.entries(value).sort() : value;
}

function remove(call: Call): Answer {
    const { cloud } = call;
    const stored = cloud.definitions.get(definition(call));
    if (!stored) {
        return { status: 204 };
    }
    const children = cloud.versions.below(stored.id);
    if (children.length > 0) {
        throw hasChildren(children.map(({ id }) => id));
    }
    return acceptDelete(call, stored, { kind: "capsOperations", milliseconds: cloud.durations.gallery }, () =>
        cloud.definitions.delete(stored.id),
    );
}

const path = `${COMPUTE}/galleries/:galleryName/images/:galleryImageName`;
const action = (verb: string) => `Microsoft.Compute/galleries/images/${verb}`;

/** Routes of image definitions. */
export const routes: Route[] = [
    { method: "PUT", path, action: action("write"), type: "galleries", body: putSchema, handle: put },
    { method: "PATCH", path, action: action("write"), type: "galleries", body: patchSchema, handle: patch },
    { method: "DELETE", path, action: action("delete"), type: "galleries", handle: remove },
    {
        method: "GET",
        path,
        action: action("read"),
        type: "galleries",
        handle: (call) => ({ status: 200, body: view(find(call, call.cloud.definitions, definition(call))) }),
    },
    {
        method: "GET",
        path: `${COMPUTE}/galleries/:galleryName/images`,
        action: action("read"),
        beyondScope: 1,
        type: "galleries",
        handle: (call) => {
            find(call, call.cloud.galleries, gallery(call));
            return { status: 200, body: { value: call.cloud.definitions.below(gallery(call)).map(view) } };
        },
    },
];
