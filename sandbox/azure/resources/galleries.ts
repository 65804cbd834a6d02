// Compute galleries.
import type { Stored, Wire } from "../wire";
import { ArmError, hasChildren } from "../http/errors";
import type { Answer, Call, Route } from "../http/route";
import { BodySchema } from "../http/schema";
import { capitalGroup } from "../ids";
import { normalLocation } from "../regions";
import type { Json } from "../scaleSetRecord";
import { COMPUTE, accept, acceptDelete, checkLocation, find, idOf, listed, merge, view } from "./common";

const schema = new BodySchema("Gallery", {
    ...{ id: "readOnly", name: "readOnly", type: "readOnly", systemData: "readOnly" },
    location: "string",
    tags: { "*": "string" },
    identity: "any",
    properties: {
        description: "string",
        identifier: { uniqueName: "readOnly" },
        provisioningState: "readOnly",
        sharingProfile: { permissions: "string", groups: "readOnly", communityGalleryInfo: "any" },
        softDeletePolicy: { isSoftDeleteEnabled: "boolean" },
        sharingStatus: "readOnly",
    },
});

const gallery = (call: Call) => idOf(call, "galleries", "galleryName");

function put(call: Call): Answer {
    const { cloud, body, params } = call;
    const id = gallery(call);
    const existing = cloud.galleries.get(id);
    checkLocation(existing?.wire, body.location, params.resourceGroupName);
    if (!/^[0-9A-Za-z]([0-9A-Za-z._]{0,78}[0-9A-Za-z])?$/.test(params.galleryName)) {
        const message = `The entity name 'galleryName' is invalid according to its validation rule: ^[^_\\W][\\w-._]{0,79}(?<![-.])$.`;
        throw new ArmError(400, "InvalidParameter", message, { target: "galleryName" });
    }
    const twin = listed(call, cloud.galleries, { wholeSubscription: true }).find(
        (one) => one.wire.name.toLowerCase() === params.galleryName.toLowerCase() && one !== existing,
    );
    if (twin) {
        // Text reported in azure-cli#11967; its status and code are an inference.
        const message = `The gallery name '${params.galleryName}' is not unique within the subscription '${call.subscriptionId}'. Please pick another gallery name.`;
        throw new ArmError(409, "Conflict", message);
    }
    const uniqueName = `${call.subscriptionId}-${params.galleryName.toUpperCase()}`;
    const stored: Stored = existing ?? {
        id,
        wire: {
            id,
            name: params.galleryName,
            type: "Microsoft.Compute/galleries",
            location: normalLocation(String(body.location)),
            properties: {},
        },
    };
    const merged = merge(stored.wire, {
        tags: body.tags,
        properties: body.properties ?? {},
    }) as unknown as Wire;
    stored.wire = {
        ...merged,
        properties: {
            ...merged.properties,
            identifier: { uniqueName },
            provisioningState: existing ? "Updating" : "Creating",
        },
    };
    cloud.galleries.set(stored);
    const operation = { kind: "capsOperations", milliseconds: cloud.durations.gallery, notification: true } as const;
    return accept({ call, status: existing ? 200 : 201, stored, operation });
}

function patch(call: Call): Answer {
    const stored = find(call, call.cloud.galleries, gallery(call));
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

function remove(call: Call): Answer {
    const { cloud } = call;
    const stored = cloud.galleries.get(gallery(call));
    if (!stored) {
        return { status: 204 };
    }
    const children = cloud.definitions.below(stored.id);
    if (children.length > 0) {
        throw hasChildren(children.map(({ id }) => id));
    }
    return acceptDelete(call, stored, { kind: "capsOperations", milliseconds: cloud.durations.gallery }, () =>
        cloud.galleries.delete(stored.id),
    );
}

/** Routes of galleries. */
export const routes: Route[] = [
    {
        method: "PUT",
        path: `${COMPUTE}/galleries/:galleryName`,
        action: "Microsoft.Compute/galleries/write",
        type: "galleries",
        body: schema,
        handle: put,
    },
    {
        method: "PATCH",
        path: `${COMPUTE}/galleries/:galleryName`,
        action: "Microsoft.Compute/galleries/write",
        type: "galleries",
        body: schema,
        handle: patch,
    },
    {
        method: "DELETE",
        path: `${COMPUTE}/galleries/:galleryName`,
        action: "Microsoft.Compute/galleries/delete",
        type: "galleries",
        handle: remove,
    },
    {
        method: "GET",
        path: `${COMPUTE}/galleries/:galleryName`,
        action: "Microsoft.Compute/galleries/read",
        type: "galleries",
        handle: (call) => ({ status: 200, body: view(find(call, call.cloud.galleries, gallery(call))) }),
    },
    {
        // At the subscription: who has a role in a resource group alone is refused.
        method: "GET",
        path: "/subscriptions/:subscriptionId/providers/Microsoft.Compute/galleries",
        action: "Microsoft.Compute/galleries/read",
        type: "galleries",
        handle: (call) => ({ status: 200, body: { value: listed(call, call.cloud.galleries).map(view) } }),
    },
    {
        method: "GET",
        path: `${COMPUTE}/galleries`,
        action: "Microsoft.Compute/galleries/read",
        type: "galleries",
        handle: (call) => {
            const all = listed(call, call.cloud.galleries);
            return { status: 200, body: { value: all.map((one) => ({ ...view(one), id: capitalGroup(one.id) })) } };
        },
    },
];
