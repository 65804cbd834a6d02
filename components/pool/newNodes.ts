// How many nodes are added after a bump, so that its image proves itself now; and when none are. Pure.
import { NEW_NODES_TAG } from "../../policies/contract";
import type { ScaleSetModel } from "../azure/scaleSetForm";
import type { NewNodesSettings } from "../config/load";
import { sameVersion } from "../core/version";

/** A scale set as it is at one moment, as far as its capacity is concerned. */
export interface ScaleSetNow {
    /** The version of the pool's images that its model points at, if it does. */
    version?: string;
    upgradeMode?: string;
    /** Whether Azure rolls OS images out by itself. */
    upgradesItself: boolean;
    provisioningState?: string;
    capacity?: number;
    tags: Record<string, string>;
}

/** What a bump wants added. */
export interface WantedNodes {
    version: string;
    nodes: number;
    /** Setting `maxNodes`. */
    maxNodes?: number;
}

/** The capacity before and after. */
export interface Addition {
    from: number;
    to: number;
}

/** What becomes of the capacity now: raised, left for good, or looked at again when the scale set is at rest. */
export type Verdict = ({ kind: "add" } & Addition) | { kind: "none"; why: string } | { kind: "wait"; why: string };

/**
 * The largest capacity that the autoscaler allows: what its tags on the scale set say, or the configuration; of both
 * the lower one. Undefined where neither says it. The autoscaler reads the tags `min` and `max`, by these very names,
 * and ignores a scale set of which one is missing or wrong; its option `--nodes` goes before them.
 * Source: cluster-autoscaler/cloudprovider/azure of https://github.com/kubernetes/autoscaler (azure_manager.go).
 *
 * @param configured setting `maxNodes`
 */
export function maximumOf(tags: Record<string, string>, configured?: number): number | undefined {
    const [min, max] = ["min", "max"].map((name) => (/^\d{1,4}$/.test(tags[name] ?? "") ? Number(tags[name]) : NaN));
    const known = [...(min <= max ? [max] : []), ...(configured === undefined ? [] : [configured])];
    return known.length === 0 ? undefined : Math.min(...known);
}

/** The capacity before and after. Where there is not enough room they are the same; the second is never lower. */
export function additionTo(capacity: number, nodes: number, maximum: number): Addition {
    return { from: capacity, to: Math.max(capacity, Math.min(capacity + nodes, maximum)) };
}

/**
 * What becomes of the capacity, once the model points at the version.
 *
 * @param made how many machines made from the version there are already
 */
export function decideNewNodes(now: ScaleSetNow, wanted: WantedNodes, made = 0): Verdict {
    const { provisioningState: state = "unknown", capacity } = now;
    const mark = markIn(now.tags);
    if (mark && sameVersion(mark.version, wanted.version)) {
        return none(`they were added before, to a capacity of ${mark.capacity} (tag ${NEW_NODES_TAG})`);
    }
    if (!sameVersion(now.version ?? "", wanted.version)) {
        return none("the scale set's model does not point at it any more");
    }
    if (now.upgradeMode !== "Manual" || now.upgradesItself) {
        return none("the scale set's upgrades are not manual any more");
    }
    if (state === "Failed") {
        return none("the last change of the scale set has failed");
    }
    if (state !== "Succeeded") {
        return { kind: "wait", why: `the scale set is being changed (${state})` };
    }
    const maximum = maximumOf(now.tags, wanted.maxNodes);
    if (capacity === undefined || maximum === undefined) {
        return none(
            capacity === undefined ? "Azure says no capacity" : "the autoscaler's maximum is not known any more",
        );
    }
    if (made >= wanted.nodes) {
        return none(`${made} made from it ${made === 1 ? "is" : "are"} there already`);
    }
    const addition = additionTo(capacity, wanted.nodes - made, maximum);
    return addition.to > capacity ? { kind: "add", ...addition } : none(noRoom(capacity, maximum));
}

function none(why: string): Verdict {
    return { kind: "none", why };
}

