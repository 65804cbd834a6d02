// One gallery image version: a node's OS disk is captured, made a version, and replicated to where pools start nodes.
import * as compute from "@pulumi/azure-native/compute";
import * as pulumi from "@pulumi/pulumi";
import type { Bootstrap } from "../../policies/contract";
import { OsDiskCapture, deleteSource, sourceExists } from "../capture/osDiskCapture";
import type { CaptureSettings } from "../config/load";
import { formatDuration } from "../core/duration";
import { oneLine } from "../core/errors";
import type { KubernetesSettings } from "../node/kubernetes";
import type { Choice } from "../selection/nodeSelection";
import { sameVersion } from "../core/version";
import { imageDefinitionId, imageVersionId, versionIn } from "../azure/ids";
import { deleteUnfinishedVersion } from "../azure/imageVersions";
import { ImageClock } from "./imageClock";
import { SAFETY, imageVersionTags, publishingProfile } from "./imageContent";
import { usualImageSeconds } from "./imageTimes";
import type { KeptAs } from "./keptAs";
import { liveImageNow } from "./liveImage";
import { poolIdOf } from "./model";
import type { Pool } from "./pool";
import { providerFor } from "./providers";

/**
 * A version that this stack is about to create can be there only because an earlier run was killed while Azure made it:
 * the state knows nothing of it, and Azure's provider would refuse for ever to create what exists. The version that the
 * model points at is left alone, also one that it has come to point at since this run began.
 *
 * @param clock starts right before the version is made
 */
function hooksFor(name: string, pool: Pool, choice: Choice, clock: ImageClock): pulumi.ResourceHookBinding {
    const isLive = sameVersion(choice.version, pool.liveVersion ?? "");
    const isInUse = async () =>
        sameVersion(choice.version, versionIn(await liveImageNow(pool), imageDefinitionId(pool)) ?? "");
    const remove = async ({ newInputs }: pulumi.ResourceHookArgs) => {
        const { storageProfile } = newInputs as { storageProfile: { osDiskImage: { source: { id: string } } } };
        const canBeMadeAnew = () => sourceExists(storageProfile.osDiskImage.source.id);
        await deleteUnfinishedVersion(imageVersionId(pool, choice.version), choice, { isInUse, canBeMadeAnew });
        clock.begin();
    };
    return isLive ? {} : { beforeCreate: [new pulumi.ResourceHook(`remove-orphan-${name}`, remove)] };
}

/**
 * Once the image version is in the stack's state, what it was made of has done its work, and is deleted. Not by a hook
 * after its creation: that runs before the state is written, and a run that is killed then leaves a version which no
 * state knows and which cannot be made anew. What cannot be deleted is a warning, and the next run tries again.
 *
 * @returns whether it is gone
 */
function releaseSource(version: compute.GalleryImageVersion, { snapshotId }: OsDiskCapture): pulumi.Output<boolean> {
    return pulumi.all([version.provisioningState, snapshotId]).apply(async ([state, source]) => {
        // An engine that goes on after errors (PULUMI_CONTINUE_ON_ERROR) answers for a version that Azure failed to
        // make as well, id and all. What it is made of is needed once more.
        if (state !== "Succeeded") {
            return false;
        }
        try {
            await deleteSource(source);
            return true;
        } catch (error) {
            await pulumi.log.warn(oneLine(error), version);
            return false;
        }
    });
}

/**
 * The settings of a capture as its inputs have them: durations as people write them, since a preview and the state show
 * them.
 */
function inputsOf({ drainTimeoutMs, evictionGracePeriodMs, ...rest }: CaptureSettings) {
    return {
        ...rest,
        drainTimeout: formatDuration(drainTimeoutMs),
        gracePeriod: evictionGracePeriodMs === undefined ? undefined : formatDuration(evictionGracePeriodMs),
    };
}

