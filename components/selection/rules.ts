// Which node of a pool is the one to take: the rules, in order, over plain facts. Pure: no client, no clock, no
// environment.
import { asUtc } from "../core/duration";
import { compareVersions, versionOf } from "../core/version";
import { isControlPlane, isGoingAway } from "../node/kind";
import { REBOOT_IN_PROGRESS, REBOOT_NEEDED, CLOCK_SKEW_MS, readReboot } from "../node/kured";
import type { ListedNode } from "../node/nodeList";
import type { DiskContent } from "./content";
import type { Choice, SelectionRules } from "./nodeSelection";
import { NODE_NAME_FORMAT } from "../node/nodeName";
import { instanceOf } from "../node/providerId";

/** A node as far as the list of all nodes tells; `cordoned` leaves out what a capture of ours that died has left. */
export interface PoolNode extends ListedNode {
    /** What only the whole object says; not there until somebody had reason to ask. */
    details?: NodeDetails;
}

/** What only the whole object of a node says. */
export interface NodeDetails {
    providerID: string;
    ready: boolean;
    /** Since when the Ready condition is as it is. */
    readySince?: Date;
    /** When the Node object was made. */
    createdAt?: Date;
    /** What is on its disk. */
    content?: DiskContent;
    /** Keys of its taints. */
    taints?: string[];
}

/** What the rules look at besides the node. */
export interface Facts {
    /** ARM id of the pool's scale set. */
    scaleSetId: string;
    /** Now by the API server's clock. */
    now: Date;
    /** The kubelet version that the pool is to have, or that most of its nodes have; undefined where none is known. */
    kubeletVersion?: string;
    /** The newest image version there is; empty when there is none. */
    newest: string;
    /** The node that this program runs on, if it runs in the cluster. */
    ownNode?: string;
    rules: SelectionRules;
    /** Choices that became images: their nodes are not newer than them until kured sees another need. */
    built: Choice[];
    /**
     * Choices made before whose image was never made. Their nodes met `minimumReadyTime` when they were chosen. Our own
     * capture has restarted them since, which must not count against them.
     */
    pending: Choice[];
}

/** Why a node is not the one to take, in the order in which the rules are asked. */
export const REASONS = {
    badName: "with a name that Kubernetes does not allow",
    elsewhere: "of another pool",
    own: "running this program",
    ignored: "in ignoreNodes",
    rebooting: "rebooting",
    goingAway: "going away",
    cordoned: "cordoned",
    controlPlane: "control plane",
    excludedByAnnotation: "with an ignored annotation",
    otherKubelet: "with another kubelet version than the pool's",
    neverRebooted: "without a reboot annotation",
    unusable: "with an unusable reboot annotation",
    future: "with a reboot annotation in the future",
    notNewer: "not newer than the image",
    notReady: "not Ready",
    notReadyAnew: "Ready since before its reboot",
    tooFresh: "not Ready for long enough",
} as const;

export type Reason = keyof typeof REASONS;

/** One rule: whether it rejects a node. Rules that need a node's details let it pass while they are not there. */
type Rule = (node: PoolNode, facts: Facts) => boolean;

/** The rules, in the order of REASONS. */
const RULES: Record<Reason, Rule> = {
    badName: ({ name }) => !NODE_NAME_FORMAT.test(name),
    elsewhere: ({ details }, { scaleSetId }) =>
        details !== undefined && instanceOf(details.providerID, scaleSetId) === undefined,
    own: ({ name }, { ownNode }) => name === ownNode,
    ignored: ({ name }, { rules }) => rules.ignoreNodes.includes(name),
    rebooting: ({ annotations }) => Object.hasOwn(annotations, REBOOT_IN_PROGRESS),
    goingAway: ({ deleting, details }) => deleting || (details?.taints?.some(isGoingAway) ?? false),
    cordoned: ({ cordoned }) => cordoned,
    controlPlane: isControlPlane,
    excludedByAnnotation: ({ annotations }, { rules }) =>
        rules.ignoreAnnotations.some((key) => Object.hasOwn(annotations, key)),
    // An image belongs to one Kubernetes version. A node that has not said its own yet is not Ready either.
    otherKubelet: ({ kubeletVersion }, facts) =>
        facts.kubeletVersion !== undefined && kubeletVersion !== "" && kubeletVersion !== facts.kubeletVersion,
    neverRebooted: (node, { now }) => neededAt(node, now) === "none",
    unusable: (node, { now }) => neededAt(node, now) === "unusable",
    future: (node, { now }) => neededAt(node, now) === "future",
    notNewer: (node, facts) => neededAt(node, facts.now) instanceof Date && !isNewer(node, facts),
    notReady: ({ ready, details }) => !(details?.ready ?? ready),
    notReadyAnew: (node, { now }) => {
        const rebooted = rebootedAt(node, now);
        const since = node.details?.readySince;
        return rebooted !== undefined && since !== undefined && since.getTime() < earliestReady(node, rebooted, now);
    },
    tooFresh: (node, facts) => node.details !== undefined && readyFor(node, facts.now) < minimumReady(node, facts),
};

/** The two rules that make a reboot a condition; an image that is too old does without them. */
const REBOOT_RULES: Reason[] = ["neverRebooted", "notNewer"];

/** Rules that hold for a node that the configuration names as well. */
export const HARD_RULES: Reason[] = [
    "badName",
    "elsewhere",
    "own",
    "rebooting",
    "goingAway",
    "controlPlane",
    "notReady",
];

/** All rules, and all but the reboot rules. */
const ALL_RULES = Object.keys(RULES) as Reason[];
export const ALL_BUT_REBOOT = ALL_RULES.filter((reason) => !REBOOT_RULES.includes(reason));

