// What a pool's picture shows: moments and what they belong to, without pixels. Pure.
import { isSame, type ImageStatus, type NodeStatus, type PoolStatus } from "../show";

/** The latest reboot of a node, as far as kured tells. */
export interface Reboot {
    node: string;
    needSeenAt: Date;
    /** Left out while the node waits for it. */
    rebootedAt?: Date;
    candidate: boolean;
}

/** A machine that was made from an image. */
export interface Birth {
    node: string;
    at: Date;
    state: "Ready" | "not Ready" | "late";
}

/** An image, and the machines that were made from it. */
export interface Lane {
    image: string;
    /** When the reboot began that it is named by. */
    rebootedAt?: Date;
    /** When it was captured and Azure began to make it. */
    capturedAt?: Date;
    /** The node whose reboot that was, where the picture shows this very reboot. */
    donor?: string;
    proof: string;
    current: boolean;
    /** Whether it is what an `up` would make now. */
    planned: boolean;
    machines: number;
    ready: number;
    /** Machines, first made first; one of which Azure does not say when it was made counts from its registration. */
    births: Birth[];
}

/** All of one pool's picture. */
export interface Timeline {
    from: Date;
    to: Date;
    /** First seen first. */
    reboots: Reboot[];
    /** Newest image first. */
    lanes: Lane[];
}

const HOUR_MS = 3_600_000;
// Of images that nothing was made from only the newest are shown: a gallery may hold any number of them.
const MOST_UNUSED = 12;
const LONGEST_MS = 3 * 365 * 24 * HOUR_MS;

/** What happened to a pool until now. */
export function timelineOf(
    { images, nodes, next }: Pick<PoolStatus, "images" | "nodes" | "next">,
    now: Date,
): Timeline {
    const reboots = nodes.flatMap(rebootOf).sort((a, b) => a.needSeenAt.getTime() - b.needSeenAt.getTime());
    const planned = next.takes ? [plannedLane(next.takes, reboots)] : [];
    const shown = images.filter(({ machines, current }, index) => machines > 0 || current || index < MOST_UNUSED);
    const lanes = [...planned, ...shown.map((image) => laneOf(image, nodes, reboots))];
    const moments = [
        ...reboots.map(({ needSeenAt }) => needSeenAt),
        ...lanes.flatMap(({ rebootedAt }) => rebootedAt ?? []),
    ];
    // Machines from before the first reboot are many, old and all alike: they are counted at the edge.
    const first = moments.length > 0 ? moments : lanes.flatMap(({ births }) => births.map(({ at }) => at));
    const earliest = Math.min(now.getTime() - HOUR_MS, ...first.map((moment) => moment.getTime()));
    return { from: new Date(Math.max(earliest, now.getTime() - LONGEST_MS)), to: now, reboots, lanes };
}

function rebootOf({ name: node, needSeenAt, rebootedAt, candidate }: NodeStatus): Reboot[] {
    return needSeenAt ? [{ node, needSeenAt, rebootedAt, candidate }] : [];
}

function plannedLane({ node, version, at }: NonNullable<PoolStatus["next"]["takes"]>, reboots: Reboot[]): Lane {
    return {
        ...{ image: version, rebootedAt: at, donor: donorOf(node, at, reboots), proof: "to be made" },
        ...{ current: false, planned: true, machines: 0, ready: 0, births: [] },
    };
}

function laneOf(image: ImageStatus, nodes: NodeStatus[], reboots: Reboot[]): Lane {
    const births = nodes
        .filter((node) => node.image !== undefined && isSame(node.image, image.image))
        .flatMap(({ name, madeAt, registeredAt, state, late }): Birth[] => {
            const at = madeAt ?? registeredAt;
            return at ? [{ node: name, at, state: late ? "late" : state === "Ready" ? state : "not Ready" }] : [];
        });
    return {
        image: image.image,
        ...{ rebootedAt: image.namedBy, capturedAt: image.publishedAt },
        donor: donorOf(image.donor, image.namedBy, reboots),
        proof: image.state ? image.state : (image.proof ?? ""),
        ...{ current: image.current, planned: false, machines: image.machines, ready: image.ready },
        births: births.sort((a, b) => a.at.getTime() - b.at.getTime()),
    };
}

const MINUTE_MS = 60_000;

/** The node, if its latest reboot is the one that began at that minute: it may have been rebooted once more since. */
function donorOf(node: string | undefined, at: Date | undefined, reboots: Reboot[]): string | undefined {
    const minute = (moment: Date | undefined) => moment && Math.floor(moment.getTime() / MINUTE_MS);
    const reboot = reboots.find((each) => each.node === node);
    return at && reboot && minute(reboot.rebootedAt) === minute(at) ? node : undefined;
}
