// Settings for one run that takes a new image of a pool although no node was rebooted since the last one: after a
// rotation of certificates or secrets on running nodes. Pure.
import { isMap, isSeq, parseDocument, type YAMLMap } from "yaml";
import { UserError } from "../components/core/errors";
import { compareVersions, momentOf } from "../components/core/version";

const MINUTE_MS = 60_000;

/** What is known of a stack's pools. */
export interface RetakeFacts {
    /** The image versions that the stack keeps, by the pool's name. */
    versions: Record<string, string[]>;
    now: Date;
}

/**
 * Changes a stack's settings so that the next run takes a new image of one pool.
 *
 * The `maximumImageAge` is the newest image's age in whole minutes, also where the model points at another one: an
 * image that failed counts as well when a run looks for nodes that are newer. A node that was not rebooted since gives
 * a version that is named by the newest image's moment plus a whole number of that age: by this minute, in the preview
 * and in the `up` after it.
 *
 * @param text of Pulumi.<stack>.yaml
 * @param pool its name, or its scale set's name
 * @param file where the text is from, for messages
 * @returns the text with a `maximumImageAge` for this pool; everything else stays, secrets included
 * @throws UserError in one line when the stack has no pool of that name, or it has no image yet
 */
export function retakeSettings(text: string, pool: string, file: string, { versions, now }: RetakeFacts): string {
    const document = parseDocument(text);
    const pools = document.getIn(["config", "kamino:pools"]);
    const entries = isSeq(pools) ? pools.items.filter((item): item is YAMLMap => isMap(item)) : [];
    const found = entries.find((entry) => namesOf(entry).includes(pool));
    if (!found) {
        const known = entries.map((entry) => namesOf(entry)[0]).join(", ") || "none";
        throw new UserError(`--retake: there is no pool "${pool}" in ${file}; its pools: ${known}`);
    }
    if (found.get("pin") !== undefined) {
        throw new UserError(`--retake: pool "${pool}" is pinned to an image; remove its pin from ${file} first`);
    }
    const newest = [...(versions[namesOf(found)[0]] ?? [])].sort(compareVersions).at(-1);
    const moment = newest === undefined ? undefined : momentOf(newest);
    if (moment === undefined) {
        throw new UserError(`--retake: pool "${pool}" has no image yet; npm run up takes the first one`);
    }
    const age = Math.floor((now.getTime() - moment.getTime()) / MINUTE_MS);
    if (age < 1) {
        throw new UserError(`--retake: the image of pool "${pool}" is not a minute old`);
    }
    found.set("maximumImageAge", `${age}m`);
    return document.toString();
}

/** The names by which a person may call a pool: `name`, then that of what it is. */
function namesOf(entry: YAMLMap): string[] {
    const [name, ...places] = ["name", "scaleSet", "machinePool", "machineDeployment", "machineSet"].map((key) => {
        const value = entry.get(key);
        return typeof value === "string" ? value : undefined;
    });
    const place = places.find((each) => each !== undefined);
    return [name, place?.split("/").at(-1), place].filter((each) => each !== undefined);
}
