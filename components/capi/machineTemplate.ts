// The resource that makes an AzureMachineTemplate for an image. Its shell: types and names.
import * as pulumi from "@pulumi/pulumi";
import type { MachineTemplateStatement } from "../../policies/contract";
import { DynamicResource } from "../engine/shell";
import type { MachinesAt } from "./machines";

/** What is declared of a template. */
export interface MachineTemplateArgs extends Omit<MachineTemplateStatement, "template"> {
    /** Where the pool is configured, to begin messages with. */
    configKey: string;
    /** Whose machines are made from it. */
    machines: MachinesAt;
    /** Whether new machines are to be made from it now. What it is made of is settled then, and kept later. */
    current: boolean;
}

/** What `check` finds out, and so is known in a preview. */
export interface MachineTemplateState extends MachineTemplateArgs {
    /** Name of the AzureMachineTemplate. */
    template: string;
    /** Name of the one whose spec it has, but for the image: the one that new machines were made from until then. */
    basedOn: string;
}

/**
 * The AzureMachineTemplate of one image: a copy of the template that new machines were made from until then, with this
 * image. A template cannot be changed, so each image has a template.
 *
 * When it leaves the stack it leaves the cluster, unless a MachineSet refers to it: then a later run deletes it.
 */
export class MachineTemplate extends DynamicResource {
    declare readonly template: pulumi.Output<string>;

    constructor(name: string, args: MachineTemplateArgs, opts?: pulumi.CustomResourceOptions) {
        const outputs = { template: undefined, basedOn: undefined };
        super("components/capi/machineTemplateProvider", "MachineTemplate", name, { ...outputs, ...args }, opts);
    }
}
