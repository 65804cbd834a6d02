// How a stack's pools stand, for people and for programs. Pure.
import { roundedDown } from "../../components/core/duration";
import { compareVersions, includesVersion, momentOf, sameVersion } from "../../components/core/version";
import { REBOOT_IN_PROGRESS } from "../../components/node/kured";
import { isBeingRebooted } from "../../components/node/nodeList";
import { keepsExtension, parseExtensionText } from "../../components/pool/extensions";
import { foreignChanges, shortImage, type ForeignChange } from "../../components/pool/foreignChanges";
import { isNearLimit, modelsText } from "../../components/selection/models";
import { unfinishedText } from "../../components/selection/explain";
import { proofOf, type Proof, type ProofRules } from "../../components/selection/proof";
import { neededAt, rebootedAt, type PoolNode } from "../../components/selection/rules";
import { describeFailure } from "../../components/selection/verdict";
import { outlookOf, type Forecast, type NodeVerdict } from "./forecast";
import { newNodesOf, type NewNodesStatus } from "./newNodes";
import type { PoolFacts } from "./read";

/** An image version of a pool, or another image that its machines were made from. */
export interface ImageStatus {
    /** The version, or an image that is not of the pool's definition. */
    image: string;
    /** Azure's word for its state, where it is not ready for use. */
    state?: string;
    /** The moment that it is named by: when the reboot of the node began whose disk it is. */
    namedBy?: Date;
    /** Days and hours since that moment. */
    age?: string;
    /** When Azure began to make it. */
    publishedAt?: Date;
    /** The node whose disk it is. */
    donor?: string;
    /** Whether new machines start from it. */
    current: boolean;
    machines: number;
    ready: number;
    /** What its machines say of it, unless the configuration has the last word. */
    proof?: Proof["state"] | "rejected" | "trusted";
    /** Machines that have not become Ready in time. */
    late: string[];
}

/** One machine of a pool and its node; or a node whose machine Azure does not list any more. */
export interface NodeStatus extends NodeVerdict {
    /** Name of the node, or of the computer where it has no node. */
    name: string;
    /** Which image its machine was made from; left out where Azure does not list the machine. */
    image?: string;
    state: "Ready" | "not Ready" | "no node";
    /** Whether it should be Ready by now, and never was. */
    late: boolean;
    /** When Azure made the machine. */
    madeAt?: Date;
    /** When the node registered. */
    registeredAt?: Date;
    /** Since when it is Ready. */
    readySince?: Date;
    /** When kured saw the need for its latest reboot. */
    needSeenAt?: Date;
    /** When kured began that reboot; left out while it is still to come. */
    rebootedAt?: Date;
}

/** How one pool stands. */
export interface PoolStatus {
    pool: string;
    scaleSetId: string;
    /** What the last update decided, in its own words. */
    explanation: string;
    /** What new machines start from. */
    model: string;
    /** What an `up` would do. */
    next: Forecast;
    images: ImageStatus[];
    nodes: NodeStatus[];
    /** Nodes that were added after bumps, or are being added, so that images prove themselves. */
    newNodes: NewNodesStatus[];
    /** What somebody should look at, one line each. */
    attention: string[];
    /** What could not be read, one sentence each. */
    unknown: string[];
}

/** What an image is judged by: its machines, and what the configuration says of it. */
export type StatusRules = ProofRules & { reject?: string[]; trust?: string[] };

/** Works out how a pool stands. */
export function statusOf(facts: PoolFacts, now: Date, rules: StatusRules): PoolStatus {
    const { name, state, unfinished, leftovers, imagesInUse = [] } = facts;
    const images = imagesOf(facts, now, rules);
    const changes = changesOf(facts);
    const { next, verdicts, held } = outlookOf(facts, changes, now);
    const failed = state.selection.failed ?? [];
    const attention = [
        ...changes.map(foreignLine),
        ...images
            .filter(({ proof }) => proof === "failed")
            .map(({ image, machines, late }) => {
                const known = failed.find((each) => sameVersion(each.version, image));
                return describeFailure(late.length > 0 || !known ? { version: image, machines, late } : known);
            }),
        ...(isNearLimit(imagesInUse) ? [modelsText(imagesInUse)] : []),
        ...held,
        ...unfinished.map((capture) =>
            capture.state === "unusable"
                ? unfinishedText(capture)
                : `node ${capture.node}: its capture for image ${capture.version} is ${capture.state}`,
        ),
        ...leftovers.map(
            (each) => `${each}: of a capture that is under way or was interrupted; the next up uses or removes it`,
        ),
        ...(next.stops && changes.length === 0 ? [`an up stops: ${next.stops}`] : []),
    ];
    const nodes = nodesOf(facts, verdicts, now, rules);
    return {
        pool: name,
        ...{ scaleSetId: state.output.scaleSetId, explanation: state.output.explanation },
        model: shortImage(facts.live.image, facts.definition),
        ...{ next, images, nodes, newNodes: newNodesOf(facts, nodes), attention, unknown: facts.unknown },
    };
}

