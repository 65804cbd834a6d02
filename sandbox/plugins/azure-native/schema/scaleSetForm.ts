// What the program itself has to know of azure-native's form of a scale set: where each property is in ARM's answer.
import { elementType, formatProperty, parseProperty, type Schema, type TypeSpec } from "./spec";

/** The part of a schema that a scale set's answer needs, as components/azure/scaleSetForm.json has it. */
export interface ScaleSetForm {
    /** The API version that azure-native reads and writes scale sets in. */
    apiVersion: string;
    /** Properties by the name of their type; of the scale set itself `VirtualMachineScaleSet`. */
    types: Record<string, TypeSpec>;
}

const ROOT = "VirtualMachineScaleSet";

/** azure-native's answer leaves an extension's type out; as an input it is inside `properties`. */
const OF_INPUTS: Record<string, string[]> = { VirtualMachineScaleSetExtension: ["type"] };

/** Takes that part out of the whole schema. */
export function scaleSetForm({ resources, inputTypes, outputTypes }: Schema): ScaleSetForm {
    const { apiVersion, outputs } = resources[ROOT];
    const types: Record<string, TypeSpec> = {};
    const add = (name: string, type: TypeSpec) => {
        types[name] = Object.fromEntries(Object.entries(type).map(([each, text]) => [each, whereOf(text)]));
        for (const text of Object.values(type)) {
            const named = nameIn(parseProperty(text).type);
            if (named in outputTypes && !(named in types)) {
                const inputs = (OF_INPUTS[named] ?? []).map((each) => [each, inputTypes[named][each]] as const);
                add(named, { ...outputTypes[named], ...Object.fromEntries(inputs) });
            }
        }
    };
    add(ROOT, { ...outputs, id: "string" });
    return { apiVersion, types };
}

/** The same without what is of no use in an answer: whether it is required. */
function whereOf(text: string): string {
    return formatProperty({ ...parseProperty(text), required: false });
}

function nameIn(type: string): string {
    const element = elementType(type);
    return element ? nameIn(element.type) : type;
}
