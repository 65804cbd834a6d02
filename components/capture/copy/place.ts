// Where a copy can be cleaned: on which nodes, and so in which zone its disk is made. Pure.
import { REBOOT_IN_PROGRESS } from "../../node/kured";
import type { ListedNode as AnyListedNode } from "../../node/nodeList";

const ZONE = "topology.kubernetes.io/zone";
const HOSTNAME = "kubernetes.io/hostname";
/** The driver has kubelet write it on each node that it runs on. */
const DRIVER_ZONE = "topology.disk.csi.azure.com/zone";

/** A node as far as a list of all nodes says, and as a place for the cleaner needs it. */
export type ListedNode = Pick<AnyListedNode, "name" | "labels" | "annotations" | "cordoned" | "ready" | "deleting">;

/** Where the cleaner may run. */
export interface CleanerPlace {
    /** The number of the zone, as in `1`; undefined where machines are in no zone. */
    zone?: string;
    /** Values of `kubernetes.io/hostname`. */
    hosts: string[];
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
 * The nodes that can clean a copy: Ready, schedulable, not about to be rebooted, of the disk's architecture. Never the
 * donor if there is another one, since the copy has the same UUIDs as its root disk. The donor's own zone comes first.
 *
 * @param location the region, as in `westeurope`
 * @returns undefined when no node can
 */
export function chooseCleanerPlace(nodes: ListedNode[], donorName: string, location: string): CleanerPlace | undefined {
    const donor = nodes.find(({ name }) => name === donorName);
    const hasDriver = nodes.some(({ labels }) => labels[DRIVER_ZONE] !== undefined);
    const fits = ({ labels, annotations, ready, cordoned, deleting }: ListedNode) =>
        ready &&
        !cordoned &&
        !deleting &&
        annotations[REBOOT_IN_PROGRESS] === undefined &&
        (labels[DRIVER_ZONE] !== undefined || !hasDriver) &&
        labels["kubernetes.io/os"] === "linux" &&
        labels["kubernetes.io/arch"] === donor?.labels["kubernetes.io/arch"];
    const others = nodes.filter((node) => node !== donor && fits(node));
    const home = donor && zoneOf(donor, location);
    const zones = [home, ...new Set(others.map((node) => zoneOf(node, location)))];
    for (const zone of zones) {
        const hosts = others.filter((node) => zoneOf(node, location) === zone).map(hostOf);
        if (hosts.length > 0) {
            return { ...(zone && { zone }), hosts: hosts.slice(0, MOST_HOSTS) };
        }
    }
    return donor && fits(donor) ? { ...(home && { zone: home }), hosts: [hostOf(donor)] } : undefined;
}

function hostOf({ name, labels }: ListedNode): string {
    return labels[HOSTNAME] ?? name;
}
