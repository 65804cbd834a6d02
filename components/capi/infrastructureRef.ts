// The resource that points a MachineDeployment or MachineSet at a template. Its shell: types and names.
import * as pulumi from "@pulumi/pulumi";
import type { InfrastructureRefStatement } from "../../policies/contract";
import { DynamicResource } from "../engine/shell";
import type { MachinesAt } from "./machines";

/** What is declared of it. */
export interface InfrastructureRefInputs extends InfrastructureRefStatement {
    /** Where the pool is configured, to begin messages with. */
    configKey: string;
    /** Where it is. */
    at: MachinesAt;
    /** How often the stack has written its template over somebody else's. */
    writes: number;
}

/** The inputs, any of which may be another resource's output. */
export type InfrastructureRefArgs = { [K in keyof InfrastructureRefInputs]: pulumi.Input<InfrastructureRefInputs[K]> };

/**
 * The template that new machines of a MachineDeployment or MachineSet are made from: the one field
 * `spec.template.spec.infrastructureRef.name`. Nothing else of the object is written, and without this resource it
 * stays as it is.
 */
export class InfrastructureRef extends DynamicResource {
    constructor(name: string, args: InfrastructureRefArgs, opts?: pulumi.CustomResourceOptions) {
        super("components/capi/infrastructureRefProvider", "InfrastructureRef", name, args, opts);
    }
}
