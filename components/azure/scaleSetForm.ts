// A scale set as azure-native has it, made of Resource Manager's answer. azure-native's own function leaves out what
// type an extension is of: its SDK folds that into the extension's read-only `type`, which is absent in a model.
import type { compute } from "@pulumi/azure-native";
import form from "./scaleSetForm.json";

/** A scale set as `getVirtualMachineScaleSet` answers it, with the types of its extensions. */
export type ScaleSetModel = compute.GetVirtualMachineScaleSetResult;

/** The API version in which azure-native reads and writes scale sets; another one has other properties. */
export const API_VERSION = form.apiVersion;

type Json = Record<string, unknown>;

/**
 * Properties by the name of their type, as the installed SDK has them (sandbox/plugins/azure-native/schema): `T`, a
 * list `[T]` or a map `{T}`, behind `properties/` what Resource Manager has inside an object of that name.
 */
const TYPES: Partial<Record<string, Record<string, string>>> = form.types;

/**
 * The model in the form that is written back. What azure-native does not know is left out, and what is null: it would
 * be a change of the resource that no update makes.
 */
export function inAzureNativesForm(answer: object): ScaleSetModel {
    const model = flat("VirtualMachineScaleSet", answer) as object;
    return { ...model, azureApiVersion: API_VERSION } as ScaleSetModel;
}

function flat(type: string, value: unknown): unknown {
    const [, element] = /^[[{](.*)[\]}]$/.exec(type) ?? [];
    if (Array.isArray(value)) {
        return element === undefined ? value : value.map((item) => flat(element, item));
    }
    if (typeof value !== "object" || value === null) {
        return value;
    }
    if (element !== undefined) {
        return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, flat(element, item)]));
    }
    const properties = TYPES[type];
    // What is of no named type, an extension's settings for one, is passed on as it is.
    return properties ? flatObject(properties, value as Json) : value;
}

function flatObject(properties: Record<string, string>, value: Json): Json {
    const inner = (value.properties ?? value) as Json;
    const found = Object.entries(properties).map(([name, text]) => {
        const [, nested, type] = /^(properties\/)?(.*)$/.exec(text)!;
        return [name, flat(type, (nested ? inner : value)[name])] as const;
    });
    return Object.fromEntries(found.filter(([, each]) => each !== undefined && each !== null));
}

/** A model in azure-native's form as a request to Resource Manager has it. What that does not know is left out. */
export function inArmForm(model: object): Json {
    return nested("VirtualMachineScaleSet", model) as Json;
}

function nested(type: string, value: unknown): unknown {
    const [, element] = /^[[{](.*)[\]}]$/.exec(type) ?? [];
    if (Array.isArray(value)) {
        return element === undefined ? value : value.map((item) => nested(element, item));
    }
    if (typeof value !== "object" || value === null) {
        return value;
    }
    if (element !== undefined) {
        return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, nested(element, item)]));
    }
    const properties = TYPES[type];
    return properties ? nestedObject(properties, value as Json) : value;
}

function nestedObject(properties: Record<string, string>, value: Json): Json {
    const outer: Json = {};
    const inner: Json = {};
    for (const [name, text] of Object.entries(properties).filter(([name]) => value[name] !== undefined)) {
        const [, inside, type] = /^(properties\/)?(.*)$/.exec(text)!;
        (inside ? inner : outer)[name] = nested(type, value[name]);
    }
    return Object.keys(inner).length > 0 ? { ...outer, properties: inner } : outer;
}
