// Turns the SDK's flat properties into ARM's JSON and back, for every property of the served resource types.
import { UNKNOWN, type Properties, type Value, isProperties, isUnknown } from "../protocol/values";
import schemaJson from "./schema/schema.json";
import {
    type PropertyType,
    type ResourceSpec,
    type Schema,
    type TypeSpec,
    elementType,
    parseProperty,
} from "./schema/spec";

const schema: Schema = schemaJson;

/** The shape of a resource type of the `compute` module, such as `Gallery`. */
export function resourceSpec(name: string): ResourceSpec {
    return schema.resources[name];
}

/** The properties that an input type has; undefined where no input type has this name. */
export function inputType(name: PropertyType): TypeSpec | undefined {
    return schema.inputTypes[name];
}

/**
 * A request's body from a resource's inputs.
 *
 * @param previous the inputs of the last update: what has left a set since then is null in the body
 */
export function toRequest(spec: ResourceSpec, inputs: Properties, previous: Properties): Properties {
    return requestBody(spec.inputs, inputs, previous);
}

function requestBody(type: TypeSpec, values: Properties, previous: Properties): Properties {
    const body: Properties = {};
    for (const [name, text] of Object.entries(type)) {
        if (name in values) {
            const property = parseProperty(text);
            const container = property.nested ? ((body.properties ??= {}) as Properties) : body;
            container[name] = requestValue(property.type, values[name], previous[name]);
        }
    }
    return body;
}

function requestValue(type: PropertyType, value: Value, previous: Value | undefined): Value {
    if (type === "set" && Array.isArray(value)) {
        const removed = Array.isArray(previous) ? previous.filter((key) => !value.includes(key)) : [];
        return Object.fromEntries([
            ...removed.map((key) => [key as string, null] as const),
            ...value.map((key) => [key as string, {}] as const),
        ]);
    }
    // Items of lists and values of maps have no counterpart: only in members of objects a removal is seen.
    const before = !elementType(type) && isProperties(previous) ? previous : {};
    return convert(type, value, (name, properties) =>
        typed(schema.inputTypes[name], properties, (spec, members) => requestBody(spec, members, before)),
    );
}

/** A resource's outputs from an answer. Members that are null are left out. */
export function toOutputs(spec: ResourceSpec, answer: Properties): Properties {
    return flatten(spec.outputs, answer, "outputTypes");
}

/** A resource's inputs that would make what an answer says, without its path parameters. */
export function toInputs(spec: ResourceSpec, answer: Properties): Properties {
    const inputs = flatten(spec.inputs, answer, "inputTypes");
    const entries = Object.entries(inputs).map(([name, value]) => [name, withoutEmpty(value)] as const);
    return Object.fromEntries(entries.filter((entry): entry is [string, Value] => entry[1] !== undefined));
}

function flatten(type: TypeSpec, answer: Properties, kind: "inputTypes" | "outputTypes"): Properties {
    const flat: Properties = {};
    for (const [name, text] of Object.entries(type)) {
        const property = parseProperty(text);
        const container = property.nested && isProperties(answer.properties) ? answer.properties : answer;
        const value = container[name];
        if (value !== undefined && value !== null) {
            flat[name] = flatValue(property.type, value, kind);
        }
    }
    return flat;
}

function flatValue(type: PropertyType, value: Value, kind: "inputTypes" | "outputTypes"): Value {
    if (type === "set" && isProperties(value)) {
        return Object.keys(value);
    }
    return convert(type, value, (name, properties) =>
        typed(schema[kind][name], properties, (spec, values) => flatten(spec, values, kind)),
    );
}

/** The part of outputs that are inputs as well: read-only properties are left out. */
export function outputsAsInputs(spec: ResourceSpec, outputs: Properties): Properties {
    return writable(spec.inputs, outputs);
}

function writable(type: TypeSpec, values: Properties): Properties {
    const known = Object.entries(type).filter(([name]) => name in values);
    return Object.fromEntries(
        known.map(([name, text]) => {
            const { type: kind } = parseProperty(text);
            return [name, writableValue(kind, values[name])];
        }),
    );
}

function writableValue(type: PropertyType, value: Value): Value {
    if (type === "set" && isProperties(value)) {
        return Object.keys(value);
    }
    return convert(type, value, (name, properties) => typed(schema.inputTypes[name], properties, writable));
}

/** A preview's outputs: what the inputs say, and all else not known yet, at every depth as the official plugin does. */
export function previewOutputs(spec: ResourceSpec, inputs: Properties): Properties {
    return preview(spec.outputs, inputs);
}

function preview(type: TypeSpec, inputs: Properties): Properties {
    const shown = Object.entries(type).filter(([name]) => name !== "azureApiVersion");
    return Object.fromEntries(
        shown.map(([name, text]) => [name, previewValue(parseProperty(text).type, inputs[name])]),
    );
}

function previewValue(type: PropertyType, value: Value | undefined): Value {
    const element = elementType(type);
    if (value === undefined || isUnknown(value)) {
        return UNKNOWN;
    }
    if (element?.kind === "list") {
        return Array.isArray(value) ? value.map((item) => previewValue(element.type, item)) : UNKNOWN;
    }
    if (element?.kind === "map") {
        const entries = isProperties(value) ? Object.entries(value) : undefined;
        return entries
            ? Object.fromEntries(entries.map(([key, item]) => [key, previewValue(element.type, item)]))
            : UNKNOWN;
    }
    const named = schema.outputTypes[type];
    return named ? (isProperties(value) ? preview(named, value) : UNKNOWN) : value;
}

// Goes through lists and maps, and gives objects of a named type to `object`.
function convert(type: PropertyType, value: Value, object: (name: string, properties: Properties) => Value): Value {
    const element = elementType(type);
    if (Array.isArray(value) && element?.kind === "list") {
        return value.map((item) => convert(element.type, item, object));
    }
    if (isProperties(value) && element?.kind === "map") {
        return Object.fromEntries(
            Object.entries(value).map(([key, item]) => [key, convert(element.type, item, object)]),
        );
    }
    return isProperties(value) && !element ? object(type, value) : value;
}

// Objects of no named type, an extension's settings for one, are passed on as they are.
function typed(
    spec: TypeSpec | undefined,
    properties: Properties,
    change: (spec: TypeSpec, properties: Properties) => Properties,
): Value {
    return spec ? change(spec, properties) : properties;
}

// An import takes no empty lists and objects as inputs: Azure fills them in where nothing was said.
function withoutEmpty(value: Value): Value | undefined {
    if (Array.isArray(value)) {
        const items = value.map(withoutEmpty).filter((item) => item !== undefined);
        return items.length > 0 ? items : undefined;
    }
    if (isProperties(value)) {
        const entries = Object.entries(value).map(([name, item]) => [name, withoutEmpty(item)] as const);
        const filled = entries.filter((entry): entry is [string, Value] => entry[1] !== undefined);
        return filled.length > 0 ? Object.fromEntries(filled) : undefined;
    }
    return value;
}
