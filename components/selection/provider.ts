// What the engine calls for a NodeSelection: check asks the cluster and the gallery, diff compares, create and update
// recover nodes.
import type { dynamic } from "@pulumi/pulumi";
import { UserError, oneLine } from "../core/errors";
import { info, note, warn } from "../engine/progress";
import { contenders, decide, type Decision, type DecisionInputs } from "./decide";
import {
    captureFailedLine,
    givenUpText,
    logLine,
    reasonFor,
    staleMarkLine,
    stateLine,
    unfinishedText,
    whyNone,
} from "./explain";
import { heldBy, isUnusable, needsPerson, outcomeLine } from "./held";
import { reconcile } from "./history";
import { otherNodesRefusal } from "../capi/clusters";
import { recoverNodes } from "../capture/recover";
import { unfinishedCapture } from "./unfinished";
import { REBOOT_IN_PROGRESS, REBOOT_NEEDED, aboutKured, readReboot } from "../node/kured";
import { joinedByKubeadm } from "../node/kubeadm";
import { holdsLock } from "../node/kuredDaemonSet";
import { isNearLimit, modelsText } from "./models";
import { imagesInUseBy, imagesOf, readAhead, singleVmsOf } from "./poolReads";
import { readNodes, type Nodes } from "./readNodes";
import { readCanary, readProofs } from "./readProofs";
import { describeVerdict } from "./verdict";
import {
    bootstrapOf,
    readState,
    type Choice,
    type NodeSelectionArgs,
    type NodeSelectionState,
    type StoredSelectionState,
} from "./nodeSelection";
import { usualKubeletVersion, type Facts, type PoolNode } from "./rules";
import { versionIn } from "../azure/ids";
import { sameVersion } from "../core/version";
import { ownNodeName } from "../node/ownNode";
import { instanceOf } from "../node/providerId";

export { configureFromStack as configure } from "../azure/settings";
// What of the state may be out of date, the next check decides; a selection is only a record.
export { forget as delete, read } from "../engine/plainProvider";

/**
 * Decides, at preview already: what it returns are the resource's known outputs. When nothing is better than what there
 * is, that is what there was. Whatever a user can mend is a failure of one line, not an exception.
 */
export async function check(
    olds: StoredSelectionState,
    news: NodeSelectionArgs,
): Promise<dynamic.CheckResult<NodeSelectionState>> {
    try {
        return { inputs: await select(readState(olds), news) };
    } catch (error) {
        // Of no property: the engine would print its value as well. The resource has the pool's name.
        return { failures: [{ property: "", reason: oneLine(error) }] };
    }
}

async function select(olds: Partial<NodeSelectionState>, args: NodeSelectionArgs): Promise<NodeSelectionState> {
    readAhead(args);
    const [nodes, gallery, singleVms] = await Promise.all([
        readNodes(args.kubernetes),
        imagesOf(args.imageDefinitionId),
        singleVmsOf(args),
    ]);
    const live = versionIn(args.imageId, args.imageDefinitionId);
    // The history of another scale set does not count.
    const before = sameId(olds.scaleSetId, args.scaleSetId) ? olds : {};
    const { pool, maxHistory, node, pin, reject = [], trust = [], scaleSetId, rules } = args;
    const { computerNamePrefix } = args;
    const inPool = await nodes.ofPool({ scaleSetId, computerNamePrefix, singleVms });
    refuseOtherNodes(args, nodes, inPool);
    const said = { rejected: reject, trusted: trust, failed: before.failed ?? [] };
    const found = reconcile(before.versions ?? [], gallery, live, args);
    const toProve = { built: found.built, live, verdicts: said };
    const { built, failed } = await readProofs(args, toProve, nodes, { inPool, singleVms });
    const history = { ...found, built };
    const facts: Facts = {
        scaleSetId,
        kubeletVersion: args.kubeletVersion ?? usualKubeletVersion(inPool),
        rules,
        now: nodes.now,
        newest: history.newest,
        ownNode: ownNodeName(),
        built: history.built,
        pending: history.pending,
    };
    const unfinished = inPool.flatMap((each) => unfinishedCapture(each, nodes.now) ?? []);
    const givenUp = before.givenUp ?? [];
    const way = await nodes.captureWay(args.captureMode);
    const shown = inPool.some(joinedByKubeadm) ? "keep" : undefined;
    const bootstrap = bootstrapOf(args.bootstrap ?? shown, before.versions ?? [], args.keptBootstrap);
    const inputs: DecisionInputs = {
        ...{ pool, facts, history, gallery, live, maxHistory, node, pin },
        ...{
            unfinished,
            givenUp,
            rebooting: nodes.rebooting,
            way,
            bootstrap,
            minimumReadyNodes: args.minimumReadyNodes,
            verdicts: { ...said, failed },
        },
    };
    const dead = unfinished.filter(({ state }) => state === "dead").map((capture) => capture.node);
    const marked = inPool.filter(isMarked).map(({ name }) => name);
    const possible = contenders(inPool, inputs);
    const known = await nodes.withDetails(inPool, [...possible, ...dead, ...marked]);
    // Azure is asked about the canary's machines, and how many images its own use, only where it matters.
    const [canary, inUse] =
        possible.length > 0
            ? await Promise.all([args.canary && readCanary(args.canary, nodes), imagesInUseBy(args, singleVms)])
            : [];
    const decision = decide(known, { ...inputs, canary, imagesInUse: inUse });
    if (shown && decision.current !== "") {
        refuseLostBootstrap(args, decision.versions);
    }
    const ofThisSet = known.filter(({ details }) => instanceOf(details?.providerID ?? "", scaleSetId) !== undefined);
    await say(args, decision, inputs, nodes, ofThisSet);
    await sayHeld(args, decision, inputs);
    await sayImages(inputs);
    if (decision.noChoice?.kind !== "models" && inUse && isNearLimit(inUse)) {
        await warn(`${pool}: ${modelsText(inUse)}`);
    }
    return {
        ...{ pool, scaleSetId, kubernetes: args.kubernetes },
        ...{ versions: decision.versions, current: decision.current, currentNode: decision.currentNode },
        // The node chosen is captured anew, which begins with its recovery.
        nodesToRecover: ofThisSet
            .map(({ name }) => name)
            .filter((name) => dead.includes(name) && name !== decision.chosen?.node.name),
        ...(decision.givenUp.length > 0 && { givenUp: decision.givenUp }),
        ...(decision.failed.length > 0 && { failed: decision.failed }),
        explanation: explanation(before, decision, facts),
    };
}

