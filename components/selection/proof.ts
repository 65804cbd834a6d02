// What the machines that were made from an image say of it. Pure.
import type { Machine } from "../azure/machines";
import type { NodeDetails } from "./rules";

/** A machine, and how its node stands. */
export interface MachineAndNode {
    /** Its node's name, or the computer's where it has no node. */
    name: string;
    /** When Azure made it. */
    madeAt?: Date;
    /** Whether it is switched on. */
    running: boolean;
    /** Whether its node is Ready. */
    ready: boolean;
    /** Since when it is. */
    readySince?: Date;
    /** Whether its node was Ready before, although it is not now. */
    wasReady: boolean;
}

/** How long a node must be Ready to prove its image, and how long a machine has to become a node that is. */
export interface ProofRules {
    minimumReadyTimeMs: number;
    newNodeTimeoutMs: number;
}

/**
 * `proven`: a machine made from it has been Ready for long enough. `failed`: one has not become Ready in time, and none
 * ever was. `unproven`: no machine was made from it, or it is too early to tell.
 */
export interface Proof {
    state: "proven" | "failed" | "unproven";
    /** Machines that have not become Ready in time. */
    late: string[];
}

// A node becomes Ready at the earliest some seconds after it was registered; one that goes from Ready to something else
// does so later than this, or counts as one that never was.
const REGISTERED_MS = 60_000;

/** A machine with its node, where it has one. */
export function withNode({ name, madeAt, running }: Machine, node?: NodeDetails, nodeName = name): MachineAndNode {
    const { ready = false, readySince, createdAt } = node ?? {};
    // The condition has changed since the node was registered, and is not Ready: it was, or its kubelet died at once.
    const changed = readySince && createdAt && readySince.getTime() - createdAt.getTime() > REGISTERED_MS;
    return { name: nodeName, madeAt, running, ready, readySince, wasReady: !ready && changed === true };
}

/** What machines that were all made from one image say of it. */
export function proofOf(machines: MachineAndNode[], now: Date, rules: ProofRules): Proof {
    const since = (moment: Date | undefined) => (moment ? now.getTime() - moment.getTime() : 0);
    const late = machines
        .filter(({ ready, wasReady, running }) => running && !ready && !wasReady)
        .filter(({ madeAt }) => since(madeAt) > rules.newNodeTimeoutMs)
        .map(({ name }) => name);
    if (machines.some(({ ready, readySince }) => ready && since(readySince) >= rules.minimumReadyTimeMs)) {
        return { state: "proven", late };
    }
    const failed = late.length > 0 && !machines.some(({ ready, wasReady }) => ready || wasReady);
    return { state: failed ? "failed" : "unproven", late };
}
