// By which name the stack has a gallery.
import { GALLERY } from "../../policies/contract";
import type { GalleryId } from "../azure/ids";
import type { StateResource } from "../engine/stackState";
import { galleryResourceName, galleryResourceNames } from "./gallery";
import type { StackFacts } from "./stackFacts";

/**
 * A gallery as the state has it. Its name there goes by the subscription that was the default one when it was made:
 * az's selected one, where the configuration names none, which is another one on another machine. So it is looked for
 * by each name that it may have.
 */
export function galleryInState({ state }: StackFacts, gallery: GalleryId): StateResource | undefined {
    return galleryResourceNames(gallery)
        .map((name) => state?.find(GALLERY, name))
        .find((found) => found && isIn(gallery.subscriptionId, found, gallery));
}

/** The name that a gallery has in the stack, or is to have: the one of the state, else one that is free there. */
export function nameInStack(facts: StackFacts, gallery: GalleryId): string {
    const found = galleryInState(facts, gallery);
    const [first, ...others] = galleryResourceNames(gallery);
    const isFree = (name: string) => facts.state?.find(GALLERY, name) === undefined;
    return found ? nameOfUrn(found.urn) : ([first, ...others].find(isFree) ?? first);
}

/**
 * Whether a gallery of the state is the one of this subscription. Its id is not among what the engine tells. Of a plain
 * name Azure's unique name tells, which begins with the subscription's id.
 */
function isIn(subscriptionId: string, { urn, outputs }: StateResource, gallery: GalleryId): boolean {
    const name = nameOfUrn(urn);
    const { uniqueName } = (outputs.identifier ?? {}) as { uniqueName?: unknown };
    if (name !== gallery.name) {
        return true;
    }
    return typeof uniqueName === "string"
        ? uniqueName.toLowerCase().startsWith(`${subscriptionId.toLowerCase()}-`)
        : name === galleryResourceName(gallery);
}

function nameOfUrn(urn: string): string {
    return urn.split("::").slice(3).join("::");
}
