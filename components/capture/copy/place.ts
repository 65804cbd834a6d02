// Where a copy can be cleaned: on which nodes, and so in which zone its disk is made. Pure.
import type { V1Node } from "@kubernetes/client-node";
import { isControlPlane, isGoingAway, isSpot, type Taint } from "../../node/kind";
import { REBOOT_IN_PROGRESS } from "../../node/kured";
import { HOSTNAME, listedNodeOf, type ListedNode as AnyListedNode } from "../../node/nodeList";

const ZONE = "topology.kubernetes.io/zone";
/** The driver has kubelet write it on each node that it runs on. */
const DRIVER_ZONE = "topology.disk.csi.azure.com/zone";

/** A node as far as a list of all nodes says, and as a place for the cleaner needs it. */
export interface ListedNode extends Pick<
    AnyListedNode,
    "name" | "labels" | "annotations" | "cordoned" | "ready" | "deleting"
> {
    taints: Taint[];
}

/** The same of a whole object. */
export function placeNodeOf(node: V1Node): ListedNode {
    return { ...listedNodeOf(node), taints: node.spec?.taints ?? [] };
}

/** Where the cleaner may run. */
export interface CleanerPlace {
    /** The number of the zone, as in `1`; undefined where machines are in no zone. */
    zone?: string;
    /** Values of `kubernetes.io/hostname`. */
    hosts: string[];
    /** Keys of the taints of these nodes, which are their pools' own: the cleaner tolerates them, and no others. */
    taints: string[];
}

/**
 * The zone of a node in this region, by its number; undefined for none: the cloud provider then writes the fault
 * domain's number.
 */
function zoneOf({ labels }: ListedNode, location: string): string | undefined {
    const zone = labels[DRIVER_ZONE] ?? labels[ZONE] ?? "";
    return zone.startsWith(`${location}-`) ? zone.slice(location.length + 1) : undefined;
}

// More would only make the pod longer.
const MOST_HOSTS = 50;

/**
 * The nodes that can clean a copy: Ready, schedulable, there to stay, not about to be rebooted, of the disk's
 * architecture, and never a control plane. Never the donor if there is another one, since the copy has the same UUIDs
 * as its root disk. A spot VM may be taken away under the cleaner: such nodes come after all others but the donor.
 * Among equals the donor's own zone comes first.
 *
 * @param location the region, as in `westeurope`
 * @returns undefined when no node can
 */
export function chooseCleanerPlace(nodes: ListedNode[], donorName: string, location: string): CleanerPlace | undefined {
    const donor = nodes.find(({ name }) => name === donorName);
    const hasDriver = nodes.some(({ labels }) => labels[DRIVER_ZONE] !== undefined);
    const fits = (node: ListedNode) =>
        isInService(node) &&
        !isControlPlane(node) &&
        (node.labels[DRIVER_ZONE] !== undefined || !hasDriver) &&
        node.labels["kubernetes.io/os"] === "linux" &&
        node.labels["kubernetes.io/arch"] === donor?.labels["kubernetes.io/arch"];
    const others = nodes.filter((node) => node !== donor && fits(node));
    const home = donor && zoneOf(donor, location);
    const zones = new Set([home, ...others.map((node) => zoneOf(node, location))]);
    for (const spot of [false, true]) {
        const equals = others.filter((node) => isSpot(node) === spot);
        for (const zone of zones) {
            const hosts = equals.filter((node) => zoneOf(node, location) === zone);
            if (hosts.length > 0) {
                return placeOf(zone, hosts);
            }
        }
    }
    return donor && fits(donor) ? placeOf(home, [donor]) : undefined;
}

/** Ready, and neither its state nor a taint says that a pod has nothing to expect there. */
function isInService({ ready, cordoned, deleting, annotations, taints }: ListedNode): boolean {
    return (
        ready && !cordoned && !deleting && annotations[REBOOT_IN_PROGRESS] === undefined && !taints.some(keepsPodsAway)
    );
}

/**
 * Whether a taint is about the node's state, or ends pods that run there. What is about the pods that a pool is for is
 * neither.
 */
function keepsPodsAway({ key, effect }: Taint): boolean {
    // Those of Kubernetes: not-ready, unreachable, disk-pressure, out-of-service, shutdown and others.
    const ofState = isGoingAway(key) || /^node(\.cloudprovider)?\.kubernetes\.io\//.test(key);
    return effect === "NoExecute" || (effect === "NoSchedule" && ofState);
}

function placeOf(zone: string | undefined, nodes: ListedNode[]): CleanerPlace {
    const chosen = nodes.slice(0, MOST_HOSTS);
    const taints = chosen.flatMap((node) => node.taints.filter(({ effect }) => effect === "NoSchedule"));
    return {
        ...(zone && { zone }),
        hosts: chosen.map(({ name, labels }) => labels[HOSTNAME] ?? name),
        taints: [...new Set(taints.map(({ key }) => key))],
    };
}
