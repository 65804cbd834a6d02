// What the engine calls for a NodeSelection: check asks the cluster and the gallery, diff compares, create and update put nodes back.
import type { dynamic } from "@pulumi/pulumi";
import { configureAzure } from "../azure/client";
import { UserError, oneLine } from "../core/errors";
import { info, warn } from "../engine/progress";
import { decide, undecided, type Decision, type Question } from "./decide";
import { freshLine, lastingLine } from "./explain";
import { reconcile } from "./history";
import { readImages } from "../azure/imageVersions";
import { recoverNodes } from "../capture/recover";
import { interrupted } from "./interrupted";
import { REBOOT_NEEDED, aboutKured } from "../node/kured";
import { readNodes, type Nodes } from "./readNodes";
import type { NodeSelectionArgs, NodeSelectionState } from "./nodeSelection";
import { versionIn } from "../azure/ids";
import { instanceOf } from "../node/providerId";

/** Takes the stack's configuration, which the process of the dynamic resources does not have by itself. */
export async function configure({ config }: dynamic.ConfigureRequest): Promise<void> {
    configureAzure((name) => config.get(`azure-native:${name}`));
    return Promise.resolve();
}

/**
 * Decides, at preview already: what it returns are the resource's known outputs. When nothing is better than what there is, that
 * is what there was. Whatever a user can mend is a failure of one line, not an exception.
 */
export async function check(
    olds: Partial<NodeSelectionState>,
    news: NodeSelectionArgs,
): Promise<dynamic.CheckResult<NodeSelectionState>> {
    try {
        return { inputs: await select(olds, news) };
    } catch (error) {
        // Of no property: the engine would print its value as well. The resource has the pool's name.
        const reason = error instanceof UserError ? error.message : oneLine(error);
        return { failures: [{ property: "", reason }] };
    }
}

async function select(olds: Partial<NodeSelectionState>, args: NodeSelectionArgs): Promise<NodeSelectionState> {
    const [nodes, gallery] = await Promise.all([readNodes(args.kubernetes), readImages(args.imageDefinitionId)]);
    const live = versionIn(args.imageId, args.imageDefinitionId);
    // Another scale set's history is none of this one's.
    const before = sameId(olds.scaleSetId, args.scaleSetId) ? olds : {};
    const history = reconcile(before.versions ?? [], gallery, live);
    const { pool, maxHistory, node, pin, scaleSetId, rules } = args;
    const facts = {
        scaleSetId,
        rules,
        now: nodes.now,
        newest: history.newest,
        ownNode: process.env.NODE_NAME,
        open: history.open,
    };
    const question: Question = { pool, facts, history, gallery, live, maxHistory, node, pin };

    const inPool = await nodes.ofScaleSet(scaleSetId, args.computerNamePrefix);
    const known = await nodes.withDetails(inPool, [...undecided(inPool, question), ...interrupted(inPool, nodes.now)]);
    const decision = decide(known, question);
    const ofThisSet = known.filter(({ details }) => instanceOf(details?.providerID ?? "", scaleSetId) !== undefined);
    // The node chosen is captured anew, which starts by putting it back.
    const restore = interrupted(ofThisSet, nodes.now).filter((name) => name !== decision.chosen?.node.name);
    await say(args, decision, question, nodes);
    return {
        ...{ pool, scaleSetId, kubernetes: args.kubernetes },
        ...{ versions: decision.versions, current: decision.current, currentNode: decision.currentNode, restore },
        explanation: explanation(before, decision, history.newest),
    };
}

/** The lasting explanation: the one from before, as long as what it explains is the same. */
function explanation(before: Partial<NodeSelectionState>, decision: Decision, newest: string): string {
    const same = !versionsDiffer(before, decision) && before.current === decision.current;
    return (same && before.explanation) || lastingLine(decision, newest);
}

async function say({ pool }: NodeSelectionArgs, decision: Decision, { facts }: Question, nodes: Nodes): Promise<void> {
    await info(freshLine(pool, decision, facts, facts.newest));
    if (!nodes.annotated && !decision.chosen) {
        await warn(`${pool}: no node carries the annotation ${REBOOT_NEEDED}: ${aboutKured(await nodes.daemonSets())}`);
    }
}

/** A change of this resource's own fields only. Nodes that need no putting back any more are no change. */
export async function diff(
    _id: string,
    olds: Partial<NodeSelectionState>,
    news: NodeSelectionState,
): Promise<dynamic.DiffResult> {
    const putBack = news.restore.some((name) => !olds.restore?.includes(name));
    const changes = putBack || olds.current !== news.current || versionsDiffer(olds, news);
    return Promise.resolve({ changes });
}

function versionsDiffer(
    a: Pick<Partial<NodeSelectionState>, "versions">,
    b: Pick<NodeSelectionState, "versions">,
): boolean {
    const plain = ({ versions = [] }: typeof a) =>
        versions.map(({ version, node, instanceId, attempt }) => [version, node, instanceId, attempt].join());
    return plain(a).join("\n") !== plain(b).join("\n");
}

/** The first selection of a pool. */
export async function create(inputs: NodeSelectionState): Promise<dynamic.CreateResult<NodeSelectionState>> {
    return { id: inputs.pool, outs: await carryOut(inputs) };
}

/** A new selection, of another node or with nodes to put back. */
export async function update(
    _id: string,
    _olds: NodeSelectionState,
    news: NodeSelectionState,
): Promise<dynamic.UpdateResult<NodeSelectionState>> {
    return { outs: await carryOut(news) };
}

/** The state as it is: what of it may be out of date, the next check decides. */
export async function read(id: string, props?: NodeSelectionState): Promise<dynamic.ReadResult<NodeSelectionState>> {
    return Promise.resolve({ id, props });
}

/** A selection is nothing but a record. */
async function forget(): Promise<void> {
    return Promise.resolve();
}
export { forget as delete };

// What was put back is done: a node that is interrupted once more must show as a change again.
async function carryOut(inputs: NodeSelectionState): Promise<NodeSelectionState> {
    await recoverNodes(inputs.pool, inputs.restore, inputs.kubernetes);
    return { ...inputs, restore: [] };
}

function sameId(a: string | undefined, b: string): boolean {
    return a === undefined || a.toLowerCase() === b.toLowerCase();
}