function imagesOf(facts: PoolFacts, now: Date, rules: StatusRules): ImageStatus[] {
    const { gallery, definition } = facts;
    const nameOf = (image: string) => shortImage(image, definition);
    const versions = gallery
        .map(({ version }) => version)
        .sort(compareVersions)
        .reverse();
    const made = [...facts.machines].map(([image, machines]) => ({ image: nameOf(image), machines }));
    const others = made.map(({ image }) => image).filter((image) => !versions.some((each) => isSame(each, image)));
    return [...versions, ...new Set(others.sort())].map((image): ImageStatus => {
        const machines = made.filter((each) => isSame(each.image, image)).flatMap((each) => each.machines);
        const version = gallery.find((each) => each.version === image);
        const { state, late } = proofOf(machines, now, rules);
        return {
            image,
            current: isSame(image, nameOf(facts.live.image)),
            machines: machines.length,
            ready: machines.filter(({ ready }) => ready).length,
            ...(version && { ...versionFacts(version, now), proof: judged(image, state, facts.state, rules) }),
            late,
        };
    });
}

/** The configuration has the last word, then what the state has kept: it outlives the machines that have shown it. */
function judged(
    image: string,
    state: Proof["state"],
    { selection: { versions = [], failed = [] } }: PoolFacts["state"],
    { reject = [], trust = [] }: StatusRules,
): ImageStatus["proof"] {
    if (includesVersion(reject, image) || includesVersion(trust, image)) {
        return includesVersion(reject, image) ? "rejected" : "trusted";
    }
    const isIts = (each: { version: string }) => sameVersion(each.version, image);
    return versions.find(isIts)?.proven ? "proven" : failed.some(isIts) ? "failed" : state;
}

function versionFacts({ version, state, node, publishedAt }: PoolFacts["gallery"][number], now: Date) {
    const namedBy = momentOf(version);
    return {
        ...(state !== "Succeeded" && { state }),
        ...(namedBy && { namedBy, age: roundedDown(now.getTime() - namedBy.getTime()) }),
        publishedAt,
        donor: node,
    };
}

/** What others have changed of the model since this stack's last run. */
function changesOf({ state, live, settings, definition }: PoolFacts): ForeignChange[] {
    const { output } = state;
    const { removeExtensions = [], keepExtensions = [], bootstrap = output.bootstrap } = settings?.scaleSet ?? {};
    const changes = foreignChanges({
        ...{ previous: output, live, imageDefinitionId: definition, pin: settings?.selection.pin },
        removes: (text) => !keepsExtension(parseExtensionText(text), { removeExtensions, keepExtensions, bootstrap }),
    });
    // Azure may drop a leading zero of a version.
    return changes.filter(({ what, live, wanted }) => what !== "image" || !isSame(live, wanted));
}

function foreignLine({ what, text, live, wanted }: ForeignChange): string {
    const found =
        what === "image" ? `new machines start from ${live}, and this stack left the model at ${wanted}` : text;
    return `${found}: somebody else has changed it`;
}

function nodesOf(facts: PoolFacts, verdicts: Map<string, NodeVerdict>, now: Date, rules: StatusRules): NodeStatus[] {
    const nodes = new Map(facts.nodes.map((node) => [node.name, node]));
    const machines = [...facts.machines].flatMap(([image, made]) => {
        const { late } = proofOf(made, now, rules);
        return made.map((machine) => ({ machine, image: shortImage(image, facts.definition), late }));
    });
    const listed = new Set(machines.map(({ machine }) => machine.name));
    const verdictOn = (name: string) => verdicts.get(name) ?? { candidate: false };
    return [
        ...machines.map(({ machine, image, late }) => ({
            ...nodeFacts(machine.name, nodes.get(machine.name), now),
            ...{ image, madeAt: machine.madeAt, late: late.includes(machine.name) },
            ...verdictOn(machine.name),
        })),
        ...facts.nodes
            .filter(({ name }) => !listed.has(name))
            .map((node) => ({ ...nodeFacts(node.name, node, now), late: false, ...verdictOn(node.name) })),
    ].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function nodeFacts(name: string, node: PoolNode | undefined, now: Date) {
    if (!node) {
        return { name, state: "no node" as const };
    }
    const { ready = node.ready, readySince, createdAt } = node.details ?? {};
    const needed = neededAt(node, now);
    return {
        name,
        state: ready ? ("Ready" as const) : ("not Ready" as const),
        registeredAt: createdAt,
        ...(ready && { readySince }),
        ...(needed instanceof Date && { needSeenAt: needed, rebootedAt: rebootOf(node, now) }),
    };
}

/** A node that waits for its reboot has its need from then on, and no reboot yet. */
function rebootOf(node: PoolNode, now: Date): Date | undefined {
    const isOver = !Object.hasOwn(node.annotations, REBOOT_IN_PROGRESS);
    return isOver || isBeingRebooted(node) ? rebootedAt(node, now) : undefined;
}

/** The machines' names of one image, as tables show them. */
export function namesOf(nodes: NodeStatus[], image: string): string[] {
    return nodes.filter((node) => node.image !== undefined && isSame(node.image, image)).map(({ name }) => name);
}

/** Whether two names are of the same image: ids are compared without case, versions by their numbers. */
export function isSame(a: string, b: string): boolean {
    return a.toLowerCase() === b.toLowerCase() || sameVersion(a, b);
}
