// How often a node has left service for an image that was not made: an annotation on the node, which outlives the run
// that failed. Pure.
import { parseVersion, sameVersion } from "../core/version";

/**
 * The annotation of a node whose captures in place have failed since it left service: `VERSION=COUNT@STEP`. A capture
 * writes it with its cordon, so that one that is killed counts as well, and removes it once the disk is captured.
 */
export const FAILED_CAPTURES = "kamino/failed-captures";

/** How often one node is taken out of service for one image. After that a person has to look at why it fails. */
export const MOST_CAPTURES = 2;
/** How often, where the configuration names the node: as often once more. */
export const MOST_CAPTURES_NAMED = 2 * MOST_CAPTURES;

/** What the annotation says. */
export interface FailedCaptures {
    /** The image version that the disk was to be captured for. */
    version: string;
    count: number;
    /** The step at which the last one failed, for people. */
    step: string;
}

/** The step of a capture that has not said how it failed: it was killed. */
export const CUT_OFF = "cut off";

// Any number that a capture can reach, and what STEPS are called.
const FORMAT = /^(\d+\.\d+\.\d+)=([1-9]\d{0,2})@([\w ',-]{1,60})$/;

/** What a node's annotations say of captures that failed; undefined where there were none, or others wrote it. */
export function failedCaptures(annotations: Record<string, string> = {}): FailedCaptures | undefined {
    const value = Object.hasOwn(annotations, FAILED_CAPTURES) ? annotations[FAILED_CAPTURES] : "";
    const [, version = "", count, step] = FORMAT.exec(value) ?? [];
    return parseVersion(version) ? { version, count: Number(count), step } : undefined;
}

/** The annotation's value. */
export function formatFailedCaptures({ version, count, step }: FailedCaptures): string {
    return `${version}=${count}@${step}`;
}

/** What is to be noted before the node leaves service once more: this capture counts until it has succeeded. */
export function oneMore(before: FailedCaptures | undefined, version: string): FailedCaptures {
    const count = before && sameVersion(before.version, version) ? before.count + 1 : 1;
    return { version, count, step: CUT_OFF };
}

/**
 * Why a node is not taken out of service once more; undefined where it is. Only a reboot begins to count anew: without
 * one the image may have another name each time, for the node's age or because a person asked for it.
 *
 * @param named whether the configuration names the node
 * @param rebootedSince whether kured has rebooted the node since a version
 */
export function heldBack(
    failed: FailedCaptures | undefined,
    { named, rebootedSince }: { named: boolean; rebootedSince: (version: string) => boolean },
): FailedCaptures | undefined {
    const most = named ? MOST_CAPTURES_NAMED : MOST_CAPTURES;
    return failed && !rebootedSince(failed.version) && failed.count >= most ? failed : undefined;
}

/** How a person has the captures forgotten. */
export function forgetFailedCaptures(node: string): string {
    return `kubectl annotate node ${node} ${FAILED_CAPTURES}-`;
}
