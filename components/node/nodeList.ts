// All nodes of a cluster in one request, as far as their metadata and what `kubectl get nodes` shows tell.
import type { V1Node, V1ObjectMeta } from "@kubernetes/client-node";
import { parseMoment } from "../core/duration";
import { getJson, listTable, type Kubernetes } from "./kubernetes";
import { isReady } from "./node";
import { REBOOT_IN_PROGRESS, REBOOT_NEEDED } from "./kured";

/** A node without its spec and status. */
export interface ListedNode {
    name: string;
    labels: Record<string, string>;
    annotations: Record<string, string>;
    /** `spec.unschedulable`. */
    cordoned: boolean;
    /** Whether its Ready condition is True. */
    ready: boolean;
    /** Whether the Node object is being deleted. */
    deleting: boolean;
    /** Version of its kubelet, as `v1.27.4`; empty where it has not said so yet. */
    kubeletVersion: string;
    /**
     * When kured last changed something of the node other than to take it away, by the API server's clock: it cordons a
     * node right before it drains and reboots it. Undefined where the API server's record does not tell.
     */
    kuredWroteAt?: Date;
}

/**
 * All nodes of the cluster, and now by the API server's clock.
 *
 * @throws UserError in one line when the API server is away or refuses
 */
export async function listNodes(
    cluster: Pick<Kubernetes, "config" | "server">,
): Promise<{ nodes: ListedNode[]; now: Date }> {
    const { rows, now } = await listTable(cluster, "/api/v1/nodes");
    return {
        nodes: rows.map(({ metadata, cells }) => toListedNode(metadata, textOf(cells.Status), textOf(cells.Version))),
        now,
    };
}

function textOf(cell: unknown): string {
    return typeof cell === "string" ? cell : "";
}

const PAGE = 500;

/** Label of a node by which a list can name many: as a rule its name. */
export const HOSTNAME = "kubernetes.io/hostname";

/**
 * Nodes of the cluster as whole objects, as they are at this moment, page by page. Times in them are texts.
 *
 * @param hostnames labels HOSTNAME of the nodes that are wanted; all nodes without it
 * @throws UserError in one line when the API server is away or refuses
 */
export async function listWholeNodes(
    cluster: Pick<Kubernetes, "config" | "server">,
    hostnames?: string[],
): Promise<V1Node[]> {
    const selector = hostnames && { labelSelector: `${HOSTNAME} in (${hostnames.join(",")})` };
    const nodes: V1Node[] = [];
    let next: string | undefined = "";
    do {
        const query = { limit: String(PAGE), ...selector, ...(next && { continue: next }) };
        const page: { items: V1Node[]; metadata: { continue?: string } } = await getJson(
            cluster,
            "/api/v1/nodes",
            query,
        );
        nodes.push(...page.items);
        next = page.metadata.continue;
    } while (next);
    return nodes;
}

/** The same of a whole object. */
export function listedNodeOf({ metadata = {}, spec, status }: V1Node): ListedNode {
    const shown = [isReady({ status }) ? "Ready" : "NotReady", spec?.unschedulable ? "SchedulingDisabled" : ""];
    return toListedNode(metadata, shown.join(","), status?.nodeInfo?.kubeletVersion);
}

/**
 * @param status the column STATUS: `Ready`, `NotReady` or `Unknown`, and `SchedulingDisabled` behind a comma. Source:
 *     printNode in
 *     https://github.com/kubernetes/kubernetes/blob/master/pkg/printers/internalversion/printers.go
 * @param kubeletVersion the column VERSION
 */
export function toListedNode(metadata: V1ObjectMeta, status: string, kubeletVersion = ""): ListedNode {
    const words = status.split(",");
    const { name = "", labels = {}, annotations = {}, deletionTimestamp } = metadata;
    return {
        name,
        labels,
        annotations,
        cordoned: words.includes("SchedulingDisabled"),
        ready: words.includes("Ready"),
        deleting: deletionTimestamp !== undefined && deletionTimestamp !== null,
        kubeletVersion,
        kuredWroteAt: kuredWroteAt(metadata),
    };
}

/**
 * The API server records for each manager of an object's fields when it last added or changed one. An annotation that
 * is removed, and a node that is uncordoned, do not count: both only remove fields.
 * Source: NewManagedFieldsUpdater in k8s.io/apimachinery/pkg/util/managedfields
 */
function kuredWroteAt({ managedFields = [] }: V1ObjectMeta): Date | undefined {
    const entry = managedFields.find(
        ({ manager, operation, subresource, fieldsV1 }) =>
            manager === "kured" && operation === "Update" && !subresource && owns(fieldsV1, REBOOT_NEEDED),
    );
    return parseMoment(entry?.time);
}

function owns(fieldsV1: unknown, annotation: string): boolean {
    const fields = fieldsV1 as Record<string, Record<string, Record<string, unknown>>> | undefined;
    return fields?.["f:metadata"]?.["f:annotations"]?.[`f:${annotation}`] !== undefined;
}

/** A number of nodes, or a percentage of them; `unit` is `nodes` or `percent`. */
export interface MinimumNodes {
    value: number;
    unit: string;
}

/** The nodes of a pool beside the one that is to be taken out of service. */
export interface OtherNodes {
    /** How many there are. */
    others: number;
    /** How many of them are in service. */
    inService: number;
    /** How many must be. */
    needed: number;
    /** A node of the cluster that kured is rebooting, where that speaks against taking another one out. */
    rebooting?: string;
}

/**
 * Whether a pool can do without one more node at this moment, and the numbers.
 *
 * @param nodes all nodes of the pool
 * @param taken the node that is to be taken out of service
 * @param rebooting nodes of the cluster that kured is rebooting, as `isBeingRebooted` tells
 * @param minimum setting `minimumReadyNodes`: how many of the pool's other nodes must be in service, percentages
 *     rounded up; without it all of them, and no node of the cluster may be rebooting
 */
export function canSpare(
    nodes: Pick<ListedNode, "name" | "annotations" | "cordoned" | "ready" | "deleting">[],
    taken: string,
    rebooting: string[],
    minimum?: MinimumNodes,
): OtherNodes & { spare: boolean } {
    const rest = nodes.filter(({ name }) => name !== taken);
    const others = rest.length;
    const inService = rest.filter((node) => node.ready && !node.deleting && !isBeingRebooted(node)).length;
    const needed = minimum === undefined ? others : numberOf(minimum, others);
    const blocking = minimum === undefined ? rebooting.filter((name) => name !== taken).sort()[0] : undefined;
    return {
        ...{ others, inService, needed },
        ...(blocking !== undefined && { rebooting: blocking }),
        spare: inService >= needed && blocking === undefined,
    };
}

function numberOf({ value, unit }: MinimumNodes, of: number): number {
    return unit === "percent" ? Math.ceil((of * value) / 100) : value;
}

/**
 * Whether kured is draining or rebooting a node: it marks a node when it sees the need, which may wait for days, and
 * cordons it when its turn has come.
 */
export function isBeingRebooted({
    annotations,
    cordoned,
    ready,
}: Pick<ListedNode, "annotations" | "cordoned" | "ready">): boolean {
    return Object.hasOwn(annotations, REBOOT_IN_PROGRESS) && (cordoned || !ready);
}
