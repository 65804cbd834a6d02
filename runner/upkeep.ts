// What `up --upkeep` does before its preview: it restores the nodes that captures which died have left out of service.
// That needs no review, and no lock on the state.
import { configureAzure } from "../components/azure/settings";
import { recoverNode } from "../components/capture/recover";
import { settingsIn } from "../components/config/load";
import { oneLine } from "../components/core/errors";
import { NODE_SELECTION_TYPE } from "../components/core/resourceTypes";
import { kubernetes } from "../components/node/kubernetes";
import { listedNodeOf, listWholeNodes } from "../components/node/nodeList";
import { byInstance } from "../components/node/providerId";
import type { StoredSelectionState } from "../components/selection/nodeSelection";
import { unfinishedCapture } from "../components/selection/unfinished";
import type { Options } from "./options";
import { configuration, selectedStack, stateOf, type RunContext } from "./pulumi";

/** What became of nodes that captures had left out of service. */
export interface Restored {
    /** Names of those that are back. */
    nodes: string[];
    /** Why others are not, one line each. */
    problems: string[];
}

/**
 * Restores the nodes of the stack's pools that captures which died have left, one after the other.
 *
 * @throws UserError in one line when the state, the configuration or the cluster cannot be read
 */
export async function restoreNodes(options: Options, context: RunContext): Promise<Restored> {
    const stack = options.stack ?? (await selectedStack(context));
    const [config, resources] = await Promise.all([
        configuration(stack, options.configFile, context),
        stateOf(stack, context),
    ]);
    configureAzure((name) => config[`azure-native:${name}`]);
    const { kubeconfig, context: name, workloadCluster } = settingsIn(config);
    const cluster = { kubeconfig, context: name, workloadCluster };
    const pools = resources
        .filter(({ type }) => type === NODE_SELECTION_TYPE)
        .map(({ outputs = {} }) => (outputs as StoredSelectionState).scaleSetId ?? "");
    const restored: Restored = { nodes: [], problems: [] };
    for (const node of await deadCaptures(pools, cluster)) {
        if (context.stop.aborted) {
            break;
        }
        try {
            restored.nodes.push(...((await recoverNode(node, cluster)) ? [node] : []));
        } catch (error) {
            restored.problems.push(oneLine(error));
        }
    }
    return restored;
}

/** Names of the pools' nodes that carry the journal of a capture which has died, as far as one look tells. */
async function deadCaptures(pools: string[], settings: Parameters<typeof kubernetes>[0]): Promise<string[]> {
    const all = await listWholeNodes(await kubernetes(settings));
    const own = pools.flatMap((pool) => [...byInstance(all, ({ spec }) => spec?.providerID, pool).values()]);
    const captures = own.flatMap((node) => unfinishedCapture(listedNodeOf(node), new Date()) ?? []);
    return captures.filter(({ state }) => state === "dead").map(({ node }) => node);
}
