// What the stack itself has, as the engine's backend knows it.
import * as pulumi from "@pulumi/pulumi";

/**
 * Names of the stack's resources of a type, as its state had them at the start of this run. For what is rare: the
 * backend reads the whole state for it.
 *
 * @param stack this stack's own name, as in `organization/kamino/prod`
 */
export async function ownResources(stack: string, type: RegExp): Promise<string[]> {
    const answer = (await pulumi.runtime.invoke("pulumi:pulumi:readStackResourceOutputs", { stackName: stack })) as {
        outputs?: Record<string, unknown>;
    };
    // urn:pulumi:STACK::PROJECT::TYPES::NAME, where TYPES are those of its parents and its own: A$B.
    return Object.keys(answer.outputs ?? {})
        .map((urn) => urn.split("::"))
        .filter(([, , types = ""]) => type.test(types.split("$").at(-1) ?? ""))
        .map(([, , , ...name]) => name.join("::"));
}
