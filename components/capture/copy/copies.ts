// Which copy of a disk there is, or can be made. As a rule it is the first one. Another one, by another name, is made
// where the first cannot be taken from the node that it was attached to.
import { UserError } from "../../core/errors";
import { warn } from "../../engine/progress";
import type { Target } from "../names";
import type { Captured } from "../snapshot";
import { CopyPlace } from "./disk";
import { letGoIfPossible, letGoLeftovers, type LettingGo } from "./letGo";
import { objectName, type CopyTarget } from "./objects";

/** More than this is a cluster whose nodes die, which a person has to look at. */
const MOST_COPIES = 3;

function copiesOf(target: Target): CopyTarget[] {
    return Array.from({ length: MOST_COPIES }, (_, index) => ({ ...target, ...(index > 0 && { nth: index + 1 }) }));
}

/**
 * The cleaned disk that an earlier run has made of this very target, and whose result got lost. That run may have ended
 * before it had deleted the snapshot.
 */
export async function finishedCopy(target: Target, resourceGroup: string): Promise<Captured | undefined> {
    for (const copy of copiesOf(target)) {
        const place = new CopyPlace(copy, resourceGroup, {});
        const found = await place.found();
        if (found.state === "cleaned") {
            await place.deleteSnapshot();
            return { snapshotId: place.diskId, capturedAt: found.capturedAt };
        }
        // The next one is only ever made while this one is there.
        if (found.state === "none") {
            return undefined;
        }
    }
    return undefined;
}

/**
 * Takes away what earlier copies of the scale set's disks have left in the cluster, and finds the first copy of this
 * target that nobody uses. What stays for now is said, and left to a later run: nothing of it is used.
 *
 * @throws UserError in one line when there are too many that stay
 */
export async function freeCopy(
    target: Target,
    { resourceGroup, tags }: { resourceGroup: string; tags: Record<string, string> },
    how: LettingGo,
): Promise<{ target: CopyTarget; place: CopyPlace }> {
    const stays = await letGoLeftovers(target, how);
    for (const copy of copiesOf(target)) {
        const name = objectName(copy);
        if (!stays.has(name)) {
            await letGoIfPossible(name, how, stays);
        }
        const place = new CopyPlace(copy, resourceGroup, tags);
        const found = stays.has(name) ? undefined : await place.found();
        if (found?.state === "used" || found?.state === "cleaned") {
            const how = found.state === "used" ? found.by : "one that another run has just cleaned";
            stays.set(name, `disk ${place.diskId} is ${how}`);
        }
        if (!stays.has(name)) {
            await sayWhatStays(target, [...stays.values()]);
            return { target: copy, place };
        }
    }
    throw new UserError(`${MOST_COPIES} copies of this disk are still in use: ${[...stays.values()].join("; ")}`);
}

async function sayWhatStays({ pool }: Target, lines: string[]): Promise<void> {
    if (lines.length > 0) {
        await warn(`${pool}: of an earlier capture something stays, which a later run removes: ${lines.join("; ")}`);
    }
}
