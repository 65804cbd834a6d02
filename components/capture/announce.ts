// Writes Events on the nodes that images are taken of. Nothing depends on them.
import { warn } from "../engine/progress";
import { writeEvent } from "../node/event";
import type { Kubernetes } from "../node/kubernetes";
import type { Target } from "./names";
import { nodeEvent, type CaptureOutcome } from "./nodeEvent";

let warned = false;

/**
 * Writes the Event on the node of a capture. Without the right to it, or without an answer, the capture goes on; a
 * warning says so once in a run. Never rejects.
 */
export async function announce(cluster: Kubernetes, target: Target, outcome: CaptureOutcome): Promise<void> {
    const problem = await writeEvent(cluster, nodeEvent(target, outcome, new Date()));
    if (problem !== undefined && !warned) {
        warned = true;
        await warn(`captures go on without Events on their nodes: ${problem}`);
    }
}

/**
 * Does the part of a capture that must not be cut off, and announces what it came to. To be called under the signals
 * that are deferred for it: the process ends soon after these are not any more.
 *
 * @param how says how the disk was captured
 */
export async function announced<T>(
    cluster: Kubernetes,
    target: Target,
    work: () => Promise<T>,
    how: () => string,
): Promise<T> {
    let result: T;
    try {
        result = await work();
    } catch (failure) {
        await announce(cluster, target, { failure });
        throw failure;
    }
    await announce(cluster, target, { how: how() });
    return result;
}
