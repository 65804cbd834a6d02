// Compares properties and names every difference by its path, as in `a.b[0].c`.
import { isDeepStrictEqual } from "node:util";
import { type Properties, type Value, isProperties } from "./values";

/** What became of a property. */
export type Change = "add" | "delete" | "update";

/** Changes by path. */
export type Changes = Map<string, Change>;

/** The differences between two sets of properties, property by property and item by item. */
export function compare(before: Properties, after: Properties): Changes {
    const changes: Changes = new Map();
    compareProperties(before, after, "", changes);
    return changes;
}

/** The path of a property inside of another one. Names with special characters are quoted, as the engine reads paths. */
export function member(path: string, name: string): string {
    if (!/^[^."[\]]+$/.test(name)) {
        return `${path}[${JSON.stringify(name)}]`;
    }
    return path === "" ? name : `${path}.${name}`;
}

/** The first name of a path: the resource's own property. */
export function firstName(path: string): string {
    const [, quoted, bare] = /^(?:\["((?:[^"\\]|\\.)*)"\]|([^.[]+))/.exec(path) ?? [];
    return quoted ?? bare ?? path;
}

function compareProperties(before: Properties, after: Properties, path: string, changes: Changes): void {
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
        const at = member(path, name);
        if (!(name in before)) {
            changes.set(at, "add");
        } else if (!(name in after)) {
            changes.set(at, "delete");
        } else {
            compareValues(before[name], after[name], at, changes);
        }
    }
}

function compareValues(before: Value, after: Value, path: string, changes: Changes): void {
    if (isProperties(before) && isProperties(after)) {
        compareProperties(before, after, path, changes);
    } else if (Array.isArray(before) && Array.isArray(after)) {
        compareItems(before, after, path, changes);
    } else if (!isDeepStrictEqual(before, after)) {
        changes.set(path, "update");
    }
}

function compareItems(before: Value[], after: Value[], path: string, changes: Changes): void {
    for (let index = 0; index < Math.max(before.length, after.length); index++) {
        const at = `${path}[${index}]`;
        if (index >= before.length) {
            changes.set(at, "add");
        } else if (index >= after.length) {
            changes.set(at, "delete");
        } else {
            compareValues(before[index], after[index], at, changes);
        }
    }
}
