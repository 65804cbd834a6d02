// What single values of `kamino:schedule` may be, and how an object of them is read. Pure.
import { parsed, type Reader } from "../config/values";
import { UserError } from "../core/errors";

/** A key of an object in the configuration. */
export interface Key {
    read: Reader<unknown>;
    default?: unknown;
}

/** An object whose keys are all known, each read; what is not configured has its default. */
export function readObject(
    configured: Record<string, unknown>,
    keys: Record<string, Key>,
    at: string,
): Record<string, unknown> {
    const unknown = Object.keys(configured).find((name) => !(name in keys));
    if (unknown !== undefined) {
        throw new UserError(`${at}.${unknown} is not a known key; the keys are ${Object.keys(keys).sort().join(", ")}`);
    }
    const values = Object.entries(keys).map(([name, { read, default: otherwise }]) => {
        const value = configured[name];
        try {
            return [name, value === undefined || value === null || value === "" ? otherwise : read(value)];
        } catch (error) {
            // What an object holds may be what should not be seen.
            const isObject = typeof value === "object" || /^\s*[{[]/.test(`${value as string}`);
            const shown = isObject ? "" : `, not ${JSON.stringify(value)}`;
            throw new UserError(`${at}.${name} must be ${(error as Error).message}${shown}`);
        }
    });
    return Object.fromEntries(values) as Record<string, unknown>;
}

/** An object, or JSON text of one. */
export function object(value: unknown): Record<string, unknown> {
    const read = typeof value === "string" ? parsed(value) : value;
    if (typeof read !== "object" || read === null || Array.isArray(read)) {
        throw new Error("an object");
    }
    return read as Record<string, unknown>;
}

/** What looks like a secret belongs into one. */
export function environment(value: unknown): Record<string, string> {
    const read = Object.entries(object(value)).map(([name, one]) => {
        if (!/^[A-Z_][A-Z0-9_]*$/.test(name) || typeof one === "object") {
            throw new Error("an object of environment variables");
        }
        if (/SECRET|PASSWORD|PASSPHRASE|TOKEN$|_KEY$/.test(name)) {
            throw new Error(`without ${name}: put it into the Secret that environmentSecret names`);
        }
        return [name, `${one as string | number | boolean}`];
    });
    return Object.fromEntries(read) as Record<string, string>;
}

/** A time zone that this machine knows. */
export function timeZone(value: unknown): string {
    try {
        return new Intl.DateTimeFormat("en", { timeZone: String(value) }).resolvedOptions().timeZone && String(value);
    } catch (error) {
        throw new Error("a time zone such as Europe/Berlin or Etc/UTC", { cause: error });
    }
}
