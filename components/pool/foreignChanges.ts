// What somebody else has changed in a scale set's model since this stack's last run: found by comparing records. Pure.
import {
    UPGRADE_SETTINGS,
    changedParts,
    sameImage,
    type ModelRecord,
    type OnForeignChange,
    type PreviousPool,
} from "../../policies/contract";
import { includesVersion, sameVersion } from "../core/version";
import { versionIn } from "../azure/ids";

/** One thing that somebody else has changed. */
export interface ForeignChange {
    /** What it is, for people: `image`, `extension vmssCSE (…)`, `upgradePolicy`. */
    what: string;
    /** What happened to it, as a sentence without its end: `image was changed from A to B`. */
    text: string;
    /** What the model has now. */
    live: string;
    /** What it has if the change is undone. */
    wanted: string;
    /** Whether somebody has to decide about it. Other changes stay in the model and are only named. */
    needsDecision: boolean;
}

/** What the comparison is made with. */
export interface Comparison {
    /** What the stack's last successful update said of the pool. */
    previous: PreviousPool;
    /** The record of the model as Azure has it. */
    live: ModelRecord;
    /** ARM id of the pool's own image definition. */
    imageDefinitionId: string;
    /** The version that the configuration pins. */
    pin?: string;
    /**
     * The version that the run is about to write, where the comparison is with the start of that same run: every other
     * one was set by somebody else meanwhile.
     */
    writing?: string;
    /** Whether an extension, as the record has it, leaves the model when this stack writes it. */
    removes: (extension: string) => boolean;
}

/**
 * What others have changed since the last run, of the parts that this stack's next write would undo (image, bootstrap)
 * and of those that say how a model gets onto running nodes; and, only to be named, the extensions that came and went.
 * Custom data is missing: Azure never shows it. Nothing on the run that adopts a pool: there is nothing to compare
 * with.
 */
export function foreignChanges(comparison: Comparison): ForeignChange[] {
    const { previous, live } = comparison;
    const before = previous.model;
    if (!previous.adopted || !before) {
        return [];
    }
    return [
        ...imageChange(before, comparison),
        ...extensionChanges(before, comparison),
        ...settingChanges(before, live),
        ...identityChanges(before, live),
    ];
}

function imageChange(before: ModelRecord, comparison: Comparison): ForeignChange[] {
    const { live } = comparison;
    if (sameImage(before, live) || isOwnImage(comparison)) {
        return [];
    }
    const [from, to] = [before, live].map(({ image }) => shortImage(image, comparison.imageDefinitionId));
    const text = `image was changed from ${from} to ${to}`;
    return [{ what: "image", text, live: to, wanted: from, needsDecision: true }];
}

/**
 * An image for people: this pool's own by its version, one of another gallery by its names in it. Pulumi shows the
 * first 150 characters of a property, which two ids would not fit in.
 */
export function shortImage(image: string, imageDefinitionId: string): string {
    const [, gallery, definition, version] =
        /\/(?:shared|community)?galleries\/([^/]+)\/images\/([^/]+)(?:\/versions\/([^/]+))?$/i.exec(image) ?? [];
    const names = gallery ? [gallery, definition, version].filter(Boolean).join("/") : image.split("/").at(-1);
    return versionIn(image, imageDefinitionId) ?? (names || "none");
}

/**
 * Whether the live image is this stack's own doing: the pinned version, or one that the stack's outputs do not know,
 * because the update that made it and pointed the model at it failed later. A known version that the model did not
 * point at was chosen by somebody else.
 */
function isOwnImage({ live, previous, imageDefinitionId, pin, writing }: Comparison): boolean {
    const version = versionIn(live.image, imageDefinitionId);
    if (version === undefined) {
        return false;
    }
    if (writing !== undefined) {
        return sameVersion(version, writing);
    }
    const isKnown = includesVersion(previous.versions ?? [], version);
    return !isKnown || sameVersion(version, pin ?? "");
}

/**
 * Extensions that came: one that bootstraps would go with this stack's next write. Extensions that went: they stay
 * away. A record of an earlier version names no extensions; then only those that a model from an image cannot have were
 * surely added.
 */
