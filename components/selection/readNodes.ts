// Reading the cluster's nodes: the list of all of them once per run, and the whole object only of those that could win.
import type { V1DaemonSet, V1Node } from "@kubernetes/client-node";
import { clustersOfNodes } from "../capi/clusters";
import { isComputerName } from "../azure/computerName";
import type { MachineVm } from "../capi/machines";
import { captureWay, type CaptureMode, type CaptureWay } from "../capture/mode";
import { parseMoment } from "../core/duration";
import { UserError, statusOf } from "../core/errors";
import { flexibleScaleSetIn } from "../core/machinesId";
import { freshPer, oncePer } from "../core/once";
import { describe, kubernetes, type Kubernetes, type KubernetesSettings } from "../node/kubernetes";
import { contentOf } from "./content";
import { withoutOwnCordon } from "./unfinished";
import { listDaemonSets } from "../node/kuredCluster";
import { readNode } from "../node/node";
import { REBOOT_IN_PROGRESS, REBOOT_NEEDED } from "../node/kured";
import { HOSTNAME, isBeingRebooted, listNodes, listWholeNodes } from "../node/nodeList";
import { type NodeDetails, type PoolNode } from "./rules";
import { NODE_NAME_FORMAT } from "../node/nodeName";
import { instanceOf } from "../node/providerId";

/** Which VMs are a pool's. */
export interface PoolVms {
    /** ARM id of the scale set, or the id of a pool of single VMs. */
    scaleSetId: string;
    /** What names of a scale set's VMs begin with. */
    computerNamePrefix?: string;
    /** Where the pool's VMs are single ones: which. */
    singleVms?: MachineVm[];
}

/** What reading the cluster gives. */
export interface Nodes {
    /** Address of the API server, for messages. */
    server: string;
    /** Now by the API server's clock. */
    now: Date;
    /** Whether any node of the cluster carries one of kured's annotations. */
    annotated: boolean;
    /** Names of the Clusters of Cluster API that the nodes belong to. */
    clusters: string[];
    /** Names of the cluster's nodes that kured is rebooting. */
    rebooting: string[];
    /** The nodes that may be of this pool; with their details where their names do not tell. */
    ofPool(pool: PoolVms): Promise<PoolNode[]>;
    /** The same nodes, with details of those named; a node that has gone meanwhile is left out. */
    withDetails(nodes: PoolNode[], names: string[]): Promise<PoolNode[]>;
    /** Which way a disk is captured, where this is what the configuration says. */
    captureWay(configured: CaptureMode | undefined): Promise<CaptureWay>;
    /** All DaemonSets, or undefined when they may not be listed. */
    daemonSets(): Promise<V1DaemonSet[] | undefined>;
}

const nodesOf = freshPer((cluster: Kubernetes) => cluster, read);

/**
 * The cluster's nodes, read once for all pools of a run.
 *
 * @throws UserError in one line when the kubeconfig is of no use, or the API server is away or refuses
 */
export async function readNodes(settings: KubernetesSettings): Promise<Nodes> {
    return nodesOf(await kubernetes(settings));
}

async function read(cluster: Kubernetes): Promise<Nodes> {
    const { nodes, now } = await listNodes(cluster);
    const all = nodes.map((node): PoolNode => withoutOwnCordon(node, now));
    const details = new Map<string, NodeDetails>();
    return {
        server: cluster.server,
        now,
        annotated: all.some(({ annotations }) =>
            [REBOOT_NEEDED, REBOOT_IN_PROGRESS].some((key) => Object.hasOwn(annotations, key)),
        ),
        clusters: clustersOfNodes(all),
        rebooting: all.filter(isBeingRebooted).map(({ name }) => name),
        ofPool: (pool) =>
            pool.singleVms
                ? ofSingleVms(cluster, all, details, { ...pool, singleVms: pool.singleVms })
                : narrow(cluster, all, details, pool.scaleSetId, pool.computerNamePrefix),
        withDetails: (nodes, names) => addDetails(cluster, nodes, details, names),
        captureWay: oncePer(
            (configured: CaptureMode | undefined) => configured,
            (configured) => captureWay(cluster, configured),
        ),
        daemonSets: () => readDaemonSets(cluster),
    };
}

/**
 * The nodes that are named like computers of the scale set. Where no node is named so (kubelet can be given another
 * name), the provider ids of all nodes tell.
 */
