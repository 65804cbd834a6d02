// The model of a scale set as Azure has it now.
import { scaleSetId, type ScaleSetId } from "../azure/ids";
import { readScaleSet as read } from "../azure/scaleSets";
import { UserError, oneLine } from "../core/errors";
import type { LiveModel } from "./model";

/**
 * Reads the model of a scale set.
 *
 * @throws UserError in one line when it is not there or cannot be read
 */
export async function readScaleSet(id: ScaleSetId, configKey: string): Promise<LiveModel> {
    const found = await read(scaleSetId(id)).catch((error: unknown) => {
        throw new UserError(`${configKey}: ${oneLine(error)}`);
    });
    if (!found) {
        throw new UserError(
            `${configKey}: there is no scale set "${id.name}" in resource group "${id.resourceGroup}" of subscription ` +
                `${id.subscriptionId}; check the name, the group and the subscription`,
        );
    }
    return found;
}
