// The versions of a pool's image definition, as Azure has them: reading them, and deleting one that an interrupted run
// has left.
import type { GalleryArtifactPublishingProfileBase, GalleryImageVersion } from "@azure/arm-compute";
import { collect, computeClient, readOrUndefined } from "./client";
import { parseArmId } from "./ids";
import { regionName } from "./regions";
import { UserError, asUserError, orUndefined } from "../core/errors";
import { rest } from "../core/retry";

/** An image version as the gallery has it. */
export interface GalleryVersion {
    version: string;
    /** Azure's provisioning state: Succeeded, Failed, Creating, Updating, Deleting, … */
    state: string;
    /** Which attempt at this version it is, by its tag. */
    attempt: number;
    /** The node that it was made from, by its tag. */
    node?: string;
    /** When Azure began to make it. */
    publishedAt?: Date;
    /** How Azure keeps it. */
    published?: Published;
}

/** How Azure keeps a version. */
export interface Published {
    storageAccountType?: string;
    /** By ARM's names, as in `westeurope`. */
    regions: string[];
    /** Whether a key of the customer's encrypts it. */
    hasKeys: boolean;
}

/**
 * The versions of an image definition; none while the definition does not exist. One request for a page of them.
 *
 * @throws UserError in one line when Azure is away or refuses
 */
export async function readImages(imageDefinitionId: string): Promise<GalleryVersion[]> {
    const found = await listVersions(imageDefinitionId);
    return found.map(({ name = "", provisioningState = "Succeeded", publishingProfile, tags }) => ({
        version: name,
        state: provisioningState,
        attempt: Number(tags?.attempt ?? 1) || 1,
        node: tags?.node,
        publishedAt: publishingProfile?.publishedDate,
        published: publishedOf(publishingProfile),
    }));
}

/** ARM ids, in lower case, of what the versions of an image definition were made from. */
export async function sourcesOf(imageDefinitionId: string): Promise<string[]> {
    const found = await listVersions(imageDefinitionId);
    return found.flatMap(({ storageProfile }) => storageProfile?.osDiskImage?.source?.id?.toLowerCase() ?? []);
}

async function listVersions(imageDefinitionId: string): Promise<GalleryImageVersion[]> {
    const { subscriptionId, resourceGroup, names } = parseArmId(imageDefinitionId);
    const found = await readOrUndefined(`the images of ${imageDefinitionId}`, async () => {
        const { galleryImageVersions } = await computeClient(subscriptionId);
        return collect(galleryImageVersions.listByGalleryImage(resourceGroup, names[0], names[1]));
    });
    return found ?? [];
}

function publishedOf({ storageAccountType, targetRegions = [] }: GalleryArtifactPublishingProfileBase = {}): Published {
    return {
        storageAccountType,
        regions: targetRegions.map(({ name }) => regionName(name)),
        hasKeys: targetRegions.some(({ encryption }) => encryption?.osDiskImage?.diskEncryptionSetId !== undefined),
    };
}

/** What an image version was made of. */
export interface MadeOf {
    node: string;
    /** When kured saw that node's need for its reboot, RFC 3339, UTC. */
    rebootNeededAt: string;
    version: string;
}

/** What is asked right before a version is deleted. */
export interface BeforeDeletion {
    /** Whether a model points at it by now, though none did at the start of this run. */
    isInUse: () => Promise<boolean>;
    /** Whether what it was made of is still there. */
    canBeMadeAnew: () => Promise<boolean>;
}

/**
 * Deletes the image version that is about to be created, if it is there already and is of this very choice (by its
 * tags). What else has that name stays, and the provider says that it exists. Called right before the creation, so
 * never for a version that is in the stack's state.
 *
 * @param id ARM id of the image version
 * @throws UserError in one line while Azure is still at work on it, when it is in use, when it could not be made anew,
 *     or when it cannot be deleted
 */
export async function deleteUnfinishedVersion(
    id: string,
    { node, rebootNeededAt, version }: MadeOf,
    before: BeforeDeletion,
): Promise<void> {
    const { subscriptionId, resourceGroup, names } = parseArmId(id);
    const path = [resourceGroup, names[0], names[1], names[2]] as const;
    const { galleryImageVersions } = await computeClient(subscriptionId);
    const what = `image version ${version}, left by a run that was interrupted,`;
    try {
        const found = await orUndefined(galleryImageVersions.get(...path));
        const { node: madeOf, rebootNeededAt: moment, patched } = found?.tags ?? {};
        // Earlier versions gave the moment as `patched`.
        if (!found || madeOf !== node || (moment ?? patched) !== rebootNeededAt) {
            return;
        }
        if (found.provisioningState === "Creating" || found.provisioningState === "Deleting") {
            const doing = found.provisioningState === "Creating" ? "made" : "deleted";
            throw new UserError(`${what} is still being ${doing} by Azure; run again when that has ended`);
        }
        await refuseOfOthers(version, before);
        // A run that is alive points its model at the version within seconds, and deletes what that was made of.
        await rest(LIVE_RUN_MS);
        await refuseOfOthers(version, before);
        await orUndefined(galleryImageVersions.delete(...path).pollUntilDone());
    } catch (error) {
        throw asUserError(error, (reason) => `${what} cannot be removed: ${reason}`);
    }
}

/** How long a version that nothing speaks for is watched before it counts as left by a run that died. */
const LIVE_RUN_MS = 20_000;

/** @throws UserError in one line where the version is another run's, or could not be made anew */
async function refuseOfOthers(version: string, { isInUse, canBeMadeAnew }: BeforeDeletion): Promise<void> {
    const what = `image version ${version} was made by another run`;
    if (await isInUse()) {
        throw new UserError(
            `${what} meanwhile, and the pool starts machines from it: it is left alone. Keep one state (backend) for a stack; ` +
                "this one goes on with the next node that is rebooted",
        );
    }
    if (!(await canBeMadeAnew())) {
        throw new UserError(
            `${what}, and what it was made of is gone: delete it from its gallery if no model points at it, and run again`,
        );
    }
}