/**
 * Nodes that join by kubeadm do so by the custom data of the model, which Azure shows to nobody: once it is replaced it
 * is lost. With an image of this stack's own the choice says so; with any other one it has to be known from elsewhere.
 */
function refuseLostBootstrap({ pool, bootstrap, keptBootstrap }: NodeSelectionArgs, versions: Choice[]): void {
    if (bootstrapOf(bootstrap, versions, keptBootstrap) === "remove" && bootstrap === undefined) {
        throw new UserError(
            `${pool}: its nodes have joined by kubeadm, and none of its images says so, so that the model would lose the custom data ` +
                "by which new nodes join; set bootstrap: keep for the pool in kamino:pools (remove where they do not join by it)",
        );
    }
}

/** A pool without nodes is none to stop over, unless they are looked for in the wrong cluster. */
function refuseOtherNodes({ pool, cluster }: NodeSelectionArgs, { clusters }: Nodes, inPool: PoolNode[]): void {
    const reason = cluster !== undefined && inPool.length === 0 ? otherNodesRefusal(cluster, clusters) : undefined;
    if (reason) {
        throw new UserError(`${pool} is refused: ${reason}`);
    }
}

/** The lasting explanation: the one from before, as long as what it explains is the same. */
function explanation(before: Partial<NodeSelectionState>, decision: Decision, facts: Facts): string {
    const same = !versionsDiffer(before, decision) && before.current === decision.current;
    return (same && before.explanation) || stateLine(decision, facts, facts.newest);
}

async function say(
    { pool }: NodeSelectionArgs,
    decision: Decision,
    { facts }: DecisionInputs,
    nodes: Nodes,
    ofThisSet: PoolNode[],
): Promise<void> {
    await info(logLine(pool, decision, facts, facts.newest));
    if (decision.left?.kind === "failed") {
        await warn(`${pool}: ${describeVerdict(decision.left)}; these machines are left as they are`);
    }
    if (!nodes.annotated && !decision.chosen) {
        await warn(`${pool}: no node carries the annotation ${REBOOT_NEEDED}: ${aboutKured(await nodes.daemonSets())}`);
    }
    const suspects = ofThisSet.filter((node) => isMarked(node) && markOutlived(node, facts.now) !== undefined);
    if (suspects.length > 0) {
        const daemonSets = (await nodes.daemonSets()) ?? [];
        for (const node of suspects.filter(({ name }) => !holdsLock(daemonSets, name))) {
            const mark = markOutlived(node, facts.now)!.toISOString();
            await warn(`${pool}: ${staleMarkLine(node, REBOOT_IN_PROGRESS, mark, node.details!.readySince!)}`);
        }
    }
}

