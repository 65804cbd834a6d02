// What a disk's size and zones may be, and what follows from its size.
import { ArmError } from "../http/errors";
import type { Call } from "../http/route";
import { normalLocation, region } from "../regions";
import type { Json } from "../scaleSetRecord";
import type { Stored } from "../wire";

/** A copy is at least as large as its source. */
export function checkSize(size: number, source: Stored | undefined): void {
    const least = Number(source?.wire.properties.diskSizeGB ?? 0);
    if (size >= least) {
        return;
    }
    const message = `The requested size ${size} GB is smaller than the ${least} GB of the source '${source?.id}'.`;
    throw new ArmError(400, "InvalidParameter", message, { target: "diskSizeGB" });
}

/**
 * A copy has the security type of its source, and none may be said (text reported of a disk in azure-cli#22561 and
 * azure-powershell#24253; inherited: terraform-provider-azurerm#16679, azure-sdk-for-python#30479). That a snapshot is
 * refused alike is an inference.
 */
export function checkSecurityType(body: Json): void {
    const { securityProfile, creationData } = (body.properties ?? {}) as {
        securityProfile?: { securityType?: string };
        creationData?: { createOption?: string };
    };
    const type = securityProfile?.securityType;
    const option = creationData?.createOption;
    if (type === undefined || (option !== "Copy" && option !== "CopyStart")) {
        return;
    }
    const message = `Security Type '${type}' is not supported for CreateOption '${option}'. Supported create options are FromImage, Import, ImportSecure, UploadPreparedSecure.`;
    throw new ArmError(400, "BadRequest", message);
}

/** What a disk or snapshot was made of stays (text reported in azure-cli-extensions#1920; its code is an inference). */
export function checkCreationData(existing: Stored, given: Json, kind: "disks" | "snapshots"): void {
    const before = existing.wire.properties.creationData as Json;
    const text = (value: unknown) => JSON.stringify(value)?.toLowerCase();
    const changed = Object.keys(given).find((name) => text(given[name]) !== text(before[name]));
    if (changed === undefined) {
        return;
    }
    const what = `${kind.slice(0, -1)} ${existing.wire.name}`;
    const message = `Changing property 'creationData.${changed}' is not allowed for existing ${what}.`;
    throw new ArmError(409, "PropertyChangeNotAllowed", message, { target: `creationData.${changed}` });
}

/**
 * Only what is open to private endpoints alone names them, by a disk access resource, and it must.
 * Source: https://learn.microsoft.com/azure/virtual-machines/disks-enable-private-links-for-import-export-portal; the
 * words are made up.
 */
export function checkNetworkAccess(body: Json): void {
    const { networkAccessPolicy, diskAccessId } = (body.properties ?? {}) as Record<string, unknown>;
    if ((networkAccessPolicy === "AllowPrivate") === (diskAccessId !== undefined)) {
        return;
    }
    const message =
        diskAccessId === undefined
            ? "diskAccessId is required when networkAccessPolicy is AllowPrivate."
            : "diskAccessId may be set only when networkAccessPolicy is AllowPrivate.";
    throw new ArmError(400, "InvalidParameter", message, { target: "diskAccessId" });
}

/** A disk is in one zone of a region that has zones; a zone-redundant one is in none. */
export function checkDiskZones({ body, ...call }: Call, sku: Json): void {
    const zones = (body.zones ?? []) as string[];
    if (zones.length === 0) {
        return;
    }
    const place = region(String(body.location));
    if (!place?.zones) {
        const message = `The zone(s) '${zones.join(",")}' for resource '${call.path}' is not supported. The region ${normalLocation(String(body.location))} does not support availability zones.`;
        throw new ArmError(400, "AvailabilityZoneNotSupported", message);
    }
    const known = zones.length === 1 && ["1", "2", "3"].includes(zones[0]);
    if (known && !/_ZRS$/i.test(String(sku.name))) {
        return;
    }
    const message = `The zones [${zones.join(", ")}] of a disk with sku '${String(sku.name)}' are not supported.`;
    throw new ArmError(400, "InvalidParameter", message, { target: "zones" });
}

/** Figures of a finished disk, by its size (https://learn.microsoft.com/azure/virtual-machines/disks-types). */
export function performance(size: number, sku: string): Json {
    const tiers: [gigabytes: number, tier: string, iops: number, megabytes: number][] = [
        [4, "1", 120, 25],
        [8, "2", 120, 25],
        [16, "3", 120, 25],
        [32, "4", 120, 25],
        [64, "6", 240, 50],
        [128, "10", 500, 100],
        [256, "15", 1100, 125],
        [512, "20", 2300, 150],
        [Infinity, "30", 5000, 200],
    ];
    const [, tier, diskIOPSReadWrite, diskMBpsReadWrite] = tiers.find(([gigabytes]) => size <= gigabytes) ?? tiers[0];
    const premium = /^Premium_/i.test(sku);
    return premium
        ? { diskIOPSReadWrite, diskMBpsReadWrite, tier: `P${tier}` }
        : { diskIOPSReadWrite: 500, diskMBpsReadWrite: 60 };
}