/** How an image version is declared. */
export interface ImageVersionOptions {
    /** Whether the stack must not delete it, nor when the pool leaves the stack. */
    protect: boolean;
    /** Whether an earlier update has made it, and has deleted what it was made of. */
    isFinished: boolean;
    /** How it is kept. */
    keptAs: KeptAs;
    /** Whether the machines that start from it still join by their own bootstrap. */
    bootstrap: Bootstrap;
    /** How to reach the cluster's API server. */
    kubernetes: KubernetesSettings;
    /** All versions that the stack keeps for the pool. */
    kept: string[];
}

/** An image version of the stack. */
export interface KeptImage {
    version: string;
    image: compute.GalleryImageVersion;
    /** Whether it is protected, and stays in Azure when the pool leaves the stack. */
    protect: boolean;
    /** Whether what it was made of is deleted; there where this run does so. */
    released?: pulumi.Output<boolean>;
}

/** The name of a version's resource, and of its capture's. */
export function imageResourceName(prototype: string, version: string): string {
    return `${prototype}-${version}`;
}

/** Declares the capture of the chosen node's OS disk. It does something only in an `up`, and once. */
function declareCapture(
    name: string,
    pool: Pool,
    choice: Choice,
    { bootstrap, kubernetes, kept }: Pick<ImageVersionOptions, "bootstrap" | "kubernetes" | "kept">,
    opts: pulumi.CustomResourceOptions,
): OsDiskCapture {
    const { settings, live, scaleSet, stack } = pool;
    const { version, node, instanceId, rebootNeededAt } = choice;
    return new OsDiskCapture(
        name,
        {
            pool: settings.name,
            version,
            node,
            instanceId,
            rebootNeededAt,
            scaleSetId: poolIdOf(live),
            resourceGroup: scaleSet.resourceGroup,
            settings: inputsOf({ ...settings.capture, mode: choice.capture ?? settings.capture.mode }),
            kured: settings.kured,
            orphans: { stack, kept, imageDefinitionId: imageDefinitionId(pool) },
            tags: settings.tags,
            ...(bootstrap === "keep" && { customData: "kept" as const }),
            kubernetes,
        },
        opts,
    );
}

/**
 * Declares the image version of one choice, with the capture of the disk that it is made from.
 *
 * @param prototype the name of the pool's VmssPrototype
 */
export function declareImageVersion(
    prototype: string,
    pool: Pool,
    choice: Choice,
    how: ImageVersionOptions,
    opts: { parent: pulumi.Resource; dependsOn: pulumi.Resource[] },
): KeptImage {
    const { gallery, definition, location } = pool;
    const name = imageResourceName(prototype, choice.version);
    const capture = declareCapture(name, pool, choice, how, opts);
    const poolName = pool.settings.name;
    const what = `${poolName}: Azure is making image ${choice.version}`;
    const clock = new ImageClock(what, usualImageSeconds(process.env, poolName));
    const image = new compute.GalleryImageVersion(
        name,
        {
            resourceGroupName: gallery.resourceGroup,
            galleryName: gallery.name,
            galleryImageName: definition.name,
            galleryImageVersionName: choice.version,
            location,
            publishingProfile: publishingProfile(pool, how.keptAs.storage),
            storageProfile: { osDiskImage: { source: { id: capture.snapshotId } } },
            safetyProfile: SAFETY,
            tags: imageVersionTags(pool, choice),
        },
        {
            parent: opts.parent,
            dependsOn: [...opts.dependsOn, capture],
            provider: providerFor(gallery.subscriptionId),
            protect: how.protect,
            retainOnDelete: how.protect,
            ignoreChanges: how.keptAs.ignoreChanges,
            // A version that failed stays as Failed, and its name is free again only once it is deleted.
            replaceOnChanges: ["tags.attempt"],
            deleteBeforeReplace: true,
            // Azure takes an hour and more for a version, longer for many regions.
            customTimeouts: { create: "6h", update: "6h", delete: "1h" },
            hooks: hooksFor(name, pool, choice, clock),
        },
    );
    const releases = !how.isFinished && !pool.settings.capture.keepSnapshots && !pulumi.runtime.isDryRun();
    image.id.apply(() => clock.end());
    return {
        version: choice.version,
        image,
        protect: how.protect,
        ...(releases && { released: releaseSource(image, capture) }),
    };
}
