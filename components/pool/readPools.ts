// What is known of a pool before anything is declared: read from Azure, checked, refused in one line where it must be.
import * as azure from "../azure/client";
import type { PoolSettings } from "../config/load";
import { UserError } from "../core/errors";
import { galleryId, imageDefinitionId, versionIn, type ScaleSetId } from "../azure/ids";
import { MANAGED_BY, imageTraits, mismatch } from "./gallery";
import type { LiveModel } from "./model";
import type { GallerySettings, Pool } from "./pool";
import { readScaleSet, refusal } from "./refusals";

/**
 * Reads every pool of the configuration and checks whether it may be changed.
 *
 * @param stack identifies this stack, as in `organization/kamino/prod`
 * @throws UserError with one line for each pool that is refused
 */
export async function readPools(settings: PoolSettings[], stack: string): Promise<Pool[]> {
    const subscriptionId = await azure.subscriptionId();
    const results = await Promise.allSettled(
        settings.map((pool, index) => readPool(pool, `kamino:pools[${index}].scaleSet`, subscriptionId, stack)),
    );
    const failures = results.flatMap((result) => (result.status === "rejected" ? [result.reason as Error] : []));
    if (failures.length > 0) {
        const unexpected = failures.find((failure) => !(failure instanceof UserError));
        // The same reason for many pools (an unreachable Azure, say) is said once.
        throw unexpected ?? new UserError([...new Set(failures.map(({ message }) => message))].join("\n"));
    }
    return results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
}

async function readPool(settings: PoolSettings, configKey: string, subscription: string, stack: string): Promise<Pool> {
    const scaleSet = {
        subscriptionId: settings.scaleSet.subscriptionId ?? subscription,
        resourceGroup: settings.scaleSet.resourceGroup,
        name: settings.scaleSet.name,
    };
    const live = await readScaleSet(scaleSet, configKey);
    const reason = refusal(live, configKey);
    if (reason) {
        throw new UserError(reason);
    }
    const location = live.location;
    const gallery = await findGallery(settings, scaleSet, location, stack);
    const definition = await findDefinition(settings, live, gallery, configKey, stack);
    const targetRegions = regionsOf(settings, location);
    return {
        ...{ settings, configKey, scaleSet, live, location, gallery, definition, targetRegions, stack },
        liveVersion: versionIn(
            live.virtualMachineProfile?.storageProfile?.imageReference?.id,
            imageDefinitionId({ gallery, definition }),
        ),
        storageAccountType:
            settings.image.storageAccountType ?? (await defaultStorage(scaleSet.subscriptionId, targetRegions)),
    };
}

/** Where the pool's images go: a gallery given by id is used as it is, one given by name is this stack's to make. */
async function findGallery(
    settings: PoolSettings,
    scaleSet: ScaleSetId,
    location: string,
    stack: string,
): Promise<GallerySettings> {
    const parts =
        /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\/providers\/Microsoft\.Compute\/galleries\/([^/]+)$/i.exec(
            settings.image.gallery,
        );
    if (parts) {
        const [, subscriptionId, resourceGroup, name] = parts;
        const given = { subscriptionId, resourceGroup, name, location, declared: false };
        if (!(await azure.gallery(galleryId(given)))) {
            throw new UserError(
                `kamino:gallery: there is no gallery ${settings.image.gallery}; check the id, or give a name to have one made`,
            );
        }
        return given;
    }
    const { subscriptionId } = scaleSet;
    const own = {
        subscriptionId,
        resourceGroup: settings.scaleSet.resourceGroup,
        name: settings.image.gallery,
        location,
        declared: true,
    };
    const found = await azure.gallery(galleryId(own));
    if (found && found.tags?.[MANAGED_BY] !== stack) {
        throw new UserError(
            `kamino:gallery: gallery "${own.name}" is in resource group "${own.resourceGroup}" already and not made by this stack; ` +
                `to use it give its id (${galleryId(own)}), else choose another name`,
        );
    }
    // A gallery never moves: once it is there its own location stands, whatever pool comes first in the configuration.
    return { ...own, location: found?.location ?? location };
}

/** The pool's image definition: declared by this stack unless another one, which must match the VMs, is there. */
async function findDefinition(
    settings: PoolSettings,
    live: LiveModel,
    gallery: GallerySettings,
    configKey: string,
    stack: string,
) {
    const sameGroup = gallery.resourceGroup.toLowerCase() === settings.scaleSet.resourceGroup.toLowerCase();
    // In a gallery shared by several clusters the resource group keeps pools of the same name apart.
    const name = sameGroup
        ? live.name
        : `${settings.scaleSet.resourceGroup}-${live.name}`.replace(/[^\w.-]/g, "-").slice(0, 80);
    const id = `${galleryId(gallery)}/images/${name}`;
    const [existing, disk] = await Promise.all([azure.galleryImage(id), azure.osDiskOfPool(live.id)]);
    const profile = live.virtualMachineProfile;
    const traits = disk ? imageTraits(disk, profile?.securityProfile?.securityType, live.plan) : existing;
    if (!traits) {
        throw new UserError(
            `${configKey}: scale set "${live.name}" has no node yet, so what its images must match is not known; ` +
                `scale it to at least one node, or take it out of kamino:pools`,
        );
    }
    const difference = existing && mismatch(existing, traits);
    if (difference) {
        throw new UserError(
            `kamino:gallery: image definition ${id} does not match scale set "${live.name}": ${difference}; use another gallery`,
        );
    }
    return { name, traits, declared: !existing || existing.tags?.[MANAGED_BY] === stack };
}

/** The pool's own region comes first: Azure wants the region of the source among the targets. */
function regionsOf(settings: PoolSettings, location: string): string[] {
    const normal = (region: string) => region.toLowerCase().replace(/ /g, "");
    const others = (settings.image.targetRegions ?? []).map(normal).filter((region) => region !== normal(location));
    return [normal(location), ...new Set(others)];
}

/** ZRS survives the loss of a zone, and is refused in regions that have none. */
async function defaultStorage(subscriptionId: string, regions: string[]): Promise<string> {
    const zoned = await Promise.all(regions.map((region) => azure.regionHasZones(subscriptionId, region)));
    return zoned.every(Boolean) ? "Standard_ZRS" : "Standard_LRS";
}
