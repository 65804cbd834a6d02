// Values without nulls: to Azure and Kubernetes null is left out, as it is to a program that declares an optional one.

/**
 * A value of which nothing is null: members that are null are undefined, and lists have no such elements. What a
 * preview does not know is looked at when it is asked for, and not before.
 */
export function present<T>(value: T): T {
    return wrapped(value) as T;
}

function wrapped(value: unknown): unknown {
    if (value === null) {
        return undefined;
    }
    if (typeof value !== "object") {
        return value;
    }
    const members = Array.isArray(value) ? withoutNulls(value) : value;
    return new Proxy(members, { get: (of, name) => wrapped(Reflect.get(of, name)) });
}

/**
 * A list without its nulls. Each element is read when it is asked for, and never by a method of the list, which reads
 * all of them: the framework throws at the access to one that a preview does not know.
 */
function withoutNulls(list: unknown[]): unknown[] {
    const indexes = Object.keys(list).map(Number);
    const kept = indexes.filter((index) => !isNull(list, index));
    if (kept.length === indexes.length) {
        return list;
    }
    const lazy: unknown[] = [];
    for (const [at, index] of kept.entries()) {
        Object.defineProperty(lazy, at, { enumerable: true, configurable: true, get: () => list[index] });
    }
    return lazy;
}

/** Whether an element is null; one that a preview does not know is not. */
function isNull(list: unknown[], index: number): boolean {
    try {
        return list[index] === null;
    } catch {
        return false;
    }
}
