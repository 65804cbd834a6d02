// What single values of the configuration may be, as zod schemas. Each message completes "must be …", unless it begins
// with "is ".
import { closest, distance } from "fastest-levenshtein";
import { z } from "zod";
import { isDuration, parseDuration } from "../core/duration";
import { parseVersion } from "../core/version";
import { NODE_NAME_FORMAT } from "../node/nodeName";

/**
 * A key that may be left out. Pulumi.yaml's schema knows no "optional": empty text is its default for keys that need
 * not be set, and counts as not set.
 */
export function optional<S extends z.ZodType>(schema: S) {
    return z.preprocess(unlessEmpty, schema.optional());
}

/** A key with a default, which is written as a user would write it. */
export function withDefault<S extends z.ZodType>(schema: S, value: unknown) {
    return z.preprocess(unlessEmpty, z.prefault(schema, value as z.util.NoUndefined<z.input<S>>));
}

/** A key that must be set; `missing` completes "is missing". */
export function required<S extends z.ZodType>(schema: S, missing: string) {
    return z.preprocess((value, context) => {
        const given = unlessEmpty(value);
        if (given === undefined) {
            context.addIssue({ code: "custom", message: `is missing${missing}`, input: value });
        }
        return given;
    }, schema);
}

function unlessEmpty(value: unknown): unknown {
    return value === "" || value === null ? undefined : value;
}

/** The engine gives the values of a stack's own keys as text: numbers, booleans, and lists and objects as JSON. */
function fromText<S extends z.ZodType>(read: (text: string) => unknown, schema: S) {
    return z.preprocess((value) => (typeof value === "string" ? (read(value) ?? value) : value), schema);
}

/** JSON text as data; undefined when it is not JSON. */
export function parseJson(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}

/** Text of a certain form. */
export function matching(form: RegExp, description: string) {
    return z.string(description).regex(form, description);
}

/** Any text with something in it. */
export const text = matching(/\S/, "text");

/** A duration such as `90s`, in milliseconds. */
export function duration(leastSeconds = 0) {
    const description = leastSeconds > 0 ? "a duration longer than 0, such as" : "a duration such as";
    return z
        .string("a duration such as 90s, 15m, 1h or 30d")
        .refine((value) => isDuration(value), { error: "a duration such as 90s, 15m, 1h or 30d", abort: true })
        .refine((value) => parseDuration(value) >= leastSeconds * 1000, {
            error: `${description} 90s, 15m, 1h or 30d`,
            abort: true,
        })
        .transform(parseDuration);
}

/** A whole number within bounds. */
export function integer(least: number, most: number) {
    const description = `a whole number from ${least} to ${most}`;
    const number = z.int(description).min(least, description).max(most, description);
    return fromText((value) => (/^\d{1,9}$/.test(value) ? Number(value) : undefined), number);
}

/** `true` or `false`. */
export function boolean() {
    const words = new Map([
        ["true", true],
        ["false", false],
    ]);
    return fromText((value) => words.get(value), z.boolean("true or false"));
}

/** One of a few words. */
export function oneOf<const W extends readonly string[]>(...words: W) {
    return z.enum(words, words.join(" or "));
}

/** A list, each item of the same kind. */
export function listOf<S extends z.ZodType>(item: S) {
    return fromText(parseJson, z.array(item, "a list"));
}

/** An object with these keys and no others. */
export function objectOf<S extends z.ZodRawShape>(shape: S, description = "an object") {
    const known = Object.keys(shape);
    return fromText(
        parseJson,
        z.strictObject(shape, {
            error: (issue) =>
                issue.code === "unrecognized_keys" ? nearest(String(issue.keys?.[0]), known) : description,
        }),
    );
}

/** An object of values that are all of the same kind, by keys of a certain form. */
export function recordOf<K extends z.core.$ZodRecordKey, V extends z.ZodType>(key: K, value: V, description: string) {
    return fromText(parseJson, z.record(key, value, { error: description }));
}

/** What to say of a key that is not known. */
export function nearest(key: string, known: string[]): string {
    const near = closest(key, known);
    return distance(key.toLowerCase(), near.toLowerCase()) <= Math.min(3, key.length / 3)
        ? `did you mean ${near}?`
        : `the keys are ${[...known].sort().join(", ")}`;
}

/** The name of a node. */
export const nodeName = matching(NODE_NAME_FORMAT, "a node's name: lower case letters, digits, '-' and '.'");

/** The key of an annotation or a label, as Kubernetes demands it: an optional prefix and a name. */
export const QUALIFIED_NAME_FORMAT = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/;

/** The key of an annotation. */
export const annotationKey = matching(
    QUALIFIED_NAME_FORMAT,
    "an annotation's key without its value, such as example.com/hold",
);

/** The name of a namespace, and of most other objects: a DNS label. */
export const NAMESPACE_FORMAT = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** The name of an image version. */
export const imageVersion = z
    .string("an image version such as 2026.1122.0412")
    .refine((value) => parseVersion(value) !== undefined, "an image version such as 2026.1122.0412");
