// The one write of a scale set's capacity: one PATCH, for the scale set as it was read.
import { UserError, oneLine, statusOf } from "../core/errors";
import { computeClient } from "./client";
import { parseArmId } from "./ids";
import type { ScaleSetModel } from "./scaleSetForm";

/**
 * What a write came to: Azure has taken it, and `made` fails if it cannot make the machines; or nothing is written, for
 * now or because Azure will not have it.
 */
export type CapacityWrite = { made: () => Promise<unknown> } | { waitsFor: string } | { refused: string };

/**
 * Codes of a 409 that says that something else is being done to the scale set. Another one says what does not pass: a
 * quota that is used up is `OperationNotAllowed`.
 * Sources: https://github.com/hashicorp/terraform-provider-azurerm/issues/28549,
 * https://github.com/kubernetes/autoscaler/issues/2607,
 * https://github.com/kubernetes-sigs/cloud-provider-azure/issues/2386
 */
const BUSY = /conflict|concurrent|preempted|anotheroperation|retryable/i;

/**
 * Sets the capacity, and with it the tags, in one PATCH. Nothing is written when somebody else has written the scale
 * set since it was read (If-Match), or is writing it.
 * Source: https://learn.microsoft.com/rest/api/compute/virtual-machine-scale-sets/update
 *
 * @param read the scale set as it was read
 * @param tags all of its tags: a PATCH that has tags replaces them
 * @throws UserError in one line when Azure is away or refuses
 */
export async function writeCapacity(
    { id = "", sku, etag }: Pick<ScaleSetModel, "id" | "sku" | "etag">,
    capacity: number,
    tags: Record<string, string>,
): Promise<CapacityWrite> {
    const { subscriptionId, resourceGroup, names } = parseArmId(id);
    try {
        const { virtualMachineScaleSets } = await computeClient(subscriptionId);
        // The size goes with it as it is: the service has refused a sku that is not whole.
        const body = { sku: { ...sku, capacity }, tags };
        const poller = virtualMachineScaleSets.update(resourceGroup, names[0], body, { ifMatch: etag });
        await poller.submitted();
        return { made: () => poller.pollUntilDone() };
    } catch (error) {
        const status = statusOf(error);
        if (status === 412) {
            return { waitsFor: "somebody else has just changed the scale set" };
        }
        if (status === 409) {
            const { code } = error as { code?: unknown };
            return BUSY.test(String(code)) ? { waitsFor: oneLine(error) } : { refused: oneLine(error) };
        }
        throw new UserError(`the capacity of scale set ${names[0]} cannot be raised: ${oneLine(error)}`);
    }
}
