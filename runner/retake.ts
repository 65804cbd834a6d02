// Settings for one run that takes a new image of a pool although no node was rebooted since the last one: after a rotation of
// certificates or secrets on running nodes. Pure.
import { isMap, isSeq, parseDocument, type YAMLMap } from "yaml";
import { UserError } from "../components/core/errors";

/** The shortest `maximumImageAge` that the program accepts: every image of yesterday is older. */
const SHORTEST_AGE = "1m";

/**
 * Changes a stack's settings so that the next run takes a new image of one pool.
 *
 * @param text of Pulumi.<stack>.yaml
 * @param pool its name, or its scale set's name
 * @param file where the text is from, for messages
 * @returns the text with a `maximumImageAge` for this pool; everything else stays, secrets included
 * @throws UserError in one line when there is no such pool
 */
export function retakeSettings(text: string, pool: string, file: string): string {
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
    found.set("maximumImageAge", SHORTEST_AGE);
    return document.toString();
}

/** The names by which a person may call a pool: `name`, then its scale set's. */
function namesOf(entry: YAMLMap): string[] {
    const [name, scaleSet] = [entry.get("name"), entry.get("scaleSet")].map((value) =>
        typeof value === "string" ? value : undefined,
    );
    return [name, scaleSet?.split("/").at(-1), scaleSet].filter((each) => each !== undefined);
}
