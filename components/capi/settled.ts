// Waiting until a pool of Cluster API is at rest, to write what its new machines start from.
import { PatchStrategy, setHeaderOptions } from "@kubernetes/client-node";
import { formatDuration } from "../core/duration";
import { UserError, oneLine, statusOf } from "../core/errors";
import { withRetries } from "../core/retry";
import { SETTLES_WITHIN_MS, tryAtRest, type Waiting } from "../engine/atRest";
import { deferSignals } from "../engine/interruption";
import type { Kubernetes } from "../node/kubernetes";
import { FIELD_MANAGER } from "../node/node";
import type { ObjectPath } from "./objects";

/** What a try to write came to. */
export type Outcome = "written" | Waiting;

/**
 * Tries to write until the pool is at rest. A signal does not cut a write off.
 *
 * @param what what is not written otherwise: `the image of MachinePool default/mp1`
 * @param configKey where the pool is configured, to begin the line with
 * @throws what `attempt` throws; UserError in one line when the pool is not at rest in time
 */
export async function writeAtRest(
    { pool, what, configKey }: { pool: string; what: string; configKey: string },
    attempt: () => Promise<Outcome>,
): Promise<void> {
    const outcome = await deferSignals((signal) =>
        tryAtRest(`${pool}: waits until the pool is at rest`, signal, attempt),
    );
    if (outcome !== "written") {
        throw new UserError(
            `${configKey}: ${what} is not written: it did not come to rest within ${formatDuration(SETTLES_WITHIN_MS)} ` +
                `(${outcome.waitsFor}); run up again`,
        );
    }
}

/**
 * Writes a JSON merge patch, which names the resourceVersion that it is for. Where somebody else has written the object
 * meanwhile, it is to be looked at again.
 *
 * @param what begins the line: where the pool is configured, and the kind of the object
 * @throws UserError in one line when the API server refuses
 */
export async function patchAsRead(
    { custom }: Kubernetes,
    path: ObjectPath,
    body: object,
    what: string,
): Promise<Outcome> {
    try {
        await withRetries(() =>
            custom.patchNamespacedCustomObject(
                { ...path, body, fieldManager: FIELD_MANAGER },
                setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
            ),
        );
        return "written";
    } catch (error) {
        if (statusOf(error) === 409) {
            return { waitsFor: "somebody else has just changed it" };
        }
        throw new UserError(`${what} ${path.namespace}/${path.name} cannot be written: ${oneLine(error)}`);
    }
}
