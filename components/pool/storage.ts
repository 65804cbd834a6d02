// How Azure keeps a pool's images: in which regions, on which storage, encrypted with which keys.
import { parseArmId, type GalleryId } from "../azure/ids";
import { regionHasZones, regionName } from "../azure/regions";
import type { OsDisk } from "../azure/osDisks";
import type { ImageSettings } from "../config/load";
import { UserError } from "../core/errors";
import { describePool } from "../core/machinesId";
import type { PoolModel } from "./model";
import type { ImageStorage } from "./pool";

/**
 * How the versions of a pool's images are kept.
 *
 * @throws UserError when the disks' own keys cannot encrypt the images in each of the regions
 */
export async function imageStorage(
    live: PoolModel,
    disk: OsDisk | undefined,
    settings: ImageSettings,
    { configKey, subscriptionId, gallery }: { configKey: string; subscriptionId: string; gallery: GalleryId },
): Promise<ImageStorage> {
    const targetRegions = regionsOf(settings.targetRegions, live.location);
    const managedDisk = live.virtualMachineProfile?.storageProfile?.osDisk?.managedDisk;
    const diskEncryptionSetId = disk?.diskEncryptionSetId ?? managedDisk?.diskEncryptionSet?.id;
    const problem = diskEncryptionSetId && encryptionProblem(live, diskEncryptionSetId, targetRegions, gallery);
    if (problem) {
        throw new UserError(`${configKey}: ${describePool(live.id)} is refused: ${problem}`);
    }
    const configured = settings.storageAccountType;
    const isZoned = configured === undefined && (await haveZones(subscriptionId, targetRegions));
    return {
        targetRegions,
        // ZRS survives the loss of a zone, and is refused in regions that have none.
        storageAccountType: configured ?? (isZoned ? "Standard_ZRS" : "Standard_LRS"),
        isZoned,
        ...(diskEncryptionSetId && { diskEncryptionSetId }),
    };
}

/**
 * Why images of disks that are encrypted with the customer's keys cannot be kept. A disk encryption set is of one
 * region, and for another one there is none that the disks tell of; it is of the image version's subscription; with
 * trusted launch Azure does not take such sources.
 * Sources: https://learn.microsoft.com/azure/virtual-machines/image-version-encryption,
 * hashicorp/packer-plugin-azure#418.
 */
function encryptionProblem(
    live: PoolModel,
    diskEncryptionSetId: string,
    regions: string[],
    gallery: GalleryId,
): string | undefined {
    const { subscriptionId } = parseArmId(diskEncryptionSetId);
    if (subscriptionId.toLowerCase() !== gallery.subscriptionId.toLowerCase()) {
        return (
            `its OS disks are encrypted by a disk encryption set of subscription ${subscriptionId}, which Azure takes for no image of ` +
            `another one, and gallery "${gallery.name}" is in ${gallery.subscriptionId}; use a gallery of the set's subscription (kamino:gallery)`
        );
    }
    if (regions.length > 1) {
        return (
            `its OS disks are encrypted by a disk encryption set, which is of region ${regions[0]} alone; take ` +
            `${regions.slice(1).join(", ")} out of targetRegions`
        );
    }
    return live.virtualMachineProfile?.securityProfile?.securityType === "TrustedLaunch"
        ? "its OS disks are encrypted by a disk encryption set, and Azure makes no image of such a disk of a trusted launch VM"
        : undefined;
}

/** The pool's own region comes first: Azure wants the region of the source among the targets. */
function regionsOf(configured: string[] | undefined, location: string): string[] {
    const own = regionName(location);
    const others = (configured ?? []).map(regionName).filter((region) => region !== own);
    return [own, ...new Set(others)];
}

async function haveZones(subscriptionId: string, regions: string[]): Promise<boolean> {
    const zoned = await Promise.all(regions.map((region) => regionHasZones(subscriptionId, region)));
    return zoned.every(Boolean);
}
