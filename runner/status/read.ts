// Reads how a stack's pools stand: from its state, Azure and the cluster. Changes nothing.
import type { V1Node } from "@kubernetes/client-node";
import { recordOf, recordOfImage, type ModelRecord } from "../../policies/contract";
import { collect, computeClient, readOrUndefined } from "../../components/azure/client";
import { parseArmId } from "../../components/azure/ids";
import { readImages, type GalleryVersion } from "../../components/azure/imageVersions";
import type { Machine } from "../../components/azure/machines";
import { readScaleSet } from "../../components/azure/scaleSets";
import { isOwned } from "../../components/azure/tags";
import { captureWay, type CaptureWay } from "../../components/capture/mode";
import type { MachineVm } from "../../components/capi/machines";
import type { PoolSettings } from "../../components/config/load";
import { UserError, statusOf } from "../../components/core/errors";
import { oncePer } from "../../components/core/once";
import type { Kubernetes, KubernetesSettings } from "../../components/node/kubernetes";
import { isBeingRebooted, listWholeNodes, listedNodeOf } from "../../components/node/nodeList";
import { byInstance } from "../../components/node/providerId";
import { modelAsItIs, poolIdOf } from "../../components/pool/model";
import type { CanaryProof } from "../../components/selection/decide";
import { imagesInUse, type ImageInUse } from "../../components/selection/models";
import { withNode, type MachineAndNode } from "../../components/selection/proof";
import { detailsOf } from "../../components/selection/readNodes";
import { machinesOfPool, singleVmsOf } from "../../components/selection/poolReads";
import type { PoolNode } from "../../components/selection/rules";
import { unfinishedCapture, withoutOwnCordon, type UnfinishedCapture } from "../../components/selection/unfinished";
import { readCapi, type CapiFacts } from "./capi";
import { definitionOf, type PoolState } from "./state";

/** How a pool stands. */
export interface PoolFacts {
    name: string;
    /** Tells which nodes are the pool's: the scale set's id, or that of a pool of single VMs. */
    poolId: string;
    state: PoolState;
    /** Its settings; undefined for a pool that the configuration does not name any more. */
    settings?: PoolSettings;
    /** The record of its model now. */
    live: ModelRecord;
    /** How many machines its scale set is to have, and its tags; left out of a pool that Cluster API has. */
    scaleSet?: { capacity: number; tags: Record<string, string> };
    /** ARM id of its image definition, which the stack has written last; empty while there is none. */
    definition: string;
    /** The definition's versions. */
    gallery: GalleryVersion[];
    /** Its machines by the image that each was made from. */
    machines: Map<string, MachineAndNode[]>;
    /** The images that these were made from, the oldest first; left out of single VMs. */
    imagesInUse?: ImageInUse[];
    /** Its nodes, with their details. */
    nodes: PoolNode[];
    /** Nodes of the cluster that kured is rebooting. */
    rebooting: string[];
    /** How a disk would be captured, or why a run would stop over that. */
    way: CaptureWay | { stops: string };
    /** What the management cluster says of a pool of Cluster API; left out where that is not known. */
    capi?: CapiFacts;
    /** What another pool has proven, for which this one waits. */
    canary?: CanaryProof;
    /** Captures that have not ended. */
    unfinished: UnfinishedCapture[];
    /** Names of disks and snapshots that captures have left. */
    leftovers: string[];
    /** What could not be read, one sentence each. */
    unknown: string[];
}

/** What is read of the cluster once for all pools. */
export interface ClusterFacts {
    nodes: V1Node[];
    rebooting: string[];
    /** How a disk is captured where this is what the configuration says. */
    wayOf(mode: PoolSettings["capture"]["mode"]): Promise<PoolFacts["way"]>;
}

/** What is known of the cluster of the nodes, and how to reach that of Cluster API. */
export interface Clusters {
    cluster: ClusterFacts;
    management: KubernetesSettings;
    /** The Cluster whose nodes they are, where the configuration names it. */
    workloadCluster?: KubernetesSettings["workloadCluster"];
}

/** @throws UserError in one line when the API server is away or refuses */
export async function readCluster(cluster: Kubernetes): Promise<ClusterFacts> {
    const nodes = await listWholeNodes(cluster);
    return {
        nodes,
        rebooting: nodes
            .map(listedNodeOf)
            .filter(isBeingRebooted)
            .map(({ name }) => name),
        wayOf: oncePer(
            (mode: PoolSettings["capture"]["mode"]) => mode,
            (mode) => captureWay(cluster, mode).catch(stops),
        ),
    };
}

function stops(error: unknown): { stops: string } {
    if (error instanceof UserError) {
        return { stops: error.message };
    }
    throw error;
}

