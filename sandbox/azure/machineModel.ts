// What machines are made from: a scale set's model, or the model that a single VM has for itself.

/** Loosely typed JSON object, for the parts of models that are walked by name. */
export type Json = Record<string, unknown>;

/** A model, as far as making and running machines needs it. */
export interface MachineModel {
    readonly name: string;
    readonly location: string;
    /** Resource group of the machines' disks. */
    readonly groupId: string;
    /** Name of the VM size. */
    readonly size: string;
    readonly plan: Json | undefined;
    readonly osProfile: Json;
    readonly storageProfile: Json;
    readonly securityProfile: Json;
    /** Extensions that machines are made with. */
    readonly extensions: { name: string; properties: Json }[];
    /** Goes up by each write. */
    etagCounter: number;
    readonly etag: string;
}