function extensionChanges(before: ModelRecord, { live, removes, imageDefinitionId }: Comparison): ForeignChange[] {
    const there = live.extensions ?? [];
    const wasFromImage = versionIn(before.image, imageDefinitionId) !== undefined;
    const added = before.extensions
        ? there.filter((text) => !before.extensions?.includes(text))
        : there.filter((text) => wasFromImage && removes(text));
    const gone = (before.extensions ?? []).filter((text) => !there.includes(text) && !removes(text));
    return [
        ...added.map((extension) => ({
            what: `extension ${extension}`,
            text: `extension ${extension} was added`,
            live: "there",
            wanted: removes(extension) ? "not there" : "there",
            needsDecision: removes(extension),
        })),
        ...gone.map((extension) => ({
            what: `extension ${extension}`,
            text: `extension ${extension} was removed`,
            live: "not there",
            wanted: "not there",
            needsDecision: false,
        })),
    ];
}

function settingChanges(before: ModelRecord, live: ModelRecord): ForeignChange[] {
    const show = ({ upgradeSettings }: ModelRecord, name: string) =>
        upgradeSettings ? (JSON.stringify(upgradeSettings[name]) ?? "not set") : "what it was (not recorded)";
    return changedParts(before, live)
        .filter((name) => UPGRADE_SETTINGS.includes(name))
        .map((name) => {
            const [from, to] = [show(before, name), show(live, name)];
            return {
                what: name,
                text: `${name} was changed from ${from} to ${to}`,
                live: to,
                wanted: from,
                needsDecision: true,
            };
        });
}

/**
 * Identities that went. They stay away; but with one in its state azure-native (from 3.26) updates by PATCH and names
 * it as null, and what Azure makes of a whole model in a PATCH is not known. A refresh takes it out of the state, and
 * brings a changed capacity (`sku`) into it, which the next update takes out: a PUT without it changes nothing.
 */
function identityChanges(before: ModelRecord, live: ModelRecord): ForeignChange[] {
    const gone = (before.identities ?? []).filter((id) => live.identities?.includes(id) === false);
    return gone.map((id) => ({
        what: `identity ${id}`,
        text: `identity ${id.split("/").at(-1)} was removed (run pulumi refresh before the next update: azure-native would send Azure a PATCH; where the capacity has changed as well, that update shows sku as leaving the state, which leaves Azure's as it is)`,
        live: "not there",
        wanted: "not there",
        needsDecision: false,
    }));
}

/** The changes as the plan shows them, by what was changed: live → wanted; what is only named is left out. */
export function changesInPlan(changes: ForeignChange[], action: OnForeignChange): Record<string, string> {
    const decided = changes.filter(({ needsDecision }) => needsDecision);
    return Object.fromEntries(
        decided.map(({ what, live, wanted }) => [what, action === "adopt" ? `${live} stays` : `${live} → ${wanted}`]),
    );
}

/** What Azure tells of who changed a model. */
export interface Author {
    /** Who wrote the scale set last: a user, or the object id of an application. */
    name?: string;
    at?: string;
}

/**
 * The line about a pool's foreign changes.
 *
 * @param by who Azure says it was, if it says
 */
export function foreignChangeLine(
    changes: ForeignChange[],
    before: ModelRecord,
    live: ModelRecord,
    by: Author,
): string {
    const upgraded =
        live.orchestrator !== undefined &&
        before.orchestrator !== undefined &&
        live.orchestrator !== before.orchestrator
            ? `AKS Engine's tag orchestrator went from ${before.orchestrator} to ${live.orchestrator}`
            : "";
    const author = by.name ? `last written by ${by.name}${by.at ? ` at ${by.at}` : ""}` : "";
    const told = [author, upgraded].filter(Boolean).join(", ");
    return `${changes.map(({ text }) => text).join("; ")} since the last run${told && ` (${told})`}`;
}

/** What a person can do about changes that need a decision. */
export const DECISIONS =
    "set kamino:onForeignChange to adopt, which leaves the model as it is until there is a newer image, or to restore, which " +
    "writes this stack's model again (theirs, with custom data that Azure does not show, is lost), or set the model right by hand";
