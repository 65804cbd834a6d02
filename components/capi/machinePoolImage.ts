// The resource that points a MachinePool of Cluster API at an image. Its shell: types and names.
import * as pulumi from "@pulumi/pulumi";
import type { MachinePoolStatement } from "../../policies/contract";
import { DynamicResource } from "../engine/shell";
import type { KubernetesSettings } from "../node/kubernetes";

/** What is declared of a MachinePool. */
export interface MachinePoolImageInputs extends MachinePoolStatement {
    /** Where the pool is configured, to begin messages with. */
    configKey: string;
    /** How to reach the management cluster. */
    kubernetes: KubernetesSettings;
    /** How often the stack has written its image over somebody else's. */
    writes: number;
}

/** The inputs, any of which may be another resource's output. */
export type MachinePoolImageArgs = { [K in keyof MachinePoolImageInputs]: pulumi.Input<MachinePoolImageInputs[K]> };

/**
 * The image that new machines of a MachinePool start from: the one field `spec.template.image.computeGallery` of its
 * AzureMachinePool. Nothing else of the object is written, and without this resource it stays as it is.
 */
export class MachinePoolImage extends DynamicResource {
    constructor(name: string, args: MachinePoolImageArgs, opts?: pulumi.CustomResourceOptions) {
        super("components/capi/machinePoolImageProvider", "MachinePoolImage", name, args, opts);
    }
}
