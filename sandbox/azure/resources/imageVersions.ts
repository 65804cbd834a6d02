// Gallery image versions: made from a snapshot, a disk or another version, replicated to regions, kept with their
// files.
import type { Stored, Wire } from "../wire";
import { ArmError, changeNotAllowed, invalidParameter, missingParameter } from "../http/errors";
import type { Answer, Call, Route } from "../http/route";
import type { LinkedAccess } from "../rbac";
import { normalLocation, region } from "../regions";
import type { Json } from "../scaleSetRecord";
import { timestamp } from "../timestamp";
import { parseVersionName } from "../versionNames";
import { ownerOf } from "../model/dataDisks";
import {
    checkFewerRegions,
    checkFixedStorage,
    checkKeys,
    checkMatch,
    checkRegionKeys,
    checkZones,
    regionIn,
    type PublishingProfile,
} from "../model/imageVersionRules";
import { imageVersionSchema } from "../model/imageVersionSchema";
import { COMPUTE, accept, acceptDelete, checkLocation, find, idOf, merge, requireParent, view } from "./common";

const definition = (call: Call) => idOf(call, "galleries", "galleryName", "images", "galleryImageName");
const version = (call: Call) =>
    idOf(call, "galleries", "galleryName", "images", "galleryImageName", "versions", "galleryImageVersionName");

/** Ids of the sources that a body names, of any kind. */
function sourceIds(body: Json | undefined): string[] {
    const profile = ((body?.properties ?? {}) as Json).storageProfile as
        { source?: Json; osDiskImage?: { source?: Json }; dataDiskImages?: { source?: Json }[] } | undefined;
    const sources = [
        profile?.source,
        profile?.osDiskImage?.source,
        ...(profile?.dataDiskImages ?? []).map((one) => one.source),
    ];
    return sources
        .map((one) => (one?.id ?? one?.virtualMachineId) as string | undefined)
        .filter((id) => id !== undefined);
}

/**
 * Sources that it takes write permission to make a version from; for a managed image or another version reading is
 * enough.
 */
const WRITTEN = /\/(snapshots|disks|virtualMachines)\/[^/]+$/i;

/**
 * What the source takes (https://learn.microsoft.com/azure/virtual-machines/shared-image-galleries, permissions to
 * create an image).
 */
function linked(call: Call): LinkedAccess[] {
    return sourceIds(call.body).map((id) => {
        const types =
            id
                .split("/providers/")[1]
                ?.split("/")
                .filter((_, index) => index === 0 || index % 2 === 1) ?? [];
        return { action: `${types.join("/")}/${WRITTEN.test(id) ? "write" : "read"}`, scope: id };
    });
}

function put(call: Call): Answer {
    const { cloud, body, params } = call;
    const parent = requireParent(cloud.definitions, definition(call));
    const id = version(call);
    const name = params.galleryImageVersionName;
    if (!parseVersionName(name)) {
        const message = `The gallery image version name '${name}' is invalid. It must be in the format Major.Minor.Patch, where each is an integer between 0 and 2147483647.`;
        throw invalidParameter("galleryImageVersionName", message);
    }
    const existing = cloud.versions.get(id);
    checkLocation(existing?.wire, body.location, params.resourceGroupName);
    if (existing) {
        return update(call, existing, true);
    }
    const from = sourceOf(call);
    const regions = ((body.properties ?? {}) as { publishingProfile?: { targetRegions?: [] } }).publishingProfile;
    checkRegionKeys(cloud, regions?.targetRegions ?? [], id);
    const location = normalLocation(String(body.location));
    const stored: Stored = {
        id,
        wire: {
            ...{ id, name, type: "Microsoft.Compute/galleries/images/versions", location },
            ...(body.tags !== undefined && { tags: body.tags as Record<string, string> }),
            properties: {
                ...(body.properties as Json),
                publishingProfile: publishing(call, {}),
                storageProfile: storage(call),
                safetyProfile: safety(body),
                provisioningState: "Creating",
            },
        },
    };
    cloud.versions.set(stored);
    return accept({
        call,
        status: 201,
        stored,
        body: shown(call, stored),
        operation: { kind: "capsOperations", milliseconds: cloud.durations.imageVersion },
        finish: () => {
            checkMatch(from, parent);
            checkZones(stored);
            checkKeys(from, stored);
            stored.folder = cloud.folders.copy("images", `${parent.wire.name.slice(0, 40)}-${name}`, from.folder ?? "");
            const image = (stored.wire.properties.storageProfile as { osDiskImage: Json }).osDiskImage;
            image.sizeInGB = from.wire.properties.diskSizeGB;
            stored.replicatedTo = regionsOf(stored);
        },
    });
}

