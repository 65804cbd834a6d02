// The image versions that a pool keeps: which of them are declared, and what is asked before a new one is.
import * as pulumi from "@pulumi/pulumi";
import { IMAGE_VERSION, type Bootstrap, type PreviousPool } from "../../policies/contract";
import { imageDefinitionId } from "../azure/ids";
import type { GalleryVersion } from "../azure/imageVersions";
import { includesVersion, sameVersion } from "../core/version";
import type { StackState } from "../engine/stackState";
import type { KubernetesSettings } from "../node/kubernetes";
import type { Choice } from "../selection/nodeSelection";
import { acceptedImage } from "./desiredModel";
import { declareImageVersion, imageResourceName, type KeptImage } from "./imageVersion";
import { dependsOnGallery, keptAs } from "./keptAs";
import type { Pool } from "./pool";
import type { Review } from "./review";

/** What decides which versions are declared, and how. */
export interface KeepImagesArgs {
    /**
     * The pool as it was read (its settings, its live model, where its images go), and what others have changed of it.
     */
    review: Review;
    /**
     * What the stack's last successful update said of the pool: whether it has taken the scale set into the stack, say.
     */
    previous: PreviousPool;
    /** What the stack's state has; undefined where that cannot be read. */
    state?: StackState;
    /**
     * Asks whether Azure Policy lets the choice's image be made; throws a UserError where it does not.
     * Returns why that cannot be known, where it cannot.
     */
    checkPolicies: (pool: Pool, choice: Choice) => Promise<string | undefined>;
    /** Asks whether machines can be made from an image of the choice's OS disk; throws a UserError where not. */
    checkDonorDisk: (pool: Pool, choice: Choice) => Promise<void>;
    /** Reads the versions of an image definition from Azure. */
    readImages: (imageDefinitionId: string) => Promise<GalleryVersion[]>;
    /** How to reach the cluster's API server; the usual places where left out. */
    kubernetes: KubernetesSettings;
}

/** What was selected. */
export interface Selected {
    choices: Choice[];
    /** The version that the model is to point at; empty when there is none yet. */
    current: string;
    bootstrap: Bootstrap;
}

/**
 * Declares versions oldest first, each depending on the ones before it, so the state has unprotected an old version
 * before a new image exists. Nothing of an image is declared that Azure Policy would not let be made, or that no
 * machine could be made from.
 *
 * @param name the prototype's
 * @throws UserError in one line
 */
export async function keepImages(
    name: string,
    args: KeepImagesArgs,
    { choices, current, bootstrap }: Selected,
    { parent, dependsOn }: { parent: pulumi.Resource; dependsOn: pulumi.Resource[] },
): Promise<KeptImage[]> {
    const { previous, kubernetes } = args;
    const { pool } = args.review;
    const kept: KeptImage[] = [];
    const made = previous.versions ?? [];
    const isAsked = dependsOnGallery(pool.storage, choices, previous);
    const gallery = isAsked ? await args.readImages(imageDefinitionId(pool)) : [];
    const inUse = versionInUse(args, current);
    for (const choice of declarable(name, args, choices)) {
        const exists = existsAlready(args, choice.version);
        if (!exists) {
            await args.checkDonorDisk(pool, choice);
            await checkPolicies(args, choice, parent);
        }
        const how = {
            ...{ bootstrap, kubernetes, kept: choices.map(({ version }) => version) },
            ...{ keptAs: keptAs(choice, pool.storage, gallery, made) },
            protect: exists && sameVersion(choice.version, inUse),
            isFinished: choice.attempt === 1 && includesVersion(made, choice.version),
        };
        const opts = { parent, dependsOn: [...dependsOn, ...kept.map(({ image }) => image)] };
        kept.push(declareImageVersion(name, pool, choice, how, opts));
    }
    return kept;
}

/**
 * The choices whose versions are declared. One that the gallery has lost is declared as long as the stack's state has
 * it, since it may be protected there; it cannot be made again, since what it was made of has gone. Where the state
 * cannot be read, the last update says what it has.
 */
export function declarable(
    name: string,
    { state, previous }: Pick<KeepImagesArgs, "state" | "previous">,
    choices: Choice[],
): Choice[] {
    const isInState = ({ version }: Choice) =>
        state
            ? state.find(IMAGE_VERSION, imageResourceName(name, version)) !== undefined
            : includesVersion(previous.versions ?? [], version);
    return choices.filter((choice) => !choice.missing || isInState(choice));
}

/** The version that new machines are to start from after this run: an older one where the model is left at it. */
function versionInUse({ review, previous }: KeepImagesArgs, current: string): string {
    const { pool } = review;
    const isAdopted = previous.adopted === true || pool.machinePool !== undefined || pool.machines !== undefined;
    const isLeft = !isAdopted || acceptedImage(review, previous, current) !== undefined;
    return (isLeft ? pool.liveVersion : undefined) ?? current;
}

async function checkPolicies(args: KeepImagesArgs, choice: Choice, resource: pulumi.Resource): Promise<void> {
    const { pool } = args.review;
    const unknown = await args.checkPolicies(pool, choice);
    if (unknown) {
        const what = `whether Azure Policy lets image ${choice.version} be made and used shows only then`;
        await pulumi.log.warn(`${pool.settings.name}: ${what}: ${unknown}`, resource);
    }
}

/**
 * Whether an earlier run made a version, or the model points at it. Only then is it protected and retained, as long as
 * it is in use: Pulumi refuses to delete a resource that is protected in the state, and leaves in Azure what is
 * retained there. Sooner, both would stand in the way of deleting a version that Azure failed to make.
 */
function existsAlready({ review, previous }: KeepImagesArgs, version: string): boolean {
    return sameVersion(version, review.pool.liveVersion ?? "") || includesVersion(previous.versions ?? [], version);
}

/**
 * What the stack says of its versions is said once this run has deleted what they were made of: a version that it names
 * is not looked at again by the next run. One whose source could not be deleted is left out.
 */
export function afterRelease(kept: pulumi.Output<KeptImage[]>): pulumi.Output<string[]> {
    const named = ({ version, released }: KeptImage) =>
        pulumi.output(released ?? true).apply((gone) => (gone ? [version] : []));
    return kept.apply((all) => pulumi.all(all.map(named))).apply((versions) => versions.flat());
}
