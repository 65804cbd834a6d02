// Cleaned disks that a run has left which was killed, or whose state was lost: nothing makes an image of them any more,
// and each costs as much as a disk that is used.
import type { Disk } from "@azure/arm-compute";
import { sourcesOf } from "../../azure/imageVersions";
import { STACK_TAG } from "../../azure/tags";
import { oneLine } from "../../core/errors";
import { compareVersions, includesVersion, momentOf } from "../../core/version";
import { info, warn } from "../../engine/progress";
import type { Target } from "../names";
import type { OrphanFacts } from "../osDiskCapture";
import { deleteSource } from "../source";

/** A run of the same stack from another backend makes its image within this time after it has cleaned the disk. */
const YOUNGEST_MS = 60 * 60_000;

/**
 * Whether nothing needs a cleaned disk any more, as far as its tags tell: this stack has made it for this pool, for an
 * image that it does not keep, and is capturing a newer one by now. A disk without the stack's tag is of an earlier
 * version, and may be another stack's. Pure.
 *
 * @param target what is being captured
 */
export function isOrphan(
    { tags = {} }: Pick<Disk, "tags">,
    { pool, version }: Pick<Target, "pool" | "version">,
    { stack, kept }: Pick<OrphanFacts, "stack" | "kept">,
    now: number,
): boolean {
    const of = tags.version ?? "";
    return (
        tags[STACK_TAG] === stack &&
        tags.pool === pool &&
        momentOf(of) !== undefined &&
        compareVersions(of, version) < 0 &&
        !includesVersion(kept, of) &&
        now - Date.parse(tags.captured ?? "") > YOUNGEST_MS
    );
}

/**
 * Deletes those of these disks that nothing needs, and says so of each. What cannot be deleted is a warning: the next
 * capture tries again.
 *
 * @param cleaned cleaned disks of the scale set that nobody uses
 */
export async function deleteOrphans(target: Target, cleaned: Disk[], facts: OrphanFacts): Promise<void> {
    const found = cleaned.filter((disk) => isOrphan(disk, target, facts, Date.now()));
    if (found.length === 0) {
        return;
    }
    const { pool } = target;
    try {
        // An image version of another state, such as one that was lost, may keep its disk on purpose (keepSnapshots).
        const sources = await sourcesOf(facts.imageDefinitionId);
        for (const { id = "", tags } of found.filter(({ id = "" }) => !sources.includes(id.toLowerCase()))) {
            await deleteSource(id);
            const of = `node ${tags?.node} for image ${tags?.version}`;
            await info(
                `${pool}: deleted disk ${id}, which an earlier run has cleaned of ${of}: no image was made of it`,
            );
        }
    } catch (error) {
        await warn(`${pool}: a cleaned disk that nothing needs stays until the next capture: ${oneLine(error)}`);
    }
}
