// The shape of schema.json: how the SDK's properties and ARM's JSON correspond, for the resource types that are served.

/**
 * A property's type: `string`, `number`, `boolean`, `any`, the name of a type, `[T]` a list, `{T}` a map by string, or
 * `set`: a list of strings in the inputs that is a map by those strings, with empty values, on the wire.
 */
export type PropertyType = string;

/**
 * A property: its type; before it `properties/` where ARM has the property inside the `properties` object, which the
 * SDK flattens; behind it `!` where it is required. For example `properties/[VirtualMachineScaleSetExtension]`.
 */
export type PropertySpec = string;

/** Properties by name. */
export type TypeSpec = Record<string, PropertySpec>;

/** A resource type: what it takes and what it gives. */
export interface ResourceSpec {
    apiVersion: string;
    inputs: TypeSpec;
    outputs: TypeSpec;
}

/** All that the stand-in knows of the API's shape. */
export interface Schema {
    resources: Record<string, ResourceSpec>;
    inputTypes: Record<string, TypeSpec>;
    outputTypes: Record<string, TypeSpec>;
}

/** A property spec, taken apart. */
export interface Property {
    type: PropertyType;
    /** Whether ARM has it inside `properties`. */
    nested: boolean;
    required: boolean;
}

/** Takes a property spec apart. */
export function parseProperty(spec: PropertySpec): Property {
    const [, nested, type, required] = /^(properties\/)?(.*?)(!)?$/.exec(spec) as RegExpExecArray;
    return { type, nested: nested !== undefined, required: required !== undefined };
}

/** Puts a property spec together. */
export function formatProperty({ type, nested, required }: Property): PropertySpec {
    return `${nested ? "properties/" : ""}${type}${required ? "!" : ""}`;
}

/** The type of a list's items or of a map's values; undefined for any other type. */
export function elementType(type: PropertyType): { kind: "list" | "map"; type: PropertyType } | undefined {
    if (type.startsWith("[")) {
        return { kind: "list", type: type.slice(1, -1) };
    }
    return type.startsWith("{") ? { kind: "map", type: type.slice(1, -1) } : undefined;
}
