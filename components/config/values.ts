// What single configuration values may be: each reader takes a value as it was configured and gives it typed, or says in a
// few words what it must be. Pure.
import { seconds } from "../core/duration";
import { parseVersion } from "../core/version";
import { NODE_NAME_FORMAT } from "../node/nodeName";

/** Reads one value; throws an error whose message completes "must be …". */
export type Reader<T> = (value: unknown) => T;

/** A duration, kept as it was written. */
export function duration(atLeast = 0): Reader<string> {
    return (value) => {
        if (seconds(typeof value === "string" ? value : "") < atLeast) {
            throw new Error("a duration longer than 0, such as 90s, 15m, 1h or 30d");
        }
        return value as string;
    };
}

/** A whole number within bounds; the engine gives numbers as text, an object in the configuration gives them as they are. */
export function integer(least: number, most: number): Reader<number> {
    return (value) => {
        const number = typeof value === "string" && /^\d{1,9}$/.test(value) ? Number(value) : value;
        if (typeof number !== "number" || !Number.isInteger(number) || number < least || number > most) {
            throw new Error(`a whole number from ${least} to ${most}`);
        }
        return number;
    };
}

/** `true` or `false`. */
export const boolean: Reader<boolean> = (value) => {
    if (value !== true && value !== false && value !== "true" && value !== "false") {
        throw new Error("true or false");
    }
    return String(value) === "true";
};

/** One of a few words. */
export function oneOf<T extends string>(...words: T[]): Reader<T> {
    return (value) => {
        if (!words.includes(value as T)) {
            throw new Error(words.join(" or "));
        }
        return value as T;
    };
}

/** Text of a certain form. */
export function matching(form: RegExp, description: string): Reader<string> {
    return (value) => {
        if (typeof value !== "string" || !form.test(value)) {
            throw new Error(description);
        }
        return value;
    };
}

/** A list, each item read by the same reader. The engine gives lists as JSON text. */
export function listOf<T>(read: Reader<T>, least = 0): Reader<T[]> {
    return (value) => {
        const list = typeof value === "string" ? parsed(value) : value;
        if (!Array.isArray(list) || list.length < least) {
            throw new Error(`a list${least > 0 ? ` of at least ${least}` : ""}`);
        }
        return list.map((item) => {
            try {
                return read(item);
            } catch (error) {
                throw new Error(`a list, each item ${(error as Error).message}`, { cause: error });
            }
        });
    };
}

/** JSON text as data; undefined when it is none. */
export function parsed(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}

/** Any text with something in it. */
export const text = matching(/\S/, "text");

export const nodeName = matching(NODE_NAME_FORMAT, "a node's name: lower case letters, digits, '-' and '.'");

/** The key of an annotation: an optional prefix and a name, as Kubernetes demands of annotation keys. */
export const annotationKey = matching(
    /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/,
    "an annotation's key without its value, such as example.com/hold",
);

/** The name of an image version. */
export const imageVersion: Reader<string> = (value) => {
    if (typeof value !== "string" || !parseVersion(value)) {
        throw new Error("an image version such as 2026.1122.0412");
    }
    return value;
};
