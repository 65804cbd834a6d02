// The resource that shows in a plan what somebody else has changed in a pool's model, and what becomes of it. Its
// shell: types and names.
import * as pulumi from "@pulumi/pulumi";
import type { OnForeignChange, PrototypeStatement } from "../../policies/contract";
import { DynamicResource } from "../engine/shell";

/** What others have changed, as the program found it. */
export interface ForeignChangesInputs {
    pool: string;
    onForeignChange: OnForeignChange;
    /** By what was changed: what the model has now → what it has after this run. Empty when nobody changed anything. */
    changes: Record<string, string>;
    /**
     * The records that the changes were found by, for the policy pack to judge by itself; left out where there are no
     * changes.
     */
    statement?: PrototypeStatement;
    /** Whether this run writes the stack's own model over somebody else's. */
    rewrite: boolean;
}

/** The inputs, any of which may be another resource's output. */
export type ForeignChangesArgs = { [K in keyof ForeignChangesInputs]: pulumi.Input<ForeignChangesInputs[K]> };

/** What is kept of it in the state. */
export interface ForeignChangesState extends Omit<ForeignChangesInputs, "rewrite"> {
    /** How often this stack has written its own model over somebody else's. */
    writes: number;
}

/**
 * Shows a plan's reader what somebody else has changed. Pulumi compares a model with what this stack declared last,
 * never with what Azure has, so the scale set itself would show as unchanged. It touches nothing.
 *
 * Its output `writes` goes into the model that the stack declares: another number makes Pulumi write the model once
 * more.
 */
export class ForeignChanges extends DynamicResource {
    declare readonly writes: pulumi.Output<number>;

    constructor(name: string, args: ForeignChangesArgs, opts?: pulumi.CustomResourceOptions) {
        const provider = "components/pool/foreignChangesProvider";
        super(provider, "ForeignChanges", name, { writes: undefined, ...args }, opts);
    }
}
