// Finds out where ARM has a property by running the (de)serializers of @azure/arm-compute on a value that records what
// is read.
import { createRequire } from "node:module";
import * as path from "node:path";
import type { ResourcePlace } from "./resources";

const PATH = Symbol("path");

/** A value that answers every read with another one that knows the path of reads so far. */
type Probe = { [PATH]: string[] };

function probe(at: string[]): Probe {
    return new Proxy({} as Probe, {
        get(_target, key) {
            if (key === PATH) {
                return at;
            }
            if (key === "map") {
                return (each: (item: Probe) => unknown) => [each(probe([...at, "[]"]))];
            }
            if (key === "toISOString") {
                return () => probe(at);
            }
            return typeof key === "symbol" ? undefined : probe([...at, key]);
        },
        // A map by string shows one key, "*".
        ownKeys: () => ["*"],
        getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: undefined }),
    });
}

type Convert = (item: unknown) => Record<string, unknown>;

function models({ wire }: ResourcePlace): Record<string, Convert> {
    // By file: the package exports its types, and keeps its (de)serializers to itself.
    const load = createRequire(__filename);
    const entry = path.dirname(load.resolve("@azure/arm-compute"));
    return load(path.join(entry, "models", wire.models, "models.js")) as Record<string, Convert>;
}

/** What the serializer makes of everything a request can hold: JSON in the shape of the wire. */
export function requestShape(place: ResourcePlace): Record<string, unknown> {
    return models(place)[`${place.wire.name}Serializer`](probe([]));
}

/**
 * What the deserializer makes of everything an answer can hold: leaves know the path on the wire that they were read
 * from.
 */
export function responseShape(place: ResourcePlace): Record<string, unknown> {
    const { Date: RealDate } = globalThis;
    // A date keeps the path of the text that it is made from.
    globalThis.Date = function (text: unknown) {
        return text;
    } as unknown as DateConstructor;
    try {
        return models(place)[`${place.wire.name}Deserializer`](probe([]));
    } finally {
        globalThis.Date = RealDate;
    }
}

/** The path on the wire that a part of a response's shape was read from; of an object, that of its first leaf. */
export function wirePath(shape: unknown): string[] | undefined {
    if (typeof shape !== "object" || shape === null) {
        return undefined;
    }
    if (isProbe(shape)) {
        return shape[PATH];
    }
    for (const part of Object.values(shape)) {
        const found = wirePath(part);
        if (found) {
            return found;
        }
    }
    return undefined;
}

/** Whether this is a leaf: a value that was read and passed on as it is. */
export function isProbe(shape: object): shape is Probe {
    return (shape as Partial<Probe>)[PATH] !== undefined;
}

/** A list's items or a map's values in a shape. */
export function elementShape(shape: unknown): unknown {
    return typeof shape === "object" && shape !== null && !isProbe(shape) ? Object.values(shape)[0] : undefined;
}