/** What holds the pool: for the runner always, for people once more where they have to do something. */
async function sayHeld(
    { pool, reject = [] }: NodeSelectionArgs,
    decision: Decision,
    { facts, unfinished }: DecisionInputs,
): Promise<void> {
    const { noChoice, givenUp } = decision;
    const held = heldBy(noChoice, unfinished);
    await note(outcomeLine({ pool, held, why: whyNone(decision, facts), rejected: reject }));
    for (const image of givenUp) {
        await warn(`${pool}: ${givenUpText(image)}`);
    }
    // Whatever else holds the pool as well.
    for (const capture of unfinished.filter(isUnusable)) {
        await warn(`${pool}: ${unfinishedText(capture)}`);
    }
    if (noChoice?.kind === "captureFailed") {
        await warn(`${pool}: ${captureFailedLine(noChoice)}`);
    } else if (noChoice && noChoice.kind !== "failed" && noChoice.kind !== "unfinished" && needsPerson(noChoice)) {
        await warn(`${pool}: no new image is taken: ${reasonFor(noChoice, facts)}`);
    }
}

/** What is wrong with images that are in use, or were. */
async function sayImages({ pool, live, history, gallery }: DecisionInputs): Promise<void> {
    if (live !== undefined && !gallery.some(({ version }) => sameVersion(version, live))) {
        await warn(
            `${pool}: image ${live} is not in the gallery any more, so no new node can start: pin a version that is there (pin), or name ` +
                "a node to make one of (node); the next node that kured reboots gives one as well",
        );
    }
    for (const version of history.changeFailed) {
        await warn(
            `${pool}: Azure could not carry out the last change of image ${version}, which is used in the regions that it was in: ` +
                "run up again, without the region that failed (targetRegions) where that fails as well",
        );
    }
}

function isMarked({ annotations }: PoolNode): boolean {
    return Object.hasOwn(annotations, REBOOT_IN_PROGRESS);
}

// kured frees a node within 90 seconds of its pod's start, and holds its lock until then.
const FREED_WITHIN_MS = 5 * 60_000;

/** The moment of a reboot mark whose node has become Ready since, long enough ago for kured to have removed it. */
function markOutlived({ annotations, details }: PoolNode, now: Date): Date | undefined {
    const mark = readReboot(annotations[REBOOT_IN_PROGRESS], now);
    const since = details?.ready ? details.readySince : undefined;
    const outlived = mark instanceof Date && since && since > mark && now.getTime() - since.getTime() > FREED_WITHIN_MS;
    return outlived ? mark : undefined;
}

/** A change of this resource's own fields only. Nodes that need no recovery any more are not a change. */
export async function diff(
    _id: string,
    stored: StoredSelectionState,
    news: NodeSelectionState,
): Promise<dynamic.DiffResult> {
    const olds = readState(stored);
    const recovers = news.nodesToRecover.some((name) => !olds.nodesToRecover?.includes(name));
    const plain = ({ givenUp = [], failed = [] }: Partial<NodeSelectionState>) =>
        [givenUp, failed].map((images) => images.map(({ version }) => version).join()).join("\n");
    const changes =
        recovers || olds.current !== news.current || versionsDiffer(olds, news) || plain(olds) !== plain(news);
    return Promise.resolve({ changes });
}

function versionsDiffer(
    a: Pick<Partial<NodeSelectionState>, "versions">,
    b: Pick<NodeSelectionState, "versions">,
): boolean {
    const plain = ({ versions = [] }: typeof a) =>
        versions.map(({ version, node, instanceId, attempt, capture, missing = false }) =>
            [version, node, instanceId, attempt, capture, missing].join(),
        );
    return plain(a).join("\n") !== plain(b).join("\n");
}

/** The first selection of a pool. */
export async function create(inputs: NodeSelectionState): Promise<dynamic.CreateResult<NodeSelectionState>> {
    return { id: inputs.pool, outs: await carryOut(inputs) };
}

/** A new selection, of another node or with nodes to recover. */
export async function update(
    _id: string,
    _olds: StoredSelectionState,
    news: NodeSelectionState,
): Promise<dynamic.UpdateResult<NodeSelectionState>> {
    return { outs: await carryOut(news) };
}

// What was recovered is done: a node whose capture is cut off once more must show as a change again.
async function carryOut(inputs: NodeSelectionState): Promise<NodeSelectionState> {
    await recoverNodes(inputs.pool, inputs.nodesToRecover, inputs.kubernetes);
    return { ...inputs, nodesToRecover: [] };
}

function sameId(a: string | undefined, b: string): boolean {
    return a === undefined || a.toLowerCase() === b.toLowerCase();
}
