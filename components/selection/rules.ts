// Which node of a pool is the one to take: the rules, in order, over plain facts. Pure: no client, no clock, no environment.
import { compareVersions, versionOf } from "../core/version";
import { REBOOT_IN_PROGRESS, REBOOT_NEEDED, readReboot } from "../node/kured";
import type { Choice, SelectionRules } from "./nodeSelection";
import { NODE_NAME_FORMAT } from "../node/nodeName";
import { instanceOf } from "../node/providerId";

/** A node as far as its metadata, which is cheap to have of all nodes. */
export interface PoolNode {
    name: string;
    labels: Record<string, string>;
    annotations: Record<string, string>;
    /** `spec.unschedulable`, unless it is so only because of a capture of ours that was interrupted. */
    cordoned: boolean;
    /** What only the whole object says; not there until somebody had reason to ask. */
    details?: NodeDetails;
}

/** What only the whole object of a node says. */
export interface NodeDetails {
    providerID: string;
    ready: boolean;
    /** Since when the Ready condition is as it is. */
    readySince?: Date;
}

/** What the rules look at besides the node. */
export interface Facts {
    /** ARM id of the pool's scale set. */
    scaleSetId: string;
    /** Now by the API server's clock. */
    now: Date;
    /** The newest image version there is; empty when there is none. */
    newest: string;
    /** The node that this program runs on, if it runs in the cluster. */
    ownNode?: string;
    rules: SelectionRules;
    /**
     * Choices made before whose image was never made. Their nodes had proved themselves when they were chosen, and that our own
     * capture restarted them since is nothing against them.
     */
    open: Choice[];
}

/** Why a node is not the one to take, in the order in which the rules are asked. */
export const REASONS = {
    badName: "with a name that Kubernetes does not allow",
    elsewhere: "of another scale set",
    own: "running this program",
    ignored: "in ignoreNodes",
    cordoned: "cordoned",
    controlPlane: "control plane",
    held: "with an ignored annotation",
    rebooting: "rebooting",
    neverRebooted: "without a reboot annotation",
    unusable: "with an unusable reboot annotation",
    future: "with a reboot annotation in the future",
    notNewer: "not newer than the image",
    notReady: "not Ready",
    tooFresh: "not Ready for long enough",
} as const;

export type Reason = keyof typeof REASONS;

/** One rule: whether a node falls to it. Rules that need a node's details let it pass while they are not there. */
type Rule = (node: PoolNode, facts: Facts) => boolean;

const CONTROL_PLANE = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];

/** The rules, in the order of REASONS. */
const RULES: Record<Reason, Rule> = {
    badName: ({ name }) => !NODE_NAME_FORMAT.test(name),
    elsewhere: ({ details }, { scaleSetId }) =>
        details !== undefined && instanceOf(details.providerID, scaleSetId) === undefined,
    own: ({ name }, { ownNode }) => name === ownNode,
    ignored: ({ name }, { rules }) => rules.ignoreNodes.includes(name),
    cordoned: ({ cordoned }) => cordoned,
    controlPlane: ({ labels }) =>
        CONTROL_PLANE.some((label) => Object.hasOwn(labels, label)) || labels["kubernetes.io/role"] === "master",
    held: ({ annotations }, { rules }) => rules.ignoreAnnotations.some((key) => Object.hasOwn(annotations, key)),
    rebooting: ({ annotations }) => Object.hasOwn(annotations, REBOOT_IN_PROGRESS),
    neverRebooted: (node, { now }) => rebootOf(node, now) === "none",
    unusable: (node, { now }) => rebootOf(node, now) === "unusable",
    future: (node, { now }) => rebootOf(node, now) === "future",
    notNewer: (node, { now, newest }) => {
        const reboot = rebootOf(node, now);
        return reboot instanceof Date && compareVersions(versionOf(reboot), newest) <= 0;
    },
    notReady: ({ details }) => details !== undefined && !details.ready,
    tooFresh: (node, facts) => node.details !== undefined && readyFor(node, facts.now) < minimumReady(node, facts),
};