async function narrow(
    cluster: Kubernetes,
    all: PoolNode[],
    details: Map<string, NodeDetails>,
    scaleSetId: string,
    prefix = "",
): Promise<PoolNode[]> {
    const named = all.filter(({ name }) => isComputerName(name, prefix));
    if (named.length > 0) {
        return named;
    }
    const whole = await addDetails(
        cluster,
        all,
        details,
        all.map(({ name }) => name),
    );
    return whole.filter((node) => node.details && instanceOf(node.details.providerID, scaleSetId) !== undefined);
}

/**
 * The nodes of these VMs: those that Cluster API says are theirs, as long as their provider ids say the same. A machine
 * has no node until it has joined. Of a Flexible scale set's VM the computer's name is a guess alone: where no node is
 * named so, the provider ids of all nodes tell.
 */
async function ofSingleVms(
    cluster: Kubernetes,
    all: PoolNode[],
    details: Map<string, NodeDetails>,
    { scaleSetId, singleVms: vms }: PoolVms & { singleVms: MachineVm[] },
): Promise<PoolNode[]> {
    const guessed = flexibleScaleSetIn(scaleSetId) !== undefined;
    const named = all.filter(({ name }) => vms.some(({ node }) => node === name));
    const candidates = guessed && named.length === 0 && vms.length > 0 ? all : named;
    const names = candidates.map(({ name }) => name);
    const whole = await addDetails(cluster, candidates, details, names);
    const nodeOf = new Map(vms.map(({ node, vmId }) => [`azure://${vmId}`.toLowerCase(), node]));
    return whole.filter(({ name, details }) => {
        const id = details?.providerID.toLowerCase() ?? "";
        return nodeOf.has(id) && (guessed || nodeOf.get(id) === name);
    });
}

// Beyond this many names an address gets too long for proxies, and pages of all nodes are read.
const MOST_NAMED = 60;

async function addDetails(
    cluster: Kubernetes,
    nodes: PoolNode[],
    known: Map<string, NodeDetails>,
    names: string[],
): Promise<PoolNode[]> {
    const wanted = new Set(names);
    // Only what is a node's name goes into an address.
    const missing = nodes.filter(({ name }) => wanted.has(name) && NODE_NAME_FORMAT.test(name) && !known.has(name));
    const add = (found: V1Node[]) => found.forEach((node) => known.set(node.metadata?.name ?? "", detailsOf(node)));
    const isMissing = ({ name }: PoolNode) => !known.has(name);
    if (missing.length > 1) {
        add(await listTheseNodes(cluster, missing));
    }
    if (missing.length <= MOST_NAMED) {
        // One alone, and what a list by labels does not have: as a rule it has gone.
        const rest = missing.filter(isMissing).map(({ name }) => name);
        add(await getEach(cluster, rest));
    }
    const gone = new Set(missing.filter(isMissing).map(({ name }) => name));
    return nodes
        .filter(({ name }) => !gone.has(name))
        .map((node) => (wanted.has(node.name) ? { ...node, details: known.get(node.name) } : node));
}

/** Reads several nodes by one list, as far as a label names them. */
async function listTheseNodes(cluster: Kubernetes, nodes: PoolNode[]): Promise<V1Node[]> {
    if (nodes.length > MOST_NAMED) {
        return await listWholeNodes(cluster);
    }
    const hostnames = nodes.flatMap(({ labels }) => labels[HOSTNAME] || []);
    return hostnames.length > 0 ? await listWholeNodes(cluster, hostnames) : [];
}

async function getEach(cluster: Kubernetes, names: string[]): Promise<V1Node[]> {
    const nodes = await Promise.all(
        names.map((name) =>
            readNode(cluster, name).catch((error: unknown) => {
                throw new UserError(describe(error, cluster.server));
            }),
        ),
    );
    return nodes.filter((node) => node !== undefined);
}

/** What the whole object of a node says besides what a list of nodes shows. */
export function detailsOf({ metadata, spec, status }: V1Node): NodeDetails {
    const ready = status?.conditions?.find(({ type }) => type === "Ready");
    return {
        providerID: spec?.providerID ?? "",
        ready: ready?.status === "True",
        readySince: parseMoment(ready?.lastTransitionTime),
        createdAt: parseMoment(metadata?.creationTimestamp),
        content: contentOf(status?.nodeInfo),
        taints: (spec?.taints ?? []).map(({ key }) => key),
    };
}

async function readDaemonSets(cluster: Kubernetes): Promise<V1DaemonSet[] | undefined> {
    try {
        return await listDaemonSets(cluster);
    } catch (error) {
        if (statusOf(error) === 403) {
            return undefined;
        }
        throw new UserError(describe(error, cluster.server));
    }
}