/**
 * A version that could not be made stays as it is: it must be deleted before its name can be used again. One whose last
 * change failed takes the next one: the service's own words ask for an update without the regions that failed
 * (azure-cli#15539).
 */
function update(call: Call, stored: Stored, whole: boolean): Answer {
    const { cloud, body } = call;
    const given = (body.properties ?? {}) as Json;
    if (stored.wire.properties.provisioningState === "Failed" && !stored.folder) {
        const message = `The gallery image version '${stored.wire.name}' is in a failed state and cannot be updated. Please delete it and create it again.`;
        throw new ArmError(409, "Conflict", message);
    }
    const ids = sourceIds(body).map((id) => id.toLowerCase());
    const before = sourceIds(stored.wire as unknown as Json).map((id) => id.toLowerCase());
    if (ids.length > 0 && ids.some((id) => !before.includes(id))) {
        throw changeNotAllowed("galleryImageVersion.properties.storageProfile.source.id");
    }
    const publishingProfile = (given.publishingProfile ?? {}) as PublishingProfile;
    checkFixedStorage(stored.wire.properties.publishingProfile as PublishingProfile, publishingProfile);
    checkRegionKeys(cloud, publishingProfile.targetRegions ?? [], stored.id);
    const profile = publishing(call, stored.wire.properties.publishingProfile as Json);
    checkFewerRegions(stored.wire.properties, { ...given, publishingProfile: profile });
    if (body.tags !== undefined && whole) {
        stored.wire.tags = merge(stored.wire.tags ?? {}, body.tags as Json) as Record<string, string>;
    } else if (body.tags !== undefined) {
        stored.wire.tags = body.tags as Record<string, string>;
    }
    stored.wire.properties = {
        ...merge(stored.wire.properties, { ...given, publishingProfile: undefined }),
        publishingProfile: profile,
        provisioningState: "Updating",
    };
    const regions = regionsOf(stored);
    stored.replicatedTo = stored.replicatedTo?.filter((one) => regions.includes(one));
    const operation = { kind: "capsOperations", milliseconds: cloud.durations.imageVersion } as const;
    return accept({
        call,
        status: 200,
        stored,
        body: shown(call, stored),
        operation,
        finish: () => {
            checkZones(stored);
            stored.replicatedTo = regions;
        },
    });
}

/** The regions that a version is to be in. */
function regionsOf({ wire }: Stored): string[] {
    const { targetRegions } = wire.properties.publishingProfile as { targetRegions: { name: string }[] };
    return targetRegions.map(({ name }) => normalLocation(name));
}

// Regions come back as display names with their own count; a region that gives none has the version's (recorded).
function publishing(call: Call, before: Json): Json {
    const given = ((call.body.properties ?? {}) as Json).publishingProfile as Json | undefined;
    const profile: Json = merge(
        {
            replicaCount: 1,
            excludeFromLatest: false,
            storageAccountType: "Standard_LRS",
            publishedDate: timestamp(call.cloud.now()),
            ...before,
        },
        given ?? {},
    );
    const wanted = (profile.targetRegions ?? [{ name: String(call.body.location) }]) as Json[];
    profile.targetRegions = wanted.map((given, index) => {
        const one = { ...kept(before, String(given.name)), ...given };
        const known = region(String(one.name));
        if (!known) {
            throw invalidParameter(
                "targetRegions",
                `The target region '${String(one.name)}' at index ${index} is not a known region.`,
            );
        }
        return {
            ...one,
            name: known.displayName,
            regionalReplicaCount: one.regionalReplicaCount ?? profile.replicaCount,
            storageAccountType: one.storageAccountType ?? profile.storageAccountType,
        };
    });
    const home = normalLocation(
        (call.body.location as string | undefined) ?? call.cloud.versions.get(version(call))?.wire.location ?? "",
    );
    if (!(profile.targetRegions as Json[]).some((one) => normalLocation(String(one.name)) === home)) {
        const message = `The publishing location '${home}' is missing from the target regions. It must be one of them.`;
        throw invalidParameter("galleryImageVersion.properties.publishingProfile.targetRegions", message);
    }
    return profile;
}

/** What a region keeps that the version is in already; the number of its replicas is as it is said anew. */
function kept(before: PublishingProfile, name: string): Json {
    const { storageAccountType, encryption } = regionIn(before, name) ?? {};
    return { ...(storageAccountType && { storageAccountType }), ...(encryption && { encryption }) };
}

