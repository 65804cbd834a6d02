// What kured writes on nodes, and what can be told of kured itself from the cluster. Pure.
//
// Source: kured's cmd/kured/main.go (weaveworks/kured, kubereboot/kured). With --annotate-nodes, since 1.7.0, it sets both
// annotations to time.Now() in RFC 3339 with the node's own UTC offset when it sees that a reboot is needed, and removes the
// second one after the reboot.
import type { V1DaemonSet } from "@kubernetes/client-node";

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
    // Before kured there was no such annotation.
    if (!moment || moment.getUTCFullYear() < 2000) {
        return "unusable";
    }
    return moment.getTime() > now.getTime() + CLOCK_SKEW_MS ? "future" : moment;
}

/** A moment in RFC 3339 as Go writes it; undefined for any other text and for moments that the calendar does not have. */
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
 * Why no node carries the annotation, as far as the cluster's DaemonSets tell: whether kured was found (by the DaemonSet's
 * name, its labels or its image, in any namespace), which version, and what is needed.
 *
 * @param daemonSets all of the cluster, or undefined when they may not be listed
 */
export function aboutKured(daemonSets: V1DaemonSet[] | undefined): string {
    if (!daemonSets) {
        return `whether kured is installed cannot be told (listing DaemonSets is not allowed); ${NEEDED}`;
    }
    const found = daemonSets.find(isKured);
    if (!found) {
        return `no kured DaemonSet was found; ${NEEDED}`;
    }
    const container = containerOf(found) ?? found.spec?.template.spec?.containers[0];
    const words = [...(container?.command ?? []), ...(container?.args ?? [])];
    const annotates = words.some((word) => /^--annotate-nodes(=true)?$/.test(word));
    const version = versionOfImage(container?.image) ?? "of unknown version";
    const where = `${found.metadata?.namespace}/${found.metadata?.name}`;
    return `kured ${version} runs as DaemonSet ${where} with${annotates ? "" : "out"} --annotate-nodes; ${NEEDED}`;
}

function isKured(daemonSet: V1DaemonSet): boolean {
    const { name = "", labels = {} } = daemonSet.metadata ?? {};
    const named = [name, labels.name, labels.app, labels["app.kubernetes.io/name"]].some((each) =>
        each?.includes("kured"),
    );
    return named || containerOf(daemonSet) !== undefined;
}

function containerOf(daemonSet: V1DaemonSet) {
    const containers = daemonSet.spec?.template.spec?.containers ?? [];
    return containers.find(({ image }) => /(^|\/)kured(:|@|$)/.test(image ?? ""));
}

/** The tag of an image, as in `ghcr.io/kubereboot/kured:1.16.0`. */
function versionOfImage(image = ""): string | undefined {
    const [name] = image.slice(image.lastIndexOf("/") + 1).split("@");
    return /:(\w[\w.-]{0,127})$/.exec(name)?.[1];
}
