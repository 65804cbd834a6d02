// Request bodies checked as strictly as the compute service does: unknown members, wrong types, enum texts in any
// casing.
import Ajv, { type ErrorObject, type ValidateFunction } from "ajv";
import { ArmError, missingParameter } from "./errors";

/**
 * A body's shape in short: "string", "integer", "number", "boolean", "any"; `[shape]` a list; `{"*": shape}` a map; an
 * object of members; `oneOf(…)` an enum; `readOnly` is taken and thrown away, as the service does with what it sets
 * itself; `required(shape)`. Every value may be null, which is the same as leaving it out.
 */
export type Shape =
    | "string"
    | "integer"
    | "number"
    | "boolean"
    | "any"
    | "readOnly"
    | Enum
    | Required
    | [Shape]
    | { [member: string]: Shape };

class Enum {
    constructor(readonly values: string[]) {}
}
class Required {
    constructor(readonly shape: Shape) {}
}

/** One of these texts in any casing; the body then holds it in the casing given here. */
export function oneOf(...values: string[]): Shape {
    return new Enum(values);
}

/** A member that must be there and not null. */
export function required(shape: Shape): Shape {
    return new Required(shape);
}

/** A shape made ready for checking bodies. */
export class BodySchema {
    private readonly validate: ValidateFunction;

    constructor(
        private readonly typeName: string,
        private readonly shape: Shape,
    ) {
        this.validate = new Ajv({ strict: false, allowUnionTypes: true, verbose: true }).compile(jsonSchema(shape));
    }

    /**
     * The checked body: read-only members and nulls gone, enum texts in their canonical casing. Throws the service's
     * 400s.
     */
    parse(body: unknown): Record<string, unknown> {
        if (body === undefined || body === null) {
            throw missingParameter(this.typeName);
        }
        if (!this.validate(body)) {
            throw this.refusal(this.validate.errors?.[0]);
        }
        const clean = canonical(body, this.shape, "") as Record<string, unknown>;
        return clean;
    }

    // Texts as the service's deserializer writes them, without its line and position, which need the raw text.
    private refusal(error: ErrorObject | undefined): ArmError {
        const path = (error?.instancePath ?? "")
            .slice(1)
            .replace(/\/(\d+)(?=\/|$)/g, "[$1]")
            .replaceAll("/", ".");
        if (error?.keyword === "additionalProperties") {
            const member = (error.params as { additionalProperty: string }).additionalProperty;
            const full = path ? `${path}.${member}` : member;
            const type =
                path
                    .split(".")
                    .pop()
                    ?.replace(/\[\d+\]$/, "") || this.typeName;
            return new ArmError(
                400,
                "BadRequest",
                `Could not find member '${member}' on object of type '${type}'. Path '${full}'.`,
            );
        }
        const [expected = "object"] = (error?.parentSchema?.type ?? []) as string[];
        const message = `Error converting value at path '${path}' to type '${expected}'.`;
        return new ArmError(400, "BadRequest", message, { target: path });
    }
}

function jsonSchema(shape: Shape): Record<string, unknown> {
    if (shape instanceof Required) {
        return jsonSchema(shape.shape);
    }
    if (shape instanceof Enum) {
        return { type: ["string", "null"] };
    }
    if (shape === "any" || shape === "readOnly") {
        return {};
    }
    // The service reads "true" and "4" as the values they mean (recorded: "primary": "true" came back as true).
    if (shape === "boolean") {
        return { type: ["boolean", "null", "string"], pattern: "^([Tt]rue|[Ff]alse)$" };
    }
    if (shape === "integer") {
        return { type: ["integer", "null", "string"], pattern: "^-?[0-9]+$" };
    }
    if (typeof shape === "string") {
        return { type: [shape, "null"] };
    }
    if (Array.isArray(shape)) {
        return { type: ["array", "null"], items: jsonSchema(shape[0]) };
    }
    const { "*": values, ...members } = shape;
    if (values) {
        return { type: ["object", "null"], additionalProperties: jsonSchema(values) };
    }
    const properties = Object.fromEntries(Object.entries(members).map(([name, member]) => [name, jsonSchema(member)]));
    return { type: ["object", "null"], properties, additionalProperties: false };
}

function canonical(value: unknown, shape: Shape, path: string): unknown {
    if (shape instanceof Required) {
        if (value === undefined || value === null) {
            throw missingParameter(path);
        }
        return canonical(value, shape.shape, path);
    }
    if (value === undefined || value === null || shape === "readOnly") {
        return undefined;
    }
    if (shape instanceof Enum) {
        return enumValue(value as string, shape, path);
    }
    if (shape === "boolean") {
        return typeof value === "string" ? value.toLowerCase() === "true" : value;
    }
    if (shape === "integer") {
        return Number(value);
    }
    if (typeof shape === "string") {
        return value;
    }
    if (Array.isArray(shape)) {
        return (value as unknown[]).map((item, index) => canonical(item, shape[0], `${path}[${index}]`));
    }
    const given = value as Record<string, unknown>;
    const { "*": values, ...members } = shape;
    const names = values ? Object.keys(given) : [...new Set([...Object.keys(given), ...Object.keys(members)])];
    const result: Record<string, unknown> = {};
    for (const name of names) {
        // A map's null value has a meaning: it takes an identity or a tag away.
        const child =
            values && given[name] === null
                ? null
                : canonical(given[name], values ?? members[name], path ? `${path}.${name}` : name);
        if (child !== undefined) {
            result[name] = child;
        }
    }
    return result;
}

function enumValue(text: string, shape: Enum, path: string): string {
    const same = (one: string) => one.replaceAll(" ", "").toLowerCase();
    const found = shape.values.find((one) => same(one) === same(text));
    if (found !== undefined) {
        return found;
    }
    const message = `The value '${text}' of parameter '${path}' is not allowed. Allowed values are: ${shape.values.join(",")}.`;
    throw new ArmError(400, "InvalidParameter", message, { target: path });
}
