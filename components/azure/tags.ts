// Tags by which this program knows again what it has made. Azure compares names of tags without case.
import { BOOTSTRAP_TAG, NEW_NODES_TAG, STACK_TAG } from "../../policies/contract";

export { STACK_TAG };

/** Tag of a snapshot or a copied disk: which program made it. */
const OWNER_TAG = "managed-by";

/** The owner's tag as this program sets it. */
export const OWNED = { [OWNER_TAG]: "kamino" };

/** Whether this program has made a snapshot or a disk, by its tags. */
export function isOwned(tags: Record<string, string> | undefined): boolean {
    return tags?.[OWNER_TAG] === OWNED[OWNER_TAG];
}

/** Every tag that this program sets, in lower case: configuration must not set them. */
export const OWN_TAGS = [
    STACK_TAG,
    OWNER_TAG,
    BOOTSTRAP_TAG,
    NEW_NODES_TAG,
    "attempt",
    "captured",
    "cleaned",
    "instance",
    "node",
    "patched",
    "pool",
    "rebootneededat",
    "scale-set",
    "version",
];