function storage(call: Call): Json {
    const given = ((call.body.properties as Json).storageProfile ?? {}) as {
        source?: Json;
        osDiskImage?: Json;
        dataDiskImages?: Json[];
    };
    if (given.source) {
        return { source: given.source, osDiskImage: { hostCaching: "None", source: {} } };
    }
    return {
        osDiskImage: { hostCaching: "ReadWrite", ...given.osDiskImage },
        ...(given.dataDiskImages && {
            dataDiskImages: given.dataDiskImages.map((one) => ({ hostCaching: "ReadOnly", ...one })),
        }),
    };
}

function safety(body: Json): Json {
    const given = ((body.properties as Json).safetyProfile ?? {}) as Json;
    return { reportedForPolicyViolation: false, allowDeletionOfReplicatedLocations: false, ...given };
}

function sourceOf(call: Call): Stored {
    const { cloud } = call;
    const profile = ((call.body.properties ?? {}) as Json).storageProfile as
        { source?: { id?: string }; osDiskImage?: { source?: { id?: string } } } | undefined;
    const id = profile?.osDiskImage?.source?.id ?? profile?.source?.id;
    if (id === undefined) {
        throw missingParameter("galleryImageVersion.properties.storageProfile.source");
    }
    const found = cloud.snapshots.get(id) ?? cloud.disks.get(id) ?? cloud.versions.get(id);
    if (!found || !found.folder) {
        throw new ArmError(404, "ResourceNotFound", `The source resource with id '${id}' was not found.`);
    }
    if (found.wire.location !== normalLocation(String(call.body.location)) && !cloud.versions.get(id)) {
        throw invalidParameter(
            "storageProfile.source",
            `The source resource '${id}' must be in the same region as the gallery image version.`,
        );
    }
    const owner = ownerOf(cloud, id);
    if (owner) {
        // An inference: the portal's advice is to detach the disk or to take a snapshot.
        const message = `The source disk '${id}' is attached to VM '${owner.id}'. Please detach it, or use a snapshot of it.`;
        throw new ArmError(409, "OperationNotAllowed", message);
    }
    return found;
}

function remove(call: Call): Answer {
    const { cloud } = call;
    const stored = cloud.versions.get(version(call));
    if (!stored) {
        return { status: 204 };
    }
    return acceptDelete(call, stored, { kind: "capsOperations", milliseconds: cloud.durations.gallery }, () => {
        cloud.versions.delete(stored.id);
        cloud.folders.remove(stored.folder);
    });
}

// replicationStatus only when it is asked for; safetyProfile only from the version that knows it (recorded).
function shown(call: Call, stored: Stored): Wire {
    const wire = view(stored);
    if (call.apiVersion < "2023-07-03") {
        delete wire.properties.safetyProfile;
    }
    if (call.query.$expand?.toLowerCase() !== "replicationstatus" || call.method !== "GET") {
        return wire;
    }
    const state =
        { Succeeded: "Completed", Failed: "Failed" }[String(wire.properties.provisioningState)] ?? "InProgress";
    const regions = (wire.properties.publishingProfile as { targetRegions: { name: string }[] }).targetRegions;
    const summary = regions.map(({ name }) => {
        const isThere = stored.replicatedTo?.includes(normalLocation(name));
        return {
            region: name,
            state: isThere ? "Completed" : state === "InProgress" ? "Replicating" : state,
            details: "",
            progress: isThere ? 100 : 0,
        };
    });
    wire.properties.replicationStatus = { aggregatedState: state, summary };
    return wire;
}

const path = `${COMPUTE}/galleries/:galleryName/images/:galleryImageName/versions/:galleryImageVersionName`;
const action = (verb: string) => `Microsoft.Compute/galleries/images/versions/${verb}`;

/** Routes of image versions. */
export const routes: Route[] = [
    { method: "PUT", path, action: action("write"), type: "galleries", body: imageVersionSchema, linked, handle: put },
    {
        method: "PATCH",
        path,
        action: action("write"),
        type: "galleries",
        body: imageVersionSchema,
        handle: (call) => update(call, find(call, call.cloud.versions, version(call)), false),
    },
    { method: "DELETE", path, action: action("delete"), type: "galleries", handle: remove },
    {
        method: "GET",
        path,
        action: action("read"),
        type: "galleries",
        handle: (call) => ({ status: 200, body: shown(call, find(call, call.cloud.versions, version(call))) }),
    },
    {
        method: "GET",
        path: `${COMPUTE}/galleries/:galleryName/images/:galleryImageName/versions`,
        action: action("read"),
        beyondScope: 1,
        type: "galleries",
        handle: (call) => {
            find(call, call.cloud.definitions, definition(call));
            return {
                status: 200,
                body: { value: call.cloud.versions.below(definition(call)).map((one) => shown(call, one)) },
            };
        },
    },
];
