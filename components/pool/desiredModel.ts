// Which model the stack declares for a scale set: the one that Azure has, or one whose nodes start from this stack's
// image. Pure.
import {
    recordOf,
    type AcceptedImage,
    type Bootstrap,
    type ModelRecord,
    type PreviousPool,
} from "../../policies/contract";
import { imageDefinitionId, imageVersionId } from "../azure/ids";
import { sameVersion } from "../core/version";
import { shortImage } from "./foreignChanges";
import { modelAsItIs, modelFromImage, type DeclaredModel, type PoolModel } from "./model";
import type { Pool } from "./pool";
import type { Review } from "./review";

/** What is declared. */
export interface DesiredModel {
    model: DeclaredModel;
    /**
     * `adopt` takes the scale set into the stack as it is, `leave` keeps what the stack has of it, `write` writes the
     * model.
     */
    action: "adopt" | "leave" | "write";
    /** The foreign image that is left in the model. */
    accepted?: AcceptedImage;
}

/** What the desired model depends on. */
export interface DesiredModelArgs {
    review: Review;
    previous: PreviousPool;
    /** The scale set as it is right now. */
    live: PoolModel;
    /** The version that the model is to point at; empty when there is none yet. */
    version: string;
    /** How often the stack has written its model over somebody else's. */
    writes: number;
    /** Whether new nodes still join by their own bootstrap. */
    bootstrap: Bootstrap;
}

/**
 * The model to declare: first adopted as it is, from the next run on pointing at the image, unless a foreign one is
 * accepted.
 */
export function desiredModel(args: DesiredModelArgs): DesiredModel {
    const { review, previous, live, version, writes, bootstrap } = args;
    const { pool, changes } = review;
    const { resourceGroup } = pool.scaleSet;
    const accepted = acceptedImage(review, previous, version);
    if (!previous.adopted || version === "" || accepted) {
        const action = accepted && previous.adopted ? "leave" : "adopt";
        return { model: modelAsItIs(live, resourceGroup), action, ...(accepted && { accepted }) };
    }
    const { removeExtensions, keepExtensions, onForeignChange } = pool.settings.scaleSet;
    const before = previous.model?.upgradeSettings ?? {};
    // What was not set before cannot be taken away: Azure keeps what a PUT leaves out.
    const restored = changes.filter(({ what }) => onForeignChange !== "adopt" && before[what] !== undefined);
    const image = {
        imageVersionId: imageVersionId(pool, version),
        removeExtensions,
        keepExtensions,
        bootstrap,
        writes,
        unordered: previous.model?.unordered,
        restored: Object.fromEntries(restored.map(({ what }) => [what, before[what]])),
    };
    return { model: modelFromImage(live, resourceGroup, image), action: "write" };
}

/**
 * What is recorded of a model as it is left. Where it is not written the stack's state keeps what was declared before,
 * and what Azure answers does not say which extensions were declared to wait for none.
 */
export function recordOfDesired(
    { model, action }: Pick<DesiredModel, "model" | "action">,
    previous: PreviousPool,
): ModelRecord {
    const unordered = action === "write" ? undefined : previous.model?.unordered;
    return { ...recordOf(model), ...(unordered && { unordered }) };
}

/**
 * The foreign image or bootstrap that stays in the model, because the configuration says `adopt` or did so in an
 * earlier run. It stays until this stack has a newer image than the one that it would put in its place, or the
 * configuration pins one or says `restore`.
 */
export function acceptedImage(
    { pool, live, changes }: Pick<Review, "live" | "changes"> & { pool: Pick<Pool, "settings"> },
    previous: PreviousPool,
    version: string,
): AcceptedImage | undefined {
    const { scaleSet, selection } = pool.settings;
    if (version === "" || selection.pin !== undefined || scaleSet.onForeignChange === "restore") {
        return undefined;
    }
    const isUndone = ({ what, needsDecision }: Review["changes"][number]) =>
        needsDecision && (what === "image" || what.startsWith("extension "));
    if (scaleSet.onForeignChange === "adopt" && changes.some(isUndone)) {
        return { image: live.image, insteadOf: version };
    }
    const { accepted } = previous;
    const stands =
        accepted !== undefined &&
        accepted.image.toLowerCase() === live.image.toLowerCase() &&
        sameVersion(accepted.insteadOf, version);
    return stands ? accepted : undefined;
}

/**
 * Whether the stack has to write its model although, to Pulumi, it has not changed: somebody else's stands in Azure,
 * which Pulumi does not compare with.
 */
export function needsRewrite(review: Review, previous: PreviousPool, version: string): boolean {
    const differs = review.changes.some(({ needsDecision, live, wanted }) => needsDecision && live !== wanted);
    return (differs || previous.accepted !== undefined) && !acceptedImage(review, previous, version);
}

/** What becomes of a foreign image that was accepted, when it has gone: live → wanted, for the plan. */
export function endOfAcceptance(review: Review, { accepted }: PreviousPool, version: string): Record<string, string> {
    const ends = accepted && !acceptedImage(review, { accepted }, version);
    return ends ? { image: `${shortImage(review.live.image, imageDefinitionId(review.pool))} → ${version}` } : {};
}
