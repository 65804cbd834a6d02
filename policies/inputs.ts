// Remembers what each resource was declared with: stack policies get the outputs only, which leave out some inputs.
import type {
    PolicyResource,
    ResourceValidation,
    ResourceValidationPolicy,
    StackValidationPolicy,
} from "@pulumi/policy";
import { present } from "./present";

// One process of the pack serves one preview or one update, and sees each resource's inputs before it sees the stack.
const declared = new Map<string, Record<string, unknown>>();

/** A policy on the whole stack that looks at each resource beforehand. */
export type WholeStackPolicy = StackValidationPolicy & Pick<ResourceValidationPolicy, "validateResource">;

/**
 * A validation that reports nothing and keeps the inputs of one type's resources, for the stack validation beside it.
 */
export function rememberInputs(type: RegExp): ResourceValidation {
    return ({ type: is, urn, props }) => {
        if (type.test(is)) {
            declared.set(urn, props);
        }
    };
}

/** What a resource was declared with, or its outputs if this run did not declare it (left out by `--target`, say). */
export function inputsOf<T>(resource: PolicyResource): T {
    return present(declared.get(resource.urn) ?? resource.props) as T;
}
