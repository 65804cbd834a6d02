// Property values as the engine sends them: plain JSON, and marks for what is secret or not known yet.

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

// An object with this key is a special value, and with this signature a secret (sdk/go/common/resource/sig).
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

/** Whether a value is known only after an update. */
export function isUnknown(value: Value | undefined): boolean {
    return typeof value === "string" && UNKNOWNS.includes(value);
}

/** Whether a value is an object of properties: not a list, not null. */
export function isProperties(value: Value | undefined): value is Properties {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Marks a value as secret. */
export function secret(value: Value): Value {
    return { [SIGNATURE]: SECRET, value };
}

/** Marks a value as secret unless it is marked already. */
export function asSecret(value: Value): Value {
    return isSecret(value) ? value : secret(value);
}

function isSecret(value: Value | undefined): value is { value: Value } {
    return isProperties(value) && value[SIGNATURE] === SECRET;
}

/** A value as it is, without marks of secrets and, as the official plugins have it, without members that are null. */
export function plain(value: Value): Value {
    if (isSecret(value)) {
        return plain(value.value);
    }
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

/** Marks as secret in a value what is secret in another one of the same shape, such as in outputs what is so in the inputs. */
export function withSecretsOf(value: Value, marked: Value | undefined): Value {
    if (isSecret(marked)) {
        return secret(withSecretsOf(value, marked.value));
    }
    if (Array.isArray(value) && Array.isArray(marked)) {
        return value.map((item, index) => withSecretsOf(item, marked[index]));
    }
    return isProperties(value) && isProperties(marked) ? propertiesWithSecretsOf(value, marked) : value;
}

/** `withSecretsOf` for properties. */
export function propertiesWithSecretsOf(properties: Properties, marked: Properties): Properties {
    return Object.fromEntries(
        Object.entries(properties).map(([name, value]) => [name, withSecretsOf(value, marked[name])]),
    );
}