function noRoom(capacity: number, maximum: number): string {
    return `capacity ${capacity} is ${capacity === maximum ? "the maximum" : `above the maximum of ${maximum}`}`;
}

/** The mark of an addition: tag `kamino-new-nodes`. */
export interface Mark {
    version: string;
    capacity: string;
}

/** The mark that a scale set's tags have, if they do. */
export function markIn(tags: Record<string, string>): Mark | undefined {
    const value = Object.entries(tags).find(([name]) => name.toLowerCase() === NEW_NODES_TAG)?.[1];
    const [, version, capacity] = /^([\d.]+)=(\d+)$/.exec(value ?? "") ?? [];
    return version === undefined ? undefined : { version, capacity };
}

/** All of a scale set's tags, with the mark of this addition. Azure replaces the tags by those that a PATCH has. */
export function withMark(
    tags: Record<string, string>,
    { version }: WantedNodes,
    { to }: Addition,
): Record<string, string> {
    return { ...withoutMark(tags), [NEW_NODES_TAG]: `${version}=${to}` };
}

/** The tags without the mark, which is not part of a model. */
export function withoutMark<T>(tags: Record<string, T>): Record<string, T> {
    return Object.fromEntries(Object.entries(tags).filter(([name]) => name.toLowerCase() !== NEW_NODES_TAG));
}

const counted = (nodes: number) => `${nodes} ${nodes === 1 ? "node" : "nodes"}`;

/** The line before a bump: `1 node is added once the model points at image V: capacity 4 → 5 (newUpdatedNodes)`. */
export function lineBefore(
    { version, nodes, maxNodes }: WantedNodes,
    capacity: number,
    tags: Record<string, string>,
): string {
    const maximum = maximumOf(tags, maxNodes) ?? 0;
    const { from, to } = additionTo(capacity, nodes, maximum);
    if (to === from) {
        return `no node is added for image ${version} (newUpdatedNodes): ${noRoom(capacity, maximum)}`;
    }
    const added = to - from;
    const which = added < nodes ? `${added} of ${counted(nodes)}` : counted(added);
    const what = `${which} ${added === 1 ? "is" : "are"} added`;
    return `${what} once the model points at image ${version} (newUpdatedNodes): capacity ${from} → ${to}, of at most ${maximum}`;
}

/** What a run that points the model at the version would do besides: `add 1 node made from it: capacity 4 → 5 (…)`. */
export function stepOf(
    { nodes, maxNodes }: Pick<WantedNodes, "nodes" | "maxNodes">,
    capacity: number,
    tags: Record<string, string>,
): string {
    const maximum = maximumOf(tags, maxNodes) ?? 0;
    const { from, to } = additionTo(capacity, nodes, maximum);
    const what = to === from ? `no node made from it: ${noRoom(capacity, maximum)}` : "";
    return `add ${what || `${counted(to - from)} made from it: capacity ${from} → ${to}`} (newUpdatedNodes)`;
}

/** The line of an addition that is being made. */
export function lineOf({ version }: WantedNodes, { from, to }: Addition): string {
    return `adding ${counted(to - from)} made from image ${version}: capacity ${from} → ${to}`;
}

/**
 * Why a pool cannot have nodes added, in one line; undefined when it can, or wants none.
 *
 * @param configKey where the pool is configured, to begin the line with
 */
export function newNodesRefusal(
    settings: NewNodesSettings | undefined,
    { name, tags = {}, orchestrationMode }: Pick<ScaleSetModel, "name" | "tags"> & { orchestrationMode?: string },
    configKey: string,
): string | undefined {
    if (settings && orchestrationMode === "Flexible") {
        return (
            `${configKey}: newUpdatedNodes is not for scale set "${name}": its orchestration mode is Flexible, and whether VMs that are attached to ` +
            "such a set count in its capacity is not known; raise the capacity by hand"
        );
    }
    if (!settings || maximumOf(tags, settings.maximum) !== undefined) {
        return undefined;
    }
    return (
        `${configKey}: newUpdatedNodes needs the autoscaler's maximum, which the tags min and max of scale set "${name}" do not say: ` +
        "set the pool's maxNodes to it"
    );
}
