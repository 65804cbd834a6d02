// What a refresh makes of a resource's inputs: they change only by what changed between the old outputs and the new
// ones.
import { isDeepStrictEqual } from "node:util";
import { type Properties, type Value, isProperties } from "./values";

/**
 * Carries the changes between two projections of outputs over into inputs. Outputs say more than inputs do (defaults
 * that Azure fills in), so only a difference between the two moments tells that something was changed.
 *
 * @param inputs what the program said
 * @param before the writable part of the outputs in the state
 * @param after the writable part of the outputs of now
 */
export function carryOver(inputs: Properties, before: Properties, after: Properties): Properties {
    const kept = Object.entries(inputs).filter(([name]) => name in after || !(name in before));
    const carried: Properties = Object.fromEntries(kept);
    for (const [name, value] of Object.entries(after)) {
        if (!(name in before)) {
            carried[name] = value;
        } else if (!isDeepStrictEqual(before[name], value)) {
            carried[name] = name in inputs ? carryOverValue(inputs[name], before[name], value) : value;
        }
    }
    return carried;
}

function carryOverValue(input: Value, before: Value, after: Value): Value {
    if (isProperties(input) && isProperties(before) && isProperties(after)) {
        return carryOver(input, before, after);
    }
    if (Array.isArray(input) && Array.isArray(before) && Array.isArray(after)) {
        return after.map((item, index) => {
            const isNew = index >= input.length || index >= before.length;
            return isNew ? item : carryOverItem(input[index], before[index], item);
        });
    }
    return after;
}

function carryOverItem(input: Value, before: Value, after: Value): Value {
    return isDeepStrictEqual(before, after) && isProperties(input) ? input : carryOverValue(input, before, after);
}
