// Writes Events on the nodes that images are taken of. Nothing depends on them.
import { brief, UserError } from "../core/errors";
import { rest } from "../core/retry";
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
    const late = rest(PATIENCE_MS).then(() => {
        throw new UserError(`the Kubernetes API server at ${server} did not answer within ${PATIENCE_MS / 1000} s`);
    });
    try {
        await Promise.race([core.createNamespacedEvent({ namespace: EVENT_NAMESPACE, body }), late]);
    } catch (error) {
        if (!warned) {
            warned = true;
            await warn(`captures go on without Events on their nodes: ${brief(error, 400)}`);
        }
    }
}
