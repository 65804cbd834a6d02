// The Event on a node that an image is taken of, for `kubectl describe node`: what its capture came to. Pure.
import type { CoreV1Event } from "@kubernetes/client-node";
import { brief } from "../core/errors";
import { LONGEST_MESSAGE, eventOn, type Happening } from "../node/event";
import type { Target } from "./names";

/**
 * Where Events on objects without a namespace go; the API server takes them nowhere else:
 * https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/validation/events.go
 */
export const EVENT_NAMESPACE = "default";

/** What a capture came to. */
export interface CaptureOutcome {
    /** What it failed with; undefined when it has the disk. */
    failure?: unknown;
    /** How the disk was captured, for people. */
    how?: string;
}

/** The Event on a node whose disk was captured, or could not be. */
export function nodeEvent({ node, pool, version }: Target, { failure, how }: CaptureOutcome, now: Date): CoreV1Event {
    const image = `image ${version} of pool ${pool}`;
    const what: Happening =
        failure === undefined
            ? {
                  type: "Normal",
                  reason: "ImageCaptured",
                  message: `OS disk captured for ${image}${how ? `: ${how}` : ""}`,
              }
            : {
                  type: "Warning",
                  reason: "ImageCaptureFailed",
                  message: `OS disk not captured for ${image}: ${brief(failure, LONGEST_MESSAGE - 200)}`,
              };
    // kubelet puts the name where the UID belongs. kubectl has always looked for that, and for the real UID only
    // since 1.19: https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/kubectl/pkg/describe/describe.go
    const object = { apiVersion: "v1", kind: "Node", name: node, uid: node };
    return eventOn(object, what, { namespace: EVENT_NAMESPACE, now });
}