/** The kubelet version that most of these nodes have, of several the highest; undefined where none is known. */
export function usualKubeletVersion(nodes: Pick<PoolNode, "kubeletVersion">[]): string | undefined {
    const counts = new Map<string, number>();
    for (const { kubeletVersion } of nodes.filter((node) => node.kubeletVersion !== "")) {
        counts.set(kubeletVersion, (counts.get(kubeletVersion) ?? 0) + 1);
    }
    const order = new Intl.Collator("en", { numeric: true });
    return [...counts].sort(([a, m], [b, n]) => n - m || order.compare(b, a))[0]?.[0];
}

/** The first rule, of those given, that rejects a node; undefined for a node that passes them all. */
export function firstFailure(node: PoolNode, facts: Facts, reasons: Reason[] = ALL_RULES): Reason | undefined {
    return reasons.find((reason) => RULES[reason](node, facts));
}

/** How many nodes each rule has rejected, and who is left. */
export interface Screening {
    /** Nodes of the pool, those left included. */
    total: number;
    rejected: Partial<Record<Reason, number>>;
    candidates: PoolNode[];
}

/** Applies the rules to all nodes; each node counts under the first rule that rejects it. */
export function filterCandidates(nodes: PoolNode[], facts: Facts, reasons: Reason[] = ALL_RULES): Screening {
    const rejected: Screening["rejected"] = {};
    const candidates = nodes.filter((node) => {
        const reason = firstFailure(node, facts, reasons);
        if (reason) {
            rejected[reason] = (rejected[reason] ?? 0) + 1;
        }
        return reason === undefined;
    });
    // A node that turns out to be of another scale set does not count for this pool.
    const total = nodes.length - (rejected.elsewhere ?? 0);
    delete rejected.elsewhere;
    return { total, rejected, candidates };
}

/**
 * The node to take among the candidates: the most recently rebooted (`newest`) or the one Ready longest
 * (`longest-ready`). The same for the same facts, in whatever order they come: ties are broken by name.
 */
export function best(candidates: PoolNode[], facts: Facts): PoolNode | undefined {
    const rebooted = (node: PoolNode) => rebootedAt(node, facts.now)?.getTime() ?? 0;
    const since = (node: PoolNode) =>
        // One chosen before had been Ready longest; our capture restarted it.
        isPending(node, facts) ? 0 : (node.details?.readySince?.getTime() ?? facts.now.getTime());
    // The lower the better; worked out once for each node, since it takes parsing.
    const rank = facts.rules.prefer === "longest-ready" ? since : (node: PoolNode) => -rebooted(node);
    return candidates
        .map((node) => ({ node, rank: rank(node) }))
        .sort((a, b) => a.rank - b.rank || (a.node.name < b.node.name ? -1 : 1))[0]?.node;
}

/** When kured saw the need for the node's latest reboot, or why its annotation does not tell. */
export function neededAt({ annotations }: PoolNode, now: Date): ReturnType<typeof readReboot> {
    return readReboot(Object.hasOwn(annotations, REBOOT_NEEDED) ? annotations[REBOOT_NEEDED] : undefined, now);
}

/**
 * When kured began the node's latest reboot: kured's last write to the node, its cordon, as the API server has recorded
 * it. A need may wait for days until its turn comes, and patches are installed meanwhile. Where the record does not
 * tell, the moment at which the need was seen. A restart that was not kured's, such as that of a capture, does not
 * change it.
 */
export function rebootedAt(node: PoolNode, now: Date): Date | undefined {
    const needed = neededAt(node, now);
    if (!(needed instanceof Date)) {
        return undefined;
    }
    const wrote = node.kuredWroteAt;
    const holds = wrote !== undefined && wrote > needed && wrote.getTime() <= now.getTime() + CLOCK_SKEW_MS;
    return holds ? wrote : needed;
}

// With --post-reboot-node-labels kured writes to the node once more when it is back.
const LABELLED_WITHIN_MS = 10 * 60_000;

/** Before this moment a node that was rebooted then cannot have become Ready anew. In milliseconds. */
function earliestReady(node: PoolNode, rebooted: Date, now: Date): number {
    const needed = neededAt(node, now);
    const since = needed instanceof Date ? needed.getTime() : 0;
    return Math.max(since, rebooted.getTime() - LABELLED_WITHIN_MS);
}

/**
 * Whether kured has rebooted the node since the newest image. The node that an image is of is newer only once another
 * need was seen.
 */
export function isNewer(node: PoolNode, { now, newest, built }: Facts): boolean {
    const needed = neededAt(node, now);
    const rebooted = rebootedAt(node, now);
    if (!rebooted || !(needed instanceof Date) || compareVersions(versionOf(rebooted), newest) <= 0) {
        return false;
    }
    return !built.some((choice) => choice.node === node.name && choice.rebootNeededAt === asUtc(needed));
}

/** How long a node has been Ready, in milliseconds; 0 when it is not, or does not say since when. */
export function readyFor({ details }: PoolNode, now: Date): number {
    const since = details?.readySince?.getTime() ?? Number.NaN;
    return details?.ready && since <= now.getTime() ? now.getTime() - since : 0;
}

function minimumReady(node: PoolNode, facts: Facts): number {
    return isPending(node, facts) ? 0 : facts.rules.minimumReadyTimeMs;
}

/** Whether a node was chosen before, for an image that was never made, and kured has not rebooted it since. */
function isPending(node: PoolNode, { pending, now, newest }: Facts): boolean {
    const rebooted = rebootedAt(node, now);
    const version = rebooted ? versionOf(rebooted) : "";
    return pending.some(
        (choice) =>
            choice.node === node.name &&
            compareVersions(choice.version, newest) > 0 &&
            compareVersions(choice.version, version) >= 0,
    );
}
