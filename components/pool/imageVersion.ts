// One gallery image version: made from the snapshot of a node's OS disk, replicated to where pools start nodes.
import { compute } from "@pulumi/azure-native";
import * as pulumi from "@pulumi/pulumi";
import { deleteSource } from "../capture/osDiskCapture";
import type { Choice } from "../selection/nodeSelection";
import { sameVersion } from "../core/version";
import { imageVersionId } from "../azure/ids";
import { deleteUnfinishedVersion } from "../azure/imageVersions";
import { imageVersionTags, publishingProfile } from "./imageContent";
import type { Pool } from "./pool";
import { providerFor } from "./providers";

/**
 * Once the image version exists its snapshot has done its work. A hook, not a resource: it runs after a version was created,
 * never in a preview, and a snapshot that cannot be deleted is a warning and goes with the capture later.
 */
const release = new pulumi.ResourceHook(
    "release-snapshot",
    async ({ newInputs }) => {
        const inputs = newInputs as { storageProfile: { osDiskImage: { source: { id: string } } } };
        await deleteSource(inputs.storageProfile.osDiskImage.source.id);
    },
    { ignoreErrors: true },
);

/**
 * A version that this stack is about to create can be there only because an earlier run was killed while Azure made it: the state knows
 * nothing of it, and Azure's provider would refuse for ever to create what exists. The version that the model points at is left alone.
 */
function hooksFor(name: string, pool: Pool, choice: Choice): pulumi.ResourceHookBinding {
    const isLive = sameVersion(choice.version, pool.liveVersion ?? "");
    const remove = () => deleteUnfinishedVersion(imageVersionId(pool, choice.version), choice);
    return {
        ...(!isLive && { beforeCreate: [new pulumi.ResourceHook(`remove-orphan-${name}`, remove)] }),
        ...(!pool.settings.capture.keepSnapshots && { afterCreate: [release] }),
    };
}

/**
 * Declares the image version of one choice.
 *
 * @param protect whether the stack must not delete it
 * @param snapshotId ARM id of the snapshot that the version is made from
 */
export function declareImageVersion(
    name: string,
    pool: Pool,
    choice: Choice,
    snapshotId: pulumi.Input<string>,
    protect: boolean,
    opts: pulumi.CustomResourceOptions,
): compute.GalleryImageVersion {
    const { gallery, definition, location } = pool;
    return new compute.GalleryImageVersion(
        name,
        {
            resourceGroupName: gallery.resourceGroup,
            galleryName: gallery.name,
            galleryImageName: definition.name,
            galleryImageVersionName: choice.version,
            location,
            publishingProfile: publishingProfile(pool),
            storageProfile: { osDiskImage: { source: { id: snapshotId } } },
            tags: imageVersionTags(pool, choice),
        },
        {
            ...opts,
            provider: providerFor(gallery.subscriptionId),
            protect,
            // A version that failed stays as Failed, and its name is free again only once it is deleted.
            replaceOnChanges: ["tags.attempt"],
            deleteBeforeReplace: true,
            // Azure takes an hour and more for a version, longer for many regions.
            customTimeouts: { create: "6h", update: "6h", delete: "1h" },
            hooks: hooksFor(name, pool, choice),
        },
    );
}
