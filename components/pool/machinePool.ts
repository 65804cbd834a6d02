// A pool that Cluster API has: which image it says, and who set it.
import type { V1ObjectMeta } from "@kubernetes/client-node";
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

/** What an object's managed fields tell of who wrote one of them. */
export interface Author {
    /** The name by which that program writes. */
    name?: string;
    at?: string;
}

/** Who set an AzureMachinePool's image last. */
export function authorOfImage({ azureMachinePool }: CapiPool): Author {
    return authorOf(azureMachinePool, ["f:spec", "f:template", "f:image"]);
}

/**
 * Who wrote a field of an object last: the name by which that program writes, and when.
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
 *
 * @param field its path, as in `f:spec`, `f:template`
 */
export function authorOf({ metadata }: { metadata: V1ObjectMeta }, field: string[]): Author {
    const writers = (metadata.managedFields ?? []).filter(({ fieldsV1 }) => owns(fieldsV1, field));
    const last = writers.sort((a, b) => String(a.time).localeCompare(String(b.time))).at(-1);
    return { name: last?.manager, at: last?.time && String(last.time) };
}

function owns(fields: unknown, [first, ...rest]: string[]): boolean {
    const member = (fields as Record<string, unknown> | undefined)?.[first];
    return member !== undefined && (rest.length === 0 || owns(member, rest));
}
