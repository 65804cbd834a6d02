// Writes Events on the nodes that images are taken of. Nothing depends on them.
import { brief } from "../core/errors";
import { within } from "../core/retry";
import { warn } from "../engine/progress";
import type { Kubernetes } from "../node/kubernetes";
import type { Target } from "./names";
import { EVENT_NAMESPACE, nodeEvent, type CaptureOutcome } from "./nodeEvent";

/** How long the API server has to take an Event; a capture does not wait longer. */
const PATIENCE_MS = 10_000;

let warned = false;

/**
 * Writes the Event on the node of a capture. Without the right to it, or without an answer, the capture goes on; a
 * warning says so once in a run. Never rejects.
 */
export async function announce({ core, server }: Kubernetes, target: Target, outcome: CaptureOutcome): Promise<void> {
    const body = nodeEvent(target, outcome, new Date());
    const late = `the Kubernetes API server at ${server} did not answer within ${PATIENCE_MS / 1000} s`;
    try {
        await within(PATIENCE_MS, core.createNamespacedEvent({ namespace: EVENT_NAMESPACE, body }), late);
    } catch (error) {
        if (!warned) {
            warned = true;
            await warn(`captures go on without Events on their nodes: ${brief(error, 400)}`);
        }
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
