// Managed disks and their snapshots. Both answer 202 with a stub, and the finished operation embeds the resource
// (recorded).
import { randomUUID } from "node:crypto";
import type { Cloud } from "../cloud";
import type { Stored, Wire } from "../wire";
import type { Collection } from "../collection";
import { ArmError, missingParameter } from "../http/errors";
import type { Answer, Call, Route } from "../http/route";
import type { LinkedAccess } from "../rbac";
import { capitalGroup } from "../ids";
import { normalLocation, region } from "../regions";
import type { Json } from "../scaleSetRecord";
import { timestamp } from "../timestamp";
import type { VmRecord } from "../vmRecord";
import { diskOwners, ownerOf } from "../model/dataDisks";
import { encryptionFor } from "../model/encryption";
import {
    checkCreationData,
    checkDiskZones,
    checkNetworkAccess,
    checkSecurityType,
    checkSize,
    performance,
} from "../model/diskRules";
import { diskSchemas } from "../model/diskSchemas";
import { COMPUTE, accept, acceptDelete, checkLocation, find, idOf, listed, merge, paged, view } from "./common";

type Kind = "disks" | "snapshots";
const NAMES: Record<Kind, string> = { disks: "diskName", snapshots: "snapshotName" };
const SOURCE_ID =
    /^\/subscriptions\/[^/]+\/resourceGroups\/([^/]+)\/providers\/Microsoft\.Compute\/(disks|snapshots)\/([^/]+)$/i;

/** Where things of a kind are kept. */
function kept(cloud: Cloud, kind: Kind): Collection<Stored> {
    return cloud[kind];
}

function get(call: Call, kind: Kind): Answer {
    const stored = find(call, kept(call.cloud, kind), idOf(call, kind, NAMES[kind]));
    return { status: 200, body: shown(call.cloud, stored, ownerOf(call.cloud, stored.id)) };
}

/**
 * Whether an image version is being made of a disk. That the disk has the state ActiveSAS meanwhile is an inference:
 * the gallery's service reads it as others do, by an address.
 */
function isRead(cloud: Cloud, { id }: Stored): boolean {
    return cloud.versions
        .all()
        .filter(({ wire }) => wire.properties.provisioningState === "Creating")
        .some(({ wire }) => {
            const { osDiskImage } = wire.properties.storageProfile as { osDiskImage?: { source?: { id?: string } } };
            return osDiskImage?.source?.id?.toLowerCase() === id.toLowerCase();
        });
}

// A VM's disk says whose it is, and whether it is in use or kept for a machine that is deallocated.
function shown(cloud: Cloud, stored: Stored, vm: VmRecord | undefined): Wire {
    const wire = view(stored);
    const free = isRead(cloud, stored) ? "ActiveSAS" : "Unattached";
    wire.properties.diskState = !vm ? free : vm.power === "deallocated" ? "Reserved" : "Attached";
    if (vm) {
        wire.managedBy = vm.id;
    }
    return wire;
}

/** Copying needs access to the source's content (reported: Azure/OpenShift#186, azure-docs#11362). */
function linked(call: Call): LinkedAccess[] {
    const source = creationData(call.body).sourceResourceId as string | undefined;
    const type = SOURCE_ID.exec(source ?? "")?.[2].toLowerCase();
    const encryption = ((call.body.properties ?? {}) as Json).encryption as
        { diskEncryptionSetId?: string } | undefined;
    const set = encryption?.diskEncryptionSetId;
    return [
        ...(source && type ? [{ action: `Microsoft.Compute/${type}/beginGetAccess/action`, scope: source }] : []),
        ...(set ? [{ action: "Microsoft.Compute/diskEncryptionSets/read", scope: set }] : []),
    ];
}

function put(call: Call, kind: Kind): Answer {
    const { cloud, body } = call;
    const id = idOf(call, kind, NAMES[kind]);
    const existing = kept(cloud, kind).get(id);
    checkLocation(existing?.wire, body.location, call.params.resourceGroupName);
    const sku = skuOf(body, existing, kind);
    checkNetworkAccess(body);
    if (existing) {
        checkCreationData(existing, creationData(body), kind);
        existing.wire = {
            ...merge(existing.wire, { tags: body.tags, properties: body.properties }),
            sku,
        } as unknown as Wire;
        existing.wire.properties.provisioningState = "Updating";
        return accepted(call, kind, existing);
    }
    const source = sourceOf(call, kind);
    checkSecurityType(body);
    const stored: Stored = { id, wire: fresh(call, kind, source, sku) };
    kept(cloud, kind).set(stored);
    const folder = source?.folder;
    // The copy is of the moment of the request: what the source does afterwards does not show in it.
    stored.folder = folder ? cloud.folders.copy(kind, stored.wire.name.slice(0, 60), folder) : undefined;
    return accepted(call, kind, stored);
}

