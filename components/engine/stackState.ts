// What the state of a stack has, as far as a program can see it.
import * as pulumi from "@pulumi/pulumi";

/** A resource that is in a stack's state. */
export interface StateResource {
    urn: string;
    /** What the state has of it. */
    outputs: Record<string, unknown>;
}

/** The resources in a stack's state. */
export interface StackState {
    /** The resource of this type and name; undefined where the state has none. */
    find(type: RegExp, name: string): StateResource | undefined;
}

/** What the engine answers: resources by their URN. */
type Resources = Record<string, { outputs?: Record<string, unknown> }>;

/**
 * The state as the last command left it. The engine answers what the backend has stored, for every kind of backend.
 * Undefined where an engine does not answer: then only the stack's outputs tell what it has.
 * Source: https://github.com/pulumi/pulumi/blob/v3.246.0/pkg/resource/deploy/builtins.go, readStackResourceOutputs
 *
 * @param stack its name, as in `organization/kamino/prod`
 */
export async function readStackState(stack: string): Promise<StackState | undefined> {
    const token = "pulumi:pulumi:readStackResourceOutputs";
    const read = pulumi.runtime.invoke(token, { stackName: stack }) as Promise<{ outputs?: Resources }>;
    try {
        return stateOf((await read).outputs ?? {});
    } catch (error) {
        await pulumi.log.debug(`the stack's state cannot be read: ${String(error)}`);
        return undefined;
    }
}

/** The state that these resources are, by their URN: `urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME`. */
export function stateOf(resources: Resources): StackState {
    const all = Object.entries(resources).map(([urn, { outputs = {} }]) => {
        const [, , types = "", ...name] = urn.split("::");
        return { urn, outputs, type: types.split("$").at(-1) ?? "", name: name.join("::") };
    });
    return { find: (type, name) => all.find((each) => type.test(each.type) && each.name === name) };
}
