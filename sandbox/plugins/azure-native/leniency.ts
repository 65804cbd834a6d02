// Which differences the official plugin does not take for a change, because Azure does not.
import type { Value } from "../protocol/values";

/** An ARM id up to the namespace of its resource provider, and the rest. */
const ID = /^(\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/[^/]+)(\/.*)$/i;

/**
 * Whether two values are the same id: up to the provider's namespace case has no meaning, in the names behind it it
 * has.
 */
export function isSameId(before: Value, after: Value): boolean {
    return typeof before === "string" && typeof after === "string" && normalId(before) === normalId(after);
}

function normalId(text: string): string {
    const [, prefix, rest] = ID.exec(text) ?? [];
    return prefix === undefined ? text : prefix.toLowerCase() + rest;
}

/**
 * Whether an input that is spelt otherwise means the same: location without case and spaces, a group's name without
 * case.
 */
export function isSameInput(name: string, before: Value | undefined, after: Value | undefined): boolean {
    if (typeof before !== "string" || typeof after !== "string") {
        return false;
    }
    if (name === "location") {
        const normal = (location: string) => location.toLowerCase().replaceAll(" ", "");
        return normal(before) === normal(after);
    }
    return name === "resourceGroupName" && before.toLowerCase() === after.toLowerCase();
}