function accepted(call: Call, kind: Kind, stored: Stored): Answer {
    const { cloud } = call;
    const { name, location, tags, sku, properties } = view(stored);
    const { creationData: creation, incremental, hyperVGeneration, osType } = properties;
    const stub = {
        ...{ name, id: stored.id, type: stored.wire.type, location, tags, sku: { name: (sku as Json).name } },
        properties: {
            ...(hyperVGeneration !== undefined && { hyperVGeneration }),
            ...(osType !== undefined && { osType }),
            creationData: creation,
            ...(incremental !== undefined && { incremental }),
            provisioningState: "Updating",
        },
    };
    return accept({
        call,
        status: 202,
        stored,
        body: stub,
        operation: {
            kind: "DiskOperations",
            milliseconds: kind === "disks" ? cloud.durations.disk : cloud.durations.snapshot,
            withLocation: true,
        },
        output: () => shown(cloud, stored, ownerOf(cloud, stored.id)),
    });
}

/** What a copy has from its source; that encryption from within a VM (Azure Disk Encryption) shows is an inference. */
const INHERITED = [
    ...["osType", "hyperVGeneration", "purchasePlan", "supportedCapabilities", "securityProfile"],
    "encryptionSettingsCollection",
];

function fresh(call: Call, kind: Kind, source: Stored | undefined, sku: Json): Wire {
    const { cloud, body } = call;
    const given = { ...((body.properties ?? {}) as Json) };
    const from = source?.wire.properties ?? {};
    const inherited = Object.fromEntries(
        INHERITED.filter((name) => from[name] !== undefined).map((name) => [name, from[name]]),
    );
    const size = Number(given.diskSizeGB ?? from.diskSizeGB ?? 4);
    checkSize(size, source);
    checkDiskZones(call, sku);
    const place = { id: idOf(call, kind, NAMES[kind]), location: String(body.location) };
    return {
        id: place.id,
        name: call.params[NAMES[kind]],
        type: `Microsoft.Compute/${kind}`,
        location: normalLocation(String(body.location)),
        tags: (body.tags ?? {}) as Record<string, string>,
        ...(body.zones !== undefined && { zones: body.zones }),
        sku,
        properties: {
            ...inherited,
            ...given,
            creationData: { ...creationData(body), ...(source && { sourceUniqueId: from.uniqueId }) },
            diskSizeGB: size,
            diskSizeBytes: size * 1024 ** 3,
            encryption: encryptionFor(cloud, given.encryption as Json | undefined, source, place),
            ...(kind === "disks" && performance(size, String(sku.name))),
            ...(kind === "snapshots" && { incremental: given.incremental ?? false }),
            ...(given.incremental === true && { incrementalSnapshotFamilyId: randomUUID() }),
            networkAccessPolicy: given.networkAccessPolicy ?? "AllowAll",
            publicNetworkAccess: given.publicNetworkAccess ?? "Enabled",
            timeCreated: timestamp(cloud.now()),
            uniqueId: randomUUID(),
            provisioningState: "Updating",
        },
    };
}

function sourceOf(call: Call, kind: Kind): Stored | undefined {
    const creation = creationData(call.body);
    if (creation.createOption === undefined) {
        throw missingParameter("creationData.createOption");
    }
    if (creation.createOption !== "Copy" && creation.createOption !== "CopyStart") {
        return undefined;
    }
    const id = creation.sourceResourceId as string | undefined;
    if (id === undefined) {
        throw missingParameter("creationData.sourceResourceId");
    }
    const match = SOURCE_ID.exec(id);
    if (!match) {
        throw new ArmError(400, "InvalidParameter", `The value of parameter sourceResourceId is invalid.`, {
            target: "sourceResourceId",
        });
    }
    const type = match[2].toLowerCase() as Kind;
    const source = kept(call.cloud, type).get(id);
    if (!source) {
        throw new ArmError(404, "ResourceNotFound", `${type === "disks" ? "Disk" : "Snapshot"} ${id} is not found.`);
    }
    if (creation.createOption === "Copy" && source.wire.location !== normalLocation(String(call.body.location))) {
        throw new ArmError(
            400,
            "BadRequest",
            `The ${kind.slice(0, -1)} to be created and its source '${id}' must be in the same location.`,
        );
    }
    return source;
}

