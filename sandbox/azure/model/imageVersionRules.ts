// What the service finds out only while it makes an image version: the operation fails and a version in state Failed
// stays.
import type { Cloud } from "../cloud";
import type { Stored } from "../wire";
import { ArmError } from "../http/errors";
import { region } from "../regions";
import { checkEncryptionSet, encryptionSetOf } from "./encryption";
import { featureOf } from "./imageFit";
import type { Json } from "../scaleSetRecord";

/** The source against the definition (text of the first: azure-docs#118774; the others follow it). */
export function checkMatch(from: Stored, parent: Stored): void {
    const is = from.wire.properties;
    const wants = parent.wire.properties;
    const pairs: [string, unknown, unknown][] = [
        ["Hypervisor generation", is.hyperVGeneration ?? "V1", wants.hyperVGeneration ?? "V1"],
        ["Operating system type", is.osType ?? wants.osType, wants.osType],
        [
            "CPU architecture",
            (is.supportedCapabilities as Json | undefined)?.architecture ?? "x64",
            wants.architecture ?? "x64",
        ],
        ["purchase plan", planText(is.purchasePlan), planText(wants.purchasePlan)],
    ];
    const different = from.wire.type.endsWith("/versions") ? undefined : pairs.find(([, have, want]) => have !== want);
    if (different) {
        const [what, have, want] = different;
        const message = `The resource with id '${from.id}' has a different ${what} ['${String(have)}'] than the parent gallery image ${what} ['${String(want)}'].`;
        throw new ArmError(409, "Conflict", message);
    }
    const security = (is.securityProfile as { securityType?: string } | undefined)?.securityType;
    const feature = featureOf(wants, "SecurityType");
    if (feature === "TrustedLaunch" && security !== "TrustedLaunch" && !from.wire.type.endsWith("/versions")) {
        const message = `The resource with id '${from.id}' has the security type ['${security ?? "Standard"}'], but the parent gallery image takes security type ['TrustedLaunch'] only.`;
        throw new ArmError(409, "Conflict", message);
    }
    if (security === "TrustedLaunch" && !feature?.startsWith("TrustedLaunch")) {
        const message = `The resource with id '${from.id}' has the security type ['TrustedLaunch'], which the parent gallery image security type ['${feature ?? "Standard"}'] does not support.`;
        throw new ArmError(409, "Conflict", message);
    }
}

/**
 * Keys of the customer's own: each region's copy names the disk encryption set that it is encrypted with
 * (text reported in azure-rest-api-specs#29280).
 */
export function checkKeys(from: Stored, stored: Stored): void {
    const set = encryptionSetOf(from);
    if (set === undefined) {
        return;
    }
    const { targetRegions } = stored.wire.properties.publishingProfile as { targetRegions: TargetRegion[] };
    if (targetRegions.every((one) => one.encryption?.osDiskImage?.diskEncryptionSetId)) {
        return;
    }
    const message = `Data model DiskEncryptionSetId '' does not match DiskRP returned DiskEncryptionSetId '${set}'.`;
    throw new ArmError(409, "InternalOperationError", message);
}

/** Each region's disk encryption set is there, in that region. */
export function checkRegionKeys(cloud: Cloud, regions: TargetRegion[]): void {
    for (const { name, encryption } of regions) {
        checkEncryptionSet(cloud, encryption?.osDiskImage?.diskEncryptionSetId, name);
    }
}

interface TargetRegion {
    name: string;
    encryption?: { osDiskImage?: { diskEncryptionSetId?: string } };
}

function planText(plan: unknown): string {
    const { publisher = "", product = "", name = "" } = (plan ?? {}) as Record<string, string>;
    return [publisher, product, name].join("/");
}

/** Zone-redundant storage only where there are zones. */
export function checkZones(stored: Stored): void {
    const regions = (
        stored.wire.properties.publishingProfile as { targetRegions: { name: string; storageAccountType: string }[] }
    ).targetRegions;
    const bad = regions.find((one) => one.storageAccountType === "Standard_ZRS" && !region(one.name)?.zones);
    if (bad) {
        throw new ArmError(
            400,
            "InternalOperationError",
            `Replication failed in this region due to 'ZRS is not supported in the region ${bad.name}.'.`,
        );
    }
}
