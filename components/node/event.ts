// Events on a cluster's objects, for `kubectl describe`. Nothing depends on them.
import { hostname } from "node:os";
import type { CoreV1Event, V1ObjectReference } from "@kubernetes/client-node";
import { brief } from "../core/errors";
import { within } from "../core/retry";
import { truncate } from "../core/text";
import type { Kubernetes } from "./kubernetes";

/** By this name `kubectl describe` says whose Event it is. */
const COMPONENT = "kamino";

/** The longest message that events.k8s.io/v1 takes. */
export const LONGEST_MESSAGE = 1024;

/** How long the API server has to take an Event; a run does not wait longer. */
const PATIENCE_MS = 10_000;

/** What happened. */
export interface Happening {
    type: "Normal" | "Warning";
    /** In one word, for programs: `ImageCaptured`. */
    reason: string;
    message: string;
}

/** An Event on an object, in the namespace in which the API server wants it. */
export function eventOn(
    object: V1ObjectReference,
    { message, ...what }: Happening,
    { namespace, now }: { namespace: string; now: Date },
): CoreV1Event {
    return {
        ...what,
        message: truncate(message, LONGEST_MESSAGE),
        metadata: { name: `${object.name}.${now.getTime().toString(16)}`, namespace },
        involvedObject: object,
        source: { component: COMPONENT },
        reportingComponent: COMPONENT,
        reportingInstance: hostname(),
        firstTimestamp: now,
        lastTimestamp: now,
        count: 1,
    };
}

/**
 * Writes an Event. Never rejects.
 *
 * @returns why it was not written, in one line: without the right to, or without an answer
 */
export async function writeEvent({ core, server }: Kubernetes, body: CoreV1Event): Promise<string | undefined> {
    const { namespace = "" } = body.metadata;
    const late = `the Kubernetes API server at ${server} did not answer within ${PATIENCE_MS / 1000} s`;
    try {
        await within(PATIENCE_MS, core.createNamespacedEvent({ namespace, body }), late);
        return undefined;
    } catch (error) {
        return brief(error, 400);
    }
}