/** @throws UserError in one line */
export async function readPool(
    name: string,
    state: PoolState,
    settings: PoolSettings | undefined,
    { cluster, management, workloadCluster }: Clusters,
    now: Date,
): Promise<PoolFacts> {
    const { scaleSetId, model: written } = state.output;
    const read = await readCapi(settings, management, workloadCluster);
    const [capi, unknown] = read && "unknown" in read ? [undefined, [read.unknown]] : [read, []];
    // Of a MachineDeployment or MachineSet, which has none, the management cluster has said all.
    const model = settings?.machines ? undefined : await readModel(name, scaleSetId, settings);
    const { poolId, prefix, scaleSet } = model ?? { poolId: scaleSetId };
    const { live } = capi ?? model!;
    const singleVms = capi?.singleVms ?? (await singleVmsOf({ scaleSetId: poolId, computerNamePrefix: prefix }));
    const definition = definitionOf(written?.image ?? "") ?? state.definition ?? definitionOf(live.image) ?? "";
    const inPool = nodesOf(cluster.nodes, singleVms);
    const own = byInstance(inPool, ({ spec }) => spec?.providerID, poolId);
    const [machines, gallery, left, way] = await Promise.all([
        machinesOfPool(poolId, singleVms),
        definition === "" ? [] : readImages(definition),
        readLeftovers(name, scaleSetId, settings?.capture.keepSnapshots ? state.sources : []),
        cluster.wayOf(settings?.capture.mode),
    ]);
    const nodes = [...own.values()].map((node) => toPoolNode(node, now));
    return {
        ...{ name, poolId, state, settings, live, scaleSet, definition, gallery, way, nodes },
        ...(capi && { capi: capi.facts }),
        ...(!singleVms && { imagesInUse: imagesInUse(machines, definition) }),
        leftovers: left.leftovers,
        unknown: [...unknown, ...left.unknown],
        machines: machinesByImage(machines, own),
        rebooting: cluster.rebooting,
        unfinished: nodes.flatMap((node) => unfinishedCapture(node, now) ?? []),
    };
}

/**
 * What new machines of a scale set start from, and what tells which machines are its own.
 *
 * @throws UserError in one line when it is not there
 */
async function readModel(
    name: string,
    scaleSetId: string,
    settings: PoolSettings | undefined,
): Promise<Pick<PoolFacts, "live" | "scaleSet" | "poolId"> & { prefix?: string }> {
    const found = await readScaleSet(scaleSetId);
    if (!found) {
        throw new UserError(`${name}: there is no scale set ${scaleSetId}`);
    }
    const profile = found.virtualMachineProfile;
    const identity = { poolId: poolIdOf(found), prefix: profile?.osProfile?.computerNamePrefix };
    // Of a MachinePool the stack has written the image alone, and all else of the model is CAPZ's.
    if (settings?.machinePool) {
        return { ...identity, live: recordOfImage(profile?.storageProfile?.imageReference) };
    }
    const live = recordOf(modelAsItIs(found, parseArmId(scaleSetId).resourceGroup));
    return { ...identity, live, scaleSet: { capacity: found.sku?.capacity ?? 0, tags: found.tags ?? {} } };
}

/** The nodes that may be a pool's: of single VMs those of their ids, whose group may have others. */
function nodesOf(nodes: V1Node[], singleVms: MachineVm[] | undefined): V1Node[] {
    const ids = singleVms?.map(({ vmId }) => `azure://${vmId}`.toLowerCase());
    return ids ? nodes.filter(({ spec }) => ids.includes(spec?.providerID?.toLowerCase() ?? "")) : nodes;
}

function toPoolNode(node: V1Node, now: Date): PoolNode {
    return { ...withoutOwnCordon(listedNodeOf(node), now), details: detailsOf(node) };
}

function machinesByImage(machines: Machine[], nodes: Map<string, V1Node>): Map<string, MachineAndNode[]> {
    const byImage = new Map<string, MachineAndNode[]>();
    for (const machine of machines) {
        const node = nodes.get(machine.instanceId);
        const image = recordOfImage(machine.image).image.toLowerCase();
        const found = withNode(machine, node && detailsOf(node), node?.metadata?.name);
        byImage.set(image, [...(byImage.get(image) ?? []), found]);
    }
    return byImage;
}

/**
 * Disks and snapshots of captures of the pool, by their tags: of one that is under way, or that was interrupted.
 *
 * @param kept ids of those that the configuration keeps
 */
async function readLeftovers(
    pool: string,
    scaleSetId: string,
    kept: string[] = [],
): Promise<Pick<PoolFacts, "leftovers" | "unknown">> {
    const { subscriptionId, resourceGroup } = parseArmId(scaleSetId);
    const { disks, snapshots } = await computeClient(subscriptionId);
    const kinds = [
        { what: "disk", list: () => disks.listByResourceGroup(resourceGroup) },
        { what: "snapshot", list: () => snapshots.listByResourceGroup(resourceGroup) },
    ];
    const found = kinds.map(async ({ what, list }) => {
        const all = await listed(`the ${what}s of ${resourceGroup}`, list);
        if (all === "forbidden") {
            const unknown = `whether captures have left ${what}s is not known: the right to list them (${what}s/read) is missing`;
            return { leftovers: [], unknown: [unknown] };
        }
        const own = all
            .filter(({ tags }) => isOwned(tags) && tags?.pool === pool)
            .filter(({ id = "" }) => !kept.includes(id.toLowerCase()));
        return { leftovers: own.map(({ name }) => `${what} ${name ?? ""}`), unknown: [] };
    });
    const kindsFound = await Promise.all(found);
    return {
        leftovers: kindsFound.flatMap(({ leftovers }) => leftovers),
        unknown: kindsFound.flatMap(({ unknown }) => unknown),
    };
}

/** Who may only preview need not have the right to list snapshots. */
async function listed(what: string, list: () => AsyncIterable<Tagged>): Promise<Tagged[] | "forbidden"> {
    const read = async () => {
        try {
            return await collect(list());
        } catch (error) {
            if (statusOf(error) === 403) {
                return "forbidden" as const;
            }
            throw error;
        }
    };
    return (await readOrUndefined(what, read)) ?? [];
}

interface Tagged {
    id?: string;
    name?: string;
    tags?: Record<string, string>;
}
