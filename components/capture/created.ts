// Creating an object in the cluster, also where the API server's answer is lost.
import { randomUUID } from "node:crypto";
import type { KubernetesObject } from "@kubernetes/client-node";
import { orUndefined, statusOf } from "../core/errors";
import { withRetries } from "../core/retry";

/** The annotation that tells this creation of an object from any other one of the same name. */
const CREATION = "kamino/creation";

/**
 * Creates an object. Where it was created and the answer was lost, the next attempt meets it, and it is this one.
 *
 * @param how `read` reads the object of that name; left out where it may not be read, and whoever made it does not
 *     matter
 * @returns the object as it was admitted; undefined where the answer was lost and it may not be read
 * @throws what the API server answers, 409 too where the object is another one
 */
export async function createObject<T extends KubernetesObject>(
    body: T,
    { create, read, signal }: { create: (body: T) => Promise<T>; read?: () => Promise<T>; signal?: AbortSignal },
): Promise<T | undefined> {
    const creation = randomUUID();
    const annotations = { ...body.metadata?.annotations, [CREATION]: creation };
    const marked = { ...body, metadata: { ...body.metadata, annotations } };
    let attempts = 0;
    try {
        return await withRetries(() => {
            attempts++;
            return create(marked);
        }, signal);
    } catch (error) {
        if (statusOf(error) !== 409 || attempts === 1) {
            throw error;
        }
        const found = read && (await orUndefined(withRetries(read, signal)));
        if (read && found?.metadata?.annotations?.[CREATION] !== creation) {
            throw error;
        }
        return found;
    }
}
