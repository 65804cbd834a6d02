// Derives schema.json from the installed SDKs: names and types from @pulumi/azure-native, places on the wire from
// @azure/arm-compute.
import { type DeclaredType, ResourceDeclarations, computeTypes } from "./declarations";
import { COMPUTE_RESOURCES, type ResourcePlace } from "./resources";
import { type Property, type ResourceSpec, type Schema, type TypeSpec, elementType, formatProperty } from "./spec";
import { elementShape, requestShape, responseShape, wirePath } from "./wireShape";

/**
 * Answers have these two at both places on the wire. The official plugin reads the outer one, as its schema tells by
 * the property's description: "Resource type". Azure leaves it out in a scale set's own extensions, so that the type of
 * an extension is in no output of a scale set.
 */
const READ_FROM_OUTSIDE: Record<string, string[]> = { VirtualMachineScaleSetExtension: ["type"] };

/**
 * What the models of the wire do not have by the SDK's name: the provider adds the first, and they spell the others
 * differently.
 */
const NOT_IN_MODELS = ["azureApiVersion", "diskIOPSReadOnly", "diskIOPSReadWrite"];

/** The schema of all served resource types. */
export function deriveSchema(): Schema {
    const inputs = new Walk(computeTypes("input"), requestLookup);
    const outputs = new Walk(computeTypes("output"), responseLookup);
    const resources: Record<string, ResourceSpec> = {};
    for (const [name, place] of Object.entries(COMPUTE_RESOURCES)) {
        const declarations = new ResourceDeclarations(name);
        resources[name] = {
            apiVersion: declarations.apiVersion(),
            inputs: inputs.resource(name, withoutParameters(declarations.inputs(), place), requestShape(place)),
            outputs: outputs.resource(name, declarations.outputs(), responseShape(place)),
        };
    }
    return { resources, inputTypes: markSets(inputs.types, outputs.types), outputTypes: outputs.types };
}

function withoutParameters(type: DeclaredType, place: ResourcePlace): DeclaredType {
    return Object.fromEntries(Object.entries(type).filter(([name]) => !place.path.includes(`{${name}}`)));
}

// A list of strings that the answer has as a map is a set: its strings are the keys on the wire, too.
function markSets(inputs: Record<string, TypeSpec>, outputs: Record<string, TypeSpec>): Record<string, TypeSpec> {
    for (const [name, type] of Object.entries(inputs)) {
        for (const [property, spec] of Object.entries(type)) {
            if (spec.includes("[string]") && outputs[name]?.[property]?.includes("{")) {
                type[property] = spec.replace("[string]", "set");
            }
        }
    }
    return inputs;
}

/** A part of a shape, and how deep on the wire it is: the number of members and items that lead there. */
interface Place {
    shape: unknown;
    depth: number;
}

/**
 * Where a property is: inside `properties` or not, and what it holds. Undefined when the wire's models don't have it.
 */
type Lookup = (place: Place, property: string) => (Place & { nested: boolean }) | undefined;

const requestLookup: Lookup = ({ shape, depth }, property) => {
    const outer = (shape ?? {}) as Record<string, unknown>;
    const inner = (outer.properties ?? {}) as Record<string, unknown>;
    if (property in outer) {
        return { nested: false, shape: outer[property], depth: depth + 1 };
    }
    return property in inner ? { nested: true, shape: inner[property], depth: depth + 2 } : undefined;
};

// In a response's shape all is flattened already; the path that a leaf was read from tells where it was.
const responseLookup: Lookup = ({ shape, depth }, property) => {
    const found = (shape as Record<string, unknown> | undefined)?.[property];
    const path = wirePath(found);
    if (!path) {
        return undefined;
    }
    const nested = path[depth] === "properties";
    return { nested, shape: found, depth: depth + (nested ? 2 : 1) };
};

/** Walks declared types and shapes side by side, and collects each type once. */
class Walk {
    readonly types: Record<string, TypeSpec> = {};

    constructor(
        private readonly declared: Map<string, DeclaredType>,
        private readonly lookup: Lookup,
    ) {}

    resource(name: string, type: DeclaredType, shape: unknown): TypeSpec {
        return this.properties(name, type, { shape, depth: 0 });
    }

    private properties(typeName: string, type: DeclaredType, at: Place): TypeSpec {
        const found = Object.keys(type).map((name) => [name, this.lookup(at, name)] as const);
        const flattened = found.some(([, place]) => place?.nested);
        const specs = found.map(([name, place]) => {
            if (!place && !NOT_IN_MODELS.includes(name)) {
                throw new Error(`@azure/arm-compute has no ${typeName}.${name}`);
            }
            const outside = READ_FROM_OUTSIDE[typeName]?.includes(name) && this.lookup === responseLookup;
            const nested = place ? place.nested : flattened && name !== "azureApiVersion";
            const property: Property = { ...type[name], nested: nested && !outside };
            this.collect(property.type, place ?? { shape: undefined, depth: 0 });
            return [name, formatProperty(property)] as const;
        });
        return Object.fromEntries(specs.sort(([a], [b]) => (a < b ? -1 : 1)));
    }

    private collect(type: string, at: Place): void {
        const element = elementType(type);
        if (element) {
            this.collect(element.type, { shape: elementShape(at.shape), depth: at.depth + 1 });
            return;
        }
        const declared = this.declared.get(type);
        if (declared && !(type in this.types)) {
            this.types[type] = {};
            this.types[type] = this.properties(type, declared, at);
        }
    }
}
