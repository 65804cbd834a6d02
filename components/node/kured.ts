// What kured writes on nodes, and what can be told of kured itself from the cluster. Pure.
//
// Source: kured's cmd/kured/main.go (weaveworks/kured, kubereboot/kured). With --annotate-nodes, since 1.7.0, it sets
// both annotations to time.Now() in RFC 3339 with the node's own UTC offset when it sees that a reboot is needed, and
// removes the second one after the reboot.
import type { V1DaemonSet } from "@kubernetes/client-node";
import { findKured, isAtLeast } from "./kuredDaemonSet";

/** When the need for the node's latest reboot was seen; stays after the reboot. */
export const REBOOT_NEEDED = "weave.works/kured-most-recent-reboot-needed";
/** There while the node waits for its reboot or is rebooting. */
export const REBOOT_IN_PROGRESS = "weave.works/kured-reboot-in-progress";

/** How far a node's clock may be ahead of the API server's. */
export const CLOCK_SKEW_MS = 5 * 60_000;

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/**
 * The moment in a reboot annotation, or why there is none: anyone who may write nodes may have written it.
 *
 * @param now the API server's clock; a moment further ahead of it than a clock may be is not accepted
 */
export function readReboot(annotation: string | undefined, now: Date): Date | "none" | "unusable" | "future" {
    if (annotation === undefined) {
        return "none";
    }
    const moment = annotation.length <= 40 ? rfc3339(annotation) : undefined;
    // Before kured the node does not have the annotation.
    if (!moment || moment.getUTCFullYear() < 2000) {
        return "unusable";
    }
    return moment.getTime() > now.getTime() + CLOCK_SKEW_MS ? "future" : moment;
}

/**
 * A moment in RFC 3339 as Go writes it; undefined for any other text and for moments that the calendar does not have.
 */
function rfc3339(text: string): Date | undefined {
    const match = RFC3339.exec(text);
    if (!match) {
        return undefined;
    }
    const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number);
    const local = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
    // Date rolls the 30th of February over to March; such a moment was not written by a clock.
    const asWritten = [local.getUTCMonth() + 1, local.getUTCDate(), local.getUTCHours(), local.getUTCMinutes()];
    if (asWritten.join() !== [month, day, hour, minute].join() || second > 59) {
        return undefined;
    }
    const offset = match[7] ? (Number(match[8]) * 60 + Number(match[9])) * (match[7] === "-" ? -1 : 1) : 0;
    return new Date(local.getTime() - offset * 60_000);
}

const NEEDED = "kured 1.7.0 or later with --annotate-nodes is needed";

/**
 * Why no node carries the annotation, as far as the cluster's DaemonSets tell: whether kured was found (by the
 * DaemonSet's image, program, name or labels, in any namespace), which version, and what is needed.
 *
 * @param daemonSets all of the cluster, or undefined when they may not be listed
 */
export function aboutKured(daemonSets: V1DaemonSet[] | undefined): string {
    if (!daemonSets) {
        return `whether kured is installed cannot be told (listing DaemonSets is not allowed); ${NEEDED}`;
    }
    const kured = findKured(daemonSets);
    if (!kured) {
        return `no kured DaemonSet was found; ${NEEDED}`;
    }
    const { version, options, namespace, name } = kured;
    const runs = `kured ${version ?? "of unknown version"} runs as DaemonSet ${namespace}/${name}`;
    if (options.annotateNodes === undefined) {
        return `${runs}, and whether with --annotate-nodes cannot be told (a ConfigMap or Secret has its options); ${NEEDED}`;
    }
    const what = `${runs} with${options.annotateNodes ? "" : "out"} --annotate-nodes`;
    if (!options.annotateNodes || isAtLeast(version, 1, 7) === false) {
        return `${what}; ${NEEDED}`;
    }
    // Until 1.12 it looked at its blockers before it wrote the annotations.
    const hint =
        isAtLeast(version, 1, 13) === false
            ? "; before 1.13.0 it does not annotate a node whose reboot is blocked, so 1.13.0 or later is better"
            : "";
    return `${what}, and has not seen a node in need of a reboot yet${hint}; for a first image without one name a node (pools[].node)`;
}
