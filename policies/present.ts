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
    if (Array.isArray(value) && value.some((_element, index) => isNull(value, index))) {
        return value.filter((element) => element !== null).map(wrapped);
    }
    return new Proxy(value, { get: (of, name) => wrapped(Reflect.get(of, name)) });
}

/** Whether an element is null; one that a preview does not know is not: the framework throws at the access. */
function isNull(list: unknown[], index: number): boolean {
    try {
        return list[index] === null;
    } catch {
        return false;
    }
}
