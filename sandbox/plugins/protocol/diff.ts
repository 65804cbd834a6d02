// Compares properties and names every difference by its path, as in `a.b[0].c`.
import { isDeepStrictEqual } from "node:util";
import { type Properties, type Value, isProperties } from "./values";

/** What became of a property. */
export type Change = "add" | "delete" | "update";

/** Changes by path. */
export type Changes = Map<string, Change>;

/**
 * The differences between two sets of properties, property by property and item by item.
 *
 * @param isSame whether two values that are written differently mean the same
 */
export function compare(
    before: Properties,
    after: Properties,
    isSame: (before: Value, after: Value) => boolean = () => false,
): Changes {
    const changes: Changes = new Map();
    compareProperties(before, after, "", (path, change, values) => {
        if (!values || !isSame(...values)) {
            changes.set(path, change);
        }
    });
    return changes;
}

/** Takes a difference, of an update with both values. */
type Report = (path: string, change: Change, values?: [Value, Value]) => void;

/**
 * The path of a property inside of another one. Names with special characters are quoted, as the engine reads paths.
 */
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

function compareProperties(before: Properties, after: Properties, path: string, report: Report): void {
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
        const at = member(path, name);
        if (!(name in before)) {
            report(at, "add");
        } else if (!(name in after)) {
            report(at, "delete");
        } else {
            compareValues(before[name], after[name], at, report);
        }
    }
}

function compareValues(before: Value, after: Value, path: string, report: Report): void {
    if (isProperties(before) && isProperties(after)) {
        compareProperties(before, after, path, report);
    } else if (Array.isArray(before) && Array.isArray(after)) {
        compareItems(before, after, path, report);
    } else if (!isDeepStrictEqual(before, after)) {
        report(path, "update", [before, after]);
    }
}

function compareItems(before: Value[], after: Value[], path: string, report: Report): void {
    for (let index = 0; index < Math.max(before.length, after.length); index++) {
        const at = `${path}[${index}]`;
        if (index >= before.length) {
            report(at, "add");
        } else if (index >= after.length) {
            report(at, "delete");
        } else {
            compareValues(before[index], after[index], at, report);
        }
    }
}
