// Scale sets as Azure has them.
import { getResource } from "./arm";
import { readOrUndefined } from "./client";
import { parseArmId } from "./ids";
import { API_VERSION, inAzureNativesForm, type ScaleSetModel } from "./scaleSetForm";

/**
 * A scale set as Azure has it right now, in the form in which the stack writes it; undefined when there is none of this
 * id. One request.
 *
 * @throws UserError in one line when Azure is away or refuses
 */
export async function readScaleSet(id: string): Promise<ScaleSetModel | undefined> {
    const answer = await readOrUndefined(`scale set ${parseArmId(id).names[0]}`, () => getResource(id, API_VERSION));
    return answer && inAzureNativesForm(answer);
}
