// What a pool's history of images and its gallery say together: which choices became images, which are still to be
// made, which image is the newest, and what is kept. Pure.
import { UserError } from "../core/errors";
import { compareVersions, includesVersion, momentOf, sameVersion } from "../core/version";
import type { GalleryVersion } from "../azure/imageVersions";
import type { Choice } from "./nodeSelection";

/** A pool's history, compared with its gallery. */
export interface History {
    /** Choices that became images, or are becoming one; oldest first. */
    built: Choice[];
    /** Choices whose image was never made, or failed. */
    pending: Choice[];
    /** Choices whose versions are, or were, in use and that the gallery does not have any more, marked as such. */
    missing: Choice[];
    /** Versions that were finished once and whose latest change failed: they are where they were. */
    changeFailed: string[];
    /**
     * The newest image there is, of this history or of whatever else made one in the gallery; empty when there is none.
     */
    newest: string;
}

/**
 * Compares the history with the gallery. A choice whose image was never finished is pending. It is dropped unless the
 * same node is chosen again, so a failed run cannot block a newer node. The live version stays as long as the gallery
 * has it.
 *
 * Azure says `Failed` of a version that could not be made, and of one of which a change failed: a further region, say.
 * The latter is where it was, and takes the next change (https://github.com/Azure/azure-cli/issues/15539).
 *
 * @param live the version of this definition that the scale set's model points at, if it does
 * @param made versions that an earlier update of the stack has finished
 * @param retained the one of them that the stack's state protects: what leaves the stack is first unprotected there
 */
export function reconcile(
    history: Choice[],
    gallery: GalleryVersion[],
    live?: string,
    { made = [], retained = "" }: { made?: string[]; retained?: string } = {},
): History {
    const isLive = ({ version }: Choice) => live !== undefined && sameVersion(live, version);
    const isFinished = (choice: Choice) => isLive(choice) || choice.proven || includesVersion(made, choice.version);
    const inGallery = ({ version }: Choice) => gallery.find((each) => sameVersion(each.version, version));
    const isBuilt = (choice: Choice) => {
        const state = inGallery(choice)?.state ?? "Deleting";
        return state === "Failed" ? isFinished(choice) : state !== "Deleting" || (isLive(choice) && inGallery(choice));
    };
    const isMissing = (choice: Choice) =>
        (isLive(choice) || sameVersion(choice.version, retained)) && !inGallery(choice);
    const ordered = inOrder(history.map(({ missing: _before, ...choice }) => choice));
    const built = ordered.filter(isBuilt);
    const missing = ordered.filter(isMissing).map((choice) => ({ ...choice, missing: true }));
    // A name that does not say a moment was not given by this program: nothing can be newer or older than it.
    const images = gallery
        .filter(({ version, state }) => state === "Succeeded" && momentOf(version))
        .map(({ version }) => version);
    // What the image that has gone was made of has gone as well: only a later reboot gives another one.
    const own = [...built, ...missing].map(({ version }) => version);
    return {
        built,
        pending: ordered.filter((choice) => !isBuilt(choice) && !isMissing(choice)),
        missing,
        changeFailed: built.filter((choice) => inGallery(choice)?.state === "Failed").map(({ version }) => version),
        newest: [...own, ...images].sort(compareVersions).at(-1) ?? "",
    };
}

/** Oldest first. */
export function inOrder(choices: Choice[]): Choice[] {
    return [...choices].sort((a, b) => compareVersions(a.version, b.version));
}

/** How often Azure is asked to make one image. After that a person has to look at why it fails. */
export const MOST_ATTEMPTS = 2;

/**
 * A choice with its attempt: 1, or one more than the attempt that failed in Azure. A failed version keeps its name
 * until it is deleted, and the raised number is what lets the stack replace it. The same choice as before is given back
 * as it was, but for the way of its capture.
 *
 * @throws UserError when a failed version of that name is not in the stack's history: it may be somebody else's
 */
export function withAttempt(choice: Omit<Choice, "attempt">, pending: Choice[], gallery: GalleryVersion[]): Choice {
    const before = pending.find(({ version }) => sameVersion(version, choice.version));
    const failed = gallery.find(({ version, state }) => state === "Failed" && sameVersion(version, choice.version));
    // The history has dropped a choice that failed as often as it is tried; the version's own tags still tell whose it
    // is.
    const givenUp = failed !== undefined && failed.attempt >= MOST_ATTEMPTS && failed.node === choice.node;
    if (failed && !before && !givenUp) {
        throw new UserError(
            `image version ${failed.version} failed in Azure and is not among those that this stack keeps; delete it from the gallery and try again`,
        );
    }
    const same = before?.node === choice.node && before.instanceId === choice.instanceId;
    const attempt = Math.max(before?.attempt ?? 1, failed ? failed.attempt + 1 : 1);
    return same ? { ...before, ...(choice.capture && { capture: choice.capture }), attempt } : { ...choice, attempt };
}

/** The newest `maxHistory` choices, and with them those that are needed, however old: in use, or to go back to. */
export function prune(versions: Choice[], maxHistory: number, needed: string[]): Choice[] {
    const ordered = inOrder(versions);
    return ordered.filter(
        ({ version }, index) => index >= ordered.length - maxHistory || includesVersion(needed, version),
    );
}
