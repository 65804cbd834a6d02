// The Event on a pool's object in the management cluster, for `kubectl describe machinepool`: new machines start from
// another image.
import type { CoreV1Event, V1ObjectMeta } from "@kubernetes/client-node";
import { warn } from "../engine/progress";
import { eventOn, writeEvent } from "../node/event";
import type { Kubernetes } from "../node/kubernetes";
import type { CapzImage } from "./image";

/** A pool's object: a MachinePool, MachineDeployment or MachineSet. */
export interface PoolObject {
    apiVersion?: string;
    kind: string;
    metadata: V1ObjectMeta;
}

/** Which image new machines started from, which they start from now, and where that is written. */
export interface ImageChange {
    from: CapzImage | undefined;
    to: CapzImage | undefined;
    /** What was written, for people: `AzureMachineTemplate md1-2026.1122.0412`. */
    by: string;
}

/** The Event on a pool's object whose image was written. Pure. */
export function imageEvent(
    { apiVersion, kind, metadata }: PoolObject,
    { from, to, by }: ImageChange,
    now: Date,
): CoreV1Event {
    const { namespace = "default", name, uid } = metadata;
    const versions = [from, to].map((image) => image?.computeGallery?.version).filter((each) => each !== undefined);
    const message = `image of new machines: ${versions.join(" → ")} (${by})`;
    const what = { type: "Normal" as const, reason: "ImageChanged", message };
    return eventOn({ apiVersion, kind, namespace, name, uid }, what, { namespace, now });
}

/**
 * Writes the Event. Without the right to it, or without an answer, the run goes on; a warning says so. To be called
 * under the signals that are deferred for the write itself. Never rejects.
 */
export async function announceImage(cluster: Kubernetes, object: PoolObject, change: ImageChange): Promise<void> {
    const problem = await writeEvent(cluster, imageEvent(object, change, new Date()));
    if (problem !== undefined) {
        const { namespace, name } = object.metadata;
        await warn(`${object.kind} ${namespace}/${name} has no Event about its image, which is written: ${problem}`);
    }
}
