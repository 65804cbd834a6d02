// Putting a node back in service after its disk was captured, or after a capture that did not finish.
import type { KubernetesSettings } from "../kubernetes";

/**
 * Puts a node back in service that a capture which died left out of it, as far as its journal tells: VM started, Ready, as
 * schedulable and annotated as before, the cleaning pod and the snapshot deleted. Does nothing when the node has gone, carries no
 * journal, or when the capture that wrote it is still alive.
 *
 * @returns whether there was something to put back
 * @throws UserError in one line that says what could not be put back, and what to do
 */
export async function putBackInterrupted(node: string, settings: KubernetesSettings): Promise<boolean> {
    throw new Error(`not there yet: ${node} ${JSON.stringify(settings)}`);
}
