// Reads configuration by a zod schema; what does not fit is refused in one line that begins with the key.
import type { z } from "zod";
import { UserError } from "../core/errors";
import { parseJson } from "./values";

/**
 * A configured value as the schema gives it.
 *
 * @param prefix what the messages begin with, before the first key: `kamino:` or `kamino:schedule.`
 * @throws UserError in one line that begins with the key
 */
export function readBySchema<S extends z.ZodType>(schema: S, value: unknown, prefix: string): z.output<S> {
    const result = schema.safeParse(value, { reportInput: true });
    if (result.success) {
        return result.data;
    }
    const { issues } = result.error;
    // A misspelt key may be why another one is missing.
    throw new UserError(lineOf(issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0], prefix));
}

function lineOf(issue: z.core.$ZodIssue, prefix: string): string {
    if (issue.code === "unrecognized_keys") {
        const at = issue.path.length > 0 ? `${keyOf(prefix, issue.path)}.` : prefix;
        return `${at}${issue.keys[0]} is not a known key; ${issue.message}`;
    }
    if (issue.code === "invalid_key") {
        return `${keyOf(prefix, issue.path.slice(0, -1))} must be ${issue.issues[0].message}`;
    }
    const inList = typeof issue.path.at(-1) === "number" && typeof issue.input !== "object" && issue.path.length > 1;
    const isItem = inList && issue.path.at(-2) !== "pools";
    const at = keyOf(prefix, isItem ? issue.path.slice(0, -1) : issue.path);
    if (issue.message.startsWith("is ")) {
        return `${at} ${issue.message}`;
    }
    return `${at} must be ${isItem ? "a list, each item " : ""}${issue.message}${shown(issue.input)}`;
}

/** `kamino:pools[0].scaleSet`. */
function keyOf(prefix: string, path: PropertyKey[]): string {
    const steps = path.map((step) => (typeof step === "number" ? `[${step}]` : `.${String(step)}`));
    return prefix + steps.join("").replace(/^\./, "");
}

/** What was configured instead. An object, or a whole file in place of a value, may hold what must not be seen. */
function shown(input: unknown): string {
    const value = typeof input === "string" ? (parseJson(input) ?? input) : input;
    const isObject = typeof value === "object" || (typeof value === "string" && /^\s*[{[]/.test(value));
    const text = JSON.stringify(value) ?? "";
    return isObject || text === "" || /\\[rn]|.{200}/.test(text) ? "" : `, not ${text}`;
}