/** The two rules that make a reboot a condition; an image that is too old does without them. */
const REBOOT_RULES: Reason[] = ["neverRebooted", "notNewer"];

/** Rules that even a node named outright must pass: what they say cannot be wished away. */
export const HARD_RULES: Reason[] = ["badName", "elsewhere", "own", "controlPlane", "rebooting", "notReady"];

/** All rules, and all but the reboot rules. */
export const ALL_RULES = Object.keys(RULES) as Reason[];
export const ALL_BUT_REBOOT = ALL_RULES.filter((reason) => !REBOOT_RULES.includes(reason));

/** The first rule, of those given, that a node falls to; undefined for a node that passes them all. */
export function firstFailure(node: PoolNode, facts: Facts, reasons: Reason[] = ALL_RULES): Reason | undefined {
    return reasons.find((reason) => RULES[reason](node, facts));
}

/** How many nodes fell to which rule, and who is left. */
export interface Verdict {
    /** Nodes of the pool, those left included. */
    total: number;
    fallen: Partial<Record<Reason, number>>;
    candidates: PoolNode[];
}

/** Applies the rules to all nodes, each falling to the first one that it does not pass. */
export function judge(nodes: PoolNode[], facts: Facts, reasons: Reason[] = ALL_RULES): Verdict {
    const fallen: Verdict["fallen"] = {};
    const candidates = nodes.filter((node) => {
        const reason = firstFailure(node, facts, reasons);
        if (reason) {
            fallen[reason] = (fallen[reason] ?? 0) + 1;
        }
        return reason === undefined;
    });
    // Nodes that turn out to be of another scale set are none of this pool's.
    const total = nodes.length - (fallen.elsewhere ?? 0);
    delete fallen.elsewhere;
    return { total, fallen, candidates };
}

/**
 * The node to take among the candidates: the most recently rebooted (`newest`) or the one Ready longest (`longest-ready`). The
 * same for the same facts, in whatever order they come: ties are broken by name.
 */
export function best(candidates: PoolNode[], facts: Facts): PoolNode | undefined {
    const rebooted = (node: PoolNode) => {
        const reboot = rebootOf(node, facts.now);
        return reboot instanceof Date ? reboot.getTime() : 0;
    };
    const since = (node: PoolNode) =>
        // One chosen before had been Ready longest; our capture restarted it.
        isOpen(node, facts) ? 0 : (node.details?.readySince?.getTime() ?? facts.now.getTime());
    const order =
        facts.rules.prefer === "longest-ready"
            ? (a: PoolNode, b: PoolNode) => since(a) - since(b)
            : (a: PoolNode, b: PoolNode) => rebooted(b) - rebooted(a);
    return [...candidates].sort((a, b) => order(a, b) || (a.name < b.name ? -1 : 1))[0];
}

/** The moment in a node's reboot annotation, or why there is none. */
export function rebootOf({ annotations }: PoolNode, now: Date): ReturnType<typeof readReboot> {
    return readReboot(Object.hasOwn(annotations, REBOOT_NEEDED) ? annotations[REBOOT_NEEDED] : undefined, now);
}

/** How long a node has been Ready, in milliseconds; 0 when it is not, or does not say since when. */
export function readyFor({ details }: PoolNode, now: Date): number {
    const since = details?.readySince?.getTime() ?? Number.NaN;
    return details?.ready && since <= now.getTime() ? now.getTime() - since : 0;
}

function minimumReady(node: PoolNode, facts: Facts): number {
    return isOpen(node, facts) ? 0 : facts.rules.minimumReadyTimeMs;
}

/** Whether a node was chosen before, for an image that was never made, and kured has not rebooted it since. */
function isOpen(node: PoolNode, { open, now, newest }: Facts): boolean {
    const reboot = rebootOf(node, now);
    const version = reboot instanceof Date ? versionOf(reboot) : "";
    return open.some(
        (choice) =>
            choice.node === node.name &&
            compareVersions(choice.version, newest) > 0 &&
            compareVersions(choice.version, version) >= 0,
    );
}
