// Kubernetes objects as Pulumi resources: kinds, names, ids, and which part of a live object the program said.
import { type Properties, type Value, asSecret, isProperties, isUnknown } from "../protocol/values";
import type { ObjectReference } from "./api";

/** Marks an object whose name the provider made up. */
export const AUTONAMED = "pulumi.com/autonamed";

/** Members of a live object's metadata that the API server writes. */
const SERVER_METADATA = ["creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"];

/** API version and kind of a type token: `kubernetes:apps/v1:Deployment`, and `core/v1` is written `v1`. */
export function kindOfToken(token: string): { apiVersion: string; kind: string } {
    const [, apiVersion, kind] = /^kubernetes:([\w.-]+\/\w+):(\w+)$/.exec(token) ?? [];
    if (!kind || kind.endsWith("List") || kind.endsWith("Patch") || apiVersion.startsWith("helm.sh/")) {
        throw new Error(`resource type ${token} is not served by the sandbox's kubernetes`);
    }
    return { apiVersion: apiVersion.replace(/^core\//, ""), kind };
}

/** Metadata of an object; empty where it has none. */
export function metadataOf(object: Properties): Properties {
    return isProperties(object.metadata) ? object.metadata : {};
}

/** What an object is called; its name is empty as long as it is not known. */
export function referenceOf(object: Properties): ObjectReference {
    const { name, namespace } = metadataOf(object);
    return {
        apiVersion: object.apiVersion as string,
        kind: object.kind as string,
        name: typeof name === "string" && !isUnknown(name) ? name : "",
        ...(typeof namespace === "string" && !isUnknown(namespace) && { namespace }),
    };
}

/** The id of an object: `namespace/name`, or the name alone where its kind has no namespaces. */
export function idOf({ name, namespace }: ObjectReference): string {
    return namespace ? `${namespace}/${name}` : name;
}

/** What an id refers to. */
export function referenceOfId(kind: { apiVersion: string; kind: string }, id: string): ObjectReference {
    const slash = id.indexOf("/");
    return { ...kind, name: id.slice(slash + 1), ...(slash > 0 && { namespace: id.slice(0, slash) }) };
}

/** A live object as outputs: all of it but the book-keeping of field managers. */
export function outputsOf(live: Properties): Properties {
    return { ...live, metadata: without(metadataOf(live), ["managedFields"]) };
}

/** Marks the data of a Secret as secret, whatever the program marked: the API server has it under another name than some say it. */
export function withSecretData(object: Properties): Properties {
    const names = object.kind === "Secret" ? ["data", "stringData"].filter((name) => name in object) : [];
    return { ...object, ...Object.fromEntries(names.map((name) => [name, asSecret(object[name])])) };
}

/** What a program would say to get a live object: all but its status and what the API server writes. */
export function inputsOfLive(live: Properties): Properties {
    return { ...without(live, ["status"]), metadata: without(metadataOf(live), SERVER_METADATA) };
}

function without(properties: Properties, names: string[]): Properties {
    return Object.fromEntries(Object.entries(properties).filter(([name]) => !names.includes(name)));
}

/** The part of a live object that another one, such as the inputs, has too. Other parts are other managers' business. */
export function partOf(live: Properties, shape: Properties): Properties {
    const shared = Object.entries(shape).filter(([name]) => name in live);
    return Object.fromEntries(shared.map(([name, value]) => [name, partOfValue(live[name], value)]));
}

function partOfValue(live: Value, shape: Value): Value {
    if (isProperties(live) && isProperties(shape)) {
        return partOf(live, shape);
    }
    if (Array.isArray(live) && Array.isArray(shape)) {
        return live.map((item, index) => (index < shape.length ? partOfValue(item, shape[index]) : item));
    }
    return live;
}
