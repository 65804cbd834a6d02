// What the state of a stack has, as far as a program can see it.
import * as pulumi from "@pulumi/pulumi";
import type { InvokeResponse } from "@pulumi/pulumi/proto/provider_pb";
import { ResourceInvokeRequest } from "@pulumi/pulumi/proto/resource_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { oneLine } from "../core/errors";

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
 * Undefined where an engine does not answer, which a warning says: then only the stack's outputs tell what it has.
 *
 * The engine is asked without the SDK's `invoke`. That writes the whole answer to the log of the run, and in the state
 * there are secrets: those of an azure-native provider.
 * Source: https://github.com/pulumi/pulumi/blob/v3.246.0/pkg/resource/deploy/builtins.go, readStackResourceOutputs
 *
 * @param stack its name, as in `organization/kamino/prod`
 */
export async function readStackState(stack: string): Promise<StackState | undefined> {
    try {
        const { outputs = {} } = (await ask("pulumi:pulumi:readStackResourceOutputs", { stackName: stack })) as {
            outputs?: Resources;
        };
        return stateOf(outputs);
    } catch (error) {
        await pulumi.log.warn(
            `what the stack's state has cannot be read, and its outputs have to do: ${oneLine(error)}`,
        );
        return undefined;
    }
}

async function ask(token: string, args: Record<string, string>): Promise<unknown> {
    const request = new ResourceInvokeRequest();
    request.setTok(token);
    request.setArgs(Struct.fromJavaScript(args));
    const answer = await new Promise<InvokeResponse>((resolve, reject) => {
        pulumi.runtime.getMonitor()!.invoke(request, (error, response) => (error ? reject(error) : resolve(response)));
    });
    return answer.getReturn()?.toJavaScript() ?? {};
}

/** The state that these resources are, by their URN: `urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME`. */
export function stateOf(resources: Resources): StackState {
    const all = Object.entries(resources).map(([urn, { outputs = {} }]) => {
        const [, , types = "", ...name] = urn.split("::");
        return { urn, outputs, type: types.split("$").at(-1) ?? "", name: name.join("::") };
    });
    return { find: (type, name) => all.find((each) => type.test(each.type) && each.name === name) };
}
