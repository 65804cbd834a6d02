// A pool that Cluster API has: which image it says, and who set it.
import { recordOfImage, type ModelRecord } from "../../policies/contract";
import { imageReferenceOf } from "../capi/image";
import type { CapiPool } from "../capi/machinePool";
import type { KubernetesSettings } from "../node/kubernetes";

/** What the management cluster says of a pool. */
export interface MachinePoolFacts {
    capi: CapiPool;
    /** How to reach the management cluster. */
    kubernetes: KubernetesSettings;
}

/** The record of what an AzureMachinePool says: its image alone, since CAPZ makes all else of a model by itself. */
export function recordOfMachinePool({ azureMachinePool }: CapiPool): ModelRecord {
    return recordOfImage(imageReferenceOf(azureMachinePool.spec.template.image));
}

/**
 * Who set an AzureMachinePool's image last: the name by which that program writes, and when.
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
 */
export function authorOfImage({ azureMachinePool }: CapiPool): { name?: string; at?: string } {
    const writers = (azureMachinePool.metadata.managedFields ?? []).filter(({ fieldsV1 }) =>
        setsImage(fieldsV1 as object),
    );
    const last = writers.sort((a, b) => String(a.time).localeCompare(String(b.time))).at(-1);
    return { name: last?.manager, at: last?.time && String(last.time) };
}

function setsImage(fields: object | undefined): boolean {
    const spec = (fields as { "f:spec"?: { "f:template"?: object } } | undefined)?.["f:spec"];
    return "f:image" in (spec?.["f:template"] ?? {});
}
