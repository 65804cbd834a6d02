// Property values as the engine sends them: plain JSON, and marks for what is not known yet.

/** A value of a property. */
export type Value = null | boolean | number | string | Value[] | Properties;

/** Properties by name. */
export interface Properties {
    [name: string]: Value;
}

/** A value that is known only after an update (sdk/go/common/resource/plugin/rpc.go, `UnknownStringValue`). */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

// The other kinds of unknown values that the engine can send, by the type that they will have.
const UNKNOWNS = [
    UNKNOWN,
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "030794c1-ac77-496b-92df-f27374a8bd58",
    "e48ece36-62e2-4504-bad9-02848725956a",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
];

/** Whether a value is known only after an update. */
export function isUnknown(value: Value | undefined): boolean {
    return typeof value === "string" && UNKNOWNS.includes(value);
}

/** Whether a value is an object of properties: not a list, not null. */
export function isProperties(value: Value | undefined): value is Properties {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value as it is, as the official plugins have it: without members that are null. */
export function plain(value: Value): Value {
    if (Array.isArray(value)) {
        return value.map(plain);
    }
    return isProperties(value) ? plainProperties(value) : value;
}

/** `plain` of properties; none where there are none. */
export function plainProperties(properties: Properties | undefined): Properties {
    const members = Object.entries(properties ?? {}).map(([name, value]) => [name, plain(value)] as const);
    return Object.fromEntries(members.filter(([, value]) => value !== null));
}
