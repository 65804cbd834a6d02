// What the service finds out only while it makes an image version: the operation fails and a version in state Failed
// stays.
import type { Cloud } from "../cloud";
import type { Stored } from "../wire";
import { ArmError, changeNotAllowed, invalidParameter } from "../http/errors";
import { normalLocation, region } from "../regions";
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

/** Each region's disk encryption set is there, in that region and in the version's subscription. */
export function checkRegionKeys(cloud: Cloud, regions: TargetRegion[], versionId: string): void {
    for (const { name, encryption } of regions) {
        checkEncryptionSet(cloud, encryption?.osDiskImage?.diskEncryptionSetId, name, versionId);
    }
}

/** A region of an image version, as far as rules look at it. */
export interface TargetRegion {
    name: string;
    storageAccountType?: string;
    encryption?: { osDiskImage?: { diskEncryptionSetId?: string } };
}

/** The publishing profile of an image version, as far as rules look at it. */
export interface PublishingProfile {
    storageAccountType?: string;
    targetRegions?: TargetRegion[];
}

const PROFILE = "galleryImageVersion.properties.publishingProfile";

/**
 * A version keeps the storage type that it was made with, in all and in each of its regions: the API's description says
 * of storageAccountType "This property is not updatable" (text of the first error: azure-powershell#9911; its code is
 * an inference). That a region does not get other keys is an inference: no description says that it can, and what a
 * customer's key encrypts does not go back to the platform's
 * (https://learn.microsoft.com/azure/virtual-machines/image-version-encryption, limitations). A request that leaves the
 * keys out is taken (azure-cli#31937).
 *
 * @param before the version's own profile
 * @param given what a request says, before anything is filled in
 */
export function checkFixedStorage(before: PublishingProfile, given: PublishingProfile): void {
    const type = given.storageAccountType;
    for (const wanted of given.targetRegions ?? before.targetRegions ?? []) {
        const region = regionIn(before, wanted.name);
        if (!region) {
            continue;
        }
        const own = given.targetRegions ? wanted.storageAccountType : undefined;
        if (own === undefined && type !== undefined && type !== region.storageAccountType) {
            const message =
                `Global storage account type does not match the storage account type in the existing TargetRegion: '${region.name}'. ` +
                `Please specify '${region.storageAccountType}' as the storage account type for this region.`;
            throw invalidParameter(`${PROFILE}.storageAccountType`, message);
        }
        if (own !== undefined && own !== region.storageAccountType) {
            throw changeNotAllowed(`${PROFILE}.targetRegions.storageAccountType`);
        }
        if (keysOf(wanted) !== undefined && keysOf(wanted) !== keysOf(region)) {
            throw changeNotAllowed(`${PROFILE}.targetRegions.encryption`);
        }
    }
    if (type !== undefined && type !== before.storageAccountType) {
        throw changeNotAllowed(`${PROFILE}.storageAccountType`);
    }
}

/**
 * A version leaves a region only where its safety profile allows that, as it is or as the same request makes it; left
 * out it does not (text reported in terraform-provider-azurerm#21999; AKS's AgentBaker#9477 allows it in the request
 * that leaves a region out). The code, and that a region which failed is no different, are inferences.
 */
export function checkFewerRegions(before: Json, after: Json): void {
    const profileOf = ({ publishingProfile }: Json) => publishingProfile as PublishingProfile;
    const allowed = [after, before]
        .map(({ safetyProfile }) => (safetyProfile as Json | undefined)?.allowDeletionOfReplicatedLocations)
        .find((one) => one !== undefined);
    const left = profileOf(before).targetRegions?.find(({ name }) => !regionIn(profileOf(after), name));
    if (allowed === true || !left) {
        return;
    }
    const message =
        "Complete set of target locations not specified while updating the gallery image version. " +
        "Deletion of previously replicated locations is not allowed.";
    throw invalidParameter(`${PROFILE}.targetRegions`, message);
}

/** The region of that name that a version is in already. */
export function regionIn({ targetRegions }: PublishingProfile, name: string): TargetRegion | undefined {
    return targetRegions?.find((region) => normalLocation(region.name) === normalLocation(name));
}

function keysOf({ encryption }: TargetRegion): string | undefined {
    return encryption?.osDiskImage?.diskEncryptionSetId?.toLowerCase();
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
