// What the machines that were made from an image say of it. Pure.

/** A machine of a pool. */
export interface Machine {
    /** Its node's name, or the computer's where it has no node. */
    name: string;
    /** When Azure made it. */
    madeAt?: Date;
    /** Whether its node is Ready. */
    ready: boolean;
    /** Since when it is. */
    readySince?: Date;
}

/** How long a node must be Ready to prove its image, and how long a machine has to become a node that is. */
export interface ProofRules {
    minimumReadyTimeMs: number;
    newNodeTimeoutMs: number;
}

/**
 * `proven`: a machine made from it has been Ready for long enough. `failed`: one has not become Ready in time, and none
 * is Ready. `unproven`: no machine was made from it, or it is too early to tell.
 */
export interface Proof {
    state: "proven" | "failed" | "unproven";
    /** Machines that have not become Ready in time. */
    late: string[];
}

/** What machines that were all made from one image say of it. */
export function proofOf(machines: Machine[], now: Date, rules: ProofRules): Proof {
    const since = (moment: Date | undefined) => (moment ? now.getTime() - moment.getTime() : 0);
    const late = machines
        .filter(({ ready, madeAt }) => !ready && since(madeAt) > rules.newNodeTimeoutMs)
        .map(({ name }) => name);
    if (machines.some(({ ready, readySince }) => ready && since(readySince) >= rules.minimumReadyTimeMs)) {
        return { state: "proven", late };
    }
    const failed = late.length > 0 && !machines.some(({ ready }) => ready);
    return { state: failed ? "failed" : "unproven", late };
}
