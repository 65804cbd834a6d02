// The resource that adds nodes after a bump. Its shell: types and names.
import * as pulumi from "@pulumi/pulumi";
import type { NewNodesStatement } from "../../policies/contract";
import { DynamicResource } from "../engine/shell";

/** What is declared: nothing that a pool's autoscaler changes, since it is part of a plan. */
export interface NewUpdatedNodesInputs extends NewNodesStatement {
    /** ARM id of the scale set. */
    scaleSetId: string;
    /** ARM id of the pool's image definition. */
    imageDefinitionId: string;
    /** Setting `maxNodes`. */
    maxNodes?: number;
}

/** The inputs, any of which may be another resource's output. */
export type NewUpdatedNodesArgs = { [K in keyof NewUpdatedNodesInputs]: pulumi.Input<NewUpdatedNodesInputs[K]> };

/** What is kept of it in the state. */
export interface NewUpdatedNodesState extends NewUpdatedNodesInputs {
    /** How many nodes were added. */
    added: number;
    /** What became of the capacity, in words. */
    outcome: string;
}

/**
 * The one exception to "never touch capacity": adds nodes to a scale set whose model this stack has just pointed at a
 * new version, so that the image proves itself now. Its creation is all that it does, once for a version; it never
 * lowers a capacity, and what becomes of the nodes is the autoscaler's.
 */
export class NewUpdatedNodes extends DynamicResource {
    declare readonly added: pulumi.Output<number>;
    declare readonly outcome: pulumi.Output<string>;

    constructor(name: string, args: NewUpdatedNodesArgs, opts?: pulumi.CustomResourceOptions) {
        const outputs = { added: undefined, outcome: undefined };
        super("components/pool/newUpdatedNodesProvider", "NewUpdatedNodes", name, { ...outputs, ...args }, opts);
    }
}