function skuOf(body: Json, existing: Stored | undefined, kind: Kind): Json {
    const name = ((body.sku as Json | undefined)?.name ??
        (existing?.wire.sku as Json | undefined)?.name ??
        "Standard_LRS") as string;
    const place = ((body.location ?? existing?.wire.location) as string | undefined) ?? "";
    if (/_ZRS$/i.test(name) && !region(place)?.zones) {
        const what = kind === "disks" ? "Disks" : "Snapshots";
        throw new ArmError(400, "BadRequest", `${what} with sku '${name}' are not available in this region.`);
    }
    return { name, tier: name.split("_")[0].replace("StandardSSD", "Standard") };
}

function creationData(body: Json | undefined): Json {
    return (((body?.properties ?? {}) as Json).creationData ?? {}) as Json;
}

function remove(call: Call, kind: Kind): Answer {
    const { cloud } = call;
    const id = idOf(call, kind, NAMES[kind]);
    const stored = kept(cloud, kind).get(id);
    if (!stored) {
        return { status: 204 };
    }
    const owner = ownerOf(cloud, id);
    if (owner) {
        const message = `Disk ${stored.wire.name} is attached to VM ${owner.id}.`;
        throw new ArmError(409, "OperationNotAllowed", message);
    }
    return acceptDelete(call, stored, { kind: "DiskOperations", milliseconds: cloud.durations.disk }, () => {
        kept(cloud, kind).delete(id);
        cloud.folders.remove(stored.folder);
    });
}

function routesOf(kind: Kind): Route[] {
    const path = `${COMPUTE}/${kind}/:${NAMES[kind]}`;
    const action = (verb: string) => `Microsoft.Compute/${kind}/${verb}`;
    const list = (call: Call, all: Stored[], rename: (id: string) => string): Answer => {
        const owners = diskOwners(call.cloud);
        return paged(call, all, (one) => ({
            ...shown(call.cloud, one, owners.get(one.id.toLowerCase())),
            id: rename(one.id),
        }));
    };
    return [
        { method: "GET", path, action: action("read"), type: "disks", handle: (call) => get(call, kind) },
        {
            method: "PUT",
            path,
            action: action("write"),
            type: "disks",
            body: diskSchemas[kind],
            linked,
            handle: (call) => put(call, kind),
        },
        {
            method: "PATCH",
            path,
            action: action("write"),
            type: "disks",
            body: diskSchemas[kind],
            handle: (call) => patch(call, kind),
        },
        { method: "DELETE", path, action: action("delete"), type: "disks", handle: (call) => remove(call, kind) },
        {
            method: "GET",
            path: `${COMPUTE}/${kind}`,
            action: action("read"),
            type: "disks",
            handle: (call) => list(call, listed(call, kept(call.cloud, kind)), (id) => id),
        },
        {
            method: "GET",
            path: `/subscriptions/:subscriptionId/providers/Microsoft.Compute/${kind}`,
            action: action("read"),
            type: "disks",
            handle: (call) => list(call, listed(call, kept(call.cloud, kind)), capitalGroup),
        },
    ];
}

function patch(call: Call, kind: Kind): Answer {
    const stored = find(call, kept(call.cloud, kind), idOf(call, kind, NAMES[kind]));
    checkNetworkAccess(call.body);
    // Tags given replace the tags: that is how a tag is taken away.
    if (call.body.tags) {
        stored.wire.tags = call.body.tags as Record<string, string>;
    }
    stored.wire.properties = merge(stored.wire.properties, (call.body.properties ?? {}) as Json);
    stored.wire.properties.provisioningState = "Updating";
    return accepted(call, kind, stored);
}

/** Routes of disks and of snapshots. */
export const routes: Route[] = [...routesOf("disks"), ...routesOf("snapshots")];
