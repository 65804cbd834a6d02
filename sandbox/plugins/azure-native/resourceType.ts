// One resource type of Azure, as the provider needs it: ids, inputs that are checked, what replaces.
import { randomBytes } from "node:crypto";
import { isUnknown, type Properties, type Value, isProperties } from "../protocol/values";
import type { Failure } from "../protocol/messages";
import { COMPUTE_RESOURCES } from "./schema/resources";
import { type ResourceSpec, parseProperty } from "./schema/spec";
import { resourceSpec } from "./shape";

const TYPE_TOKEN = /^azure-native:compute:(\w+)$/;
const FUNCTION_TOKEN = /^azure-native:compute:get(\w+)$/;

/** A served resource type. */
export class ResourceType {
    readonly spec: ResourceSpec;
    private readonly parts: string[];

    private constructor(
        readonly token: string,
        name: string,
    ) {
        this.spec = resourceSpec(name);
        this.parts = COMPUTE_RESOURCES[name].path.split("/");
    }

    /** The type of a URN or a type token; undefined when this stand-in does not serve it. */
    static find(token: string): ResourceType | undefined {
        return ResourceType.named(token, TYPE_TOKEN);
    }

    /** The type that a function such as `azure-native:compute:getGallery` reads. */
    static ofFunction(token: string): ResourceType | undefined {
        return ResourceType.named(token, FUNCTION_TOKEN);
    }

    private static named(token: string, pattern: RegExp): ResourceType | undefined {
        const name = pattern.exec(token)?.[1];
        return name && name in COMPUTE_RESOURCES ? new ResourceType(token, name) : undefined;
    }

    /** Inputs that are part of the path, in its order; the last is the resource's own name. */
    get pathParameters(): string[] {
        const names = this.parts.filter((part) => part.startsWith("{")).map((part) => part.slice(1, -1));
        return names.filter((name) => name !== "subscriptionId");
    }

    /** The ARM id that the inputs say. */
    id(subscriptionId: string, inputs: Properties): string {
        const values: Properties = { ...inputs, subscriptionId };
        return this.parts
            .map((part) => (part.startsWith("{") ? (values[part.slice(1, -1)] as string) : part))
            .join("/");
    }

    /**
     * The path parameters that an ARM id holds; Azure compares ids without case.
     *
     * @throws when the id is that of another type
     */
    parametersOf(id: string): Properties {
        const found = id.split("/");
        const matches =
            found.length === this.parts.length &&
            this.parts.every(
                (part, index) => part.startsWith("{") || part.toLowerCase() === found[index].toLowerCase(),
            );
        if (!matches) {
            throw new Error(`the id ${id} does not look like ${this.parts.join("/")}`);
        }
        const values = this.parts.map((part, index) => [part.slice(1, -1), found[index]] as const);
        return Object.fromEntries(values.filter(([name]) => this.pathParameters.includes(name)));
    }

    /** A name for a resource whose program gives none: its logical name and eight random digits. */
    named(logicalName: string, seed: Uint8Array, inputs: Properties, before: Properties): Properties {
        const parameter = this.pathParameters[this.pathParameters.length - 1];
        if (parameter in inputs) {
            return {};
        }
        const digits = Buffer.from(seed.length >= 4 ? seed : randomBytes(4))
            .toString("hex")
            .slice(0, 8);
        return { [parameter]: before[parameter] ?? `${logicalName}${digits}` };
    }

    /**
     * Whether a change of a property needs a new resource: its path, and its location. Those are all that the official
     * plugin replaces for in these types: it takes path parameters, its own table (which has none of them), and what
     * the API's specification marks as settable at creation only, which here is `location` (common types,
     * TrackedResource).
     */
    replaces(property: string): boolean {
        return property === "location" || this.pathParameters.includes(property);
    }

    /**
     * What is wrong with inputs: required properties that are missing, and values of another type than the property's.
     */
    failures(inputs: Properties, checkType: (type: string, value: Value, path: string) => Failure[]): Failure[] {
        const missing = this.pathParameters.filter((name) => !(name in inputs)).map(missingProperty);
        const wrong = Object.entries(this.spec.inputs).flatMap(([name, text]) => {
            const { type, required } = parseProperty(text);
            if (!(name in inputs)) {
                return required ? [missingProperty(name)] : [];
            }
            return checkType(type, inputs[name], name);
        });
        return [...missing, ...wrong];
    }
}

/** That a required property is not there. */
export function missingProperty(path: string): Failure {
    return { property: path, reason: `missing required property '${path}'` };
}

/** Whether a value may stand where an object or a scalar is expected: unknown ones may stand anywhere. */
export function fits(type: string, value: Value): boolean {
    if (isUnknown(value) || type === "any") {
        return true;
    }
    if (/^(string|number|boolean)$/.test(type)) {
        return typeof value === type;
    }
    return type === "set" || type.startsWith("[") ? Array.isArray(value) : isProperties(value);
}
