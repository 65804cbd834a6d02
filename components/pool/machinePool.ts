// A pool that Cluster API has: where its scale set is, and which image it says.
import { recordOf, type ModelRecord } from "../../policies/contract";
import { parseScaleSetId } from "../azure/ids";
import { imageReferenceOf } from "../capi/image";
import { readMachinePool, type CapiPool } from "../capi/machinePool";
import { capiRefusal } from "../capi/refusals";
import type { PoolSettings } from "../config/load";
import { UserError } from "../core/errors";
import type { KubernetesSettings } from "../node/kubernetes";

/** What the management cluster says of a pool. */
export interface MachinePoolFacts {
    capi: CapiPool;
    /** How to reach the management cluster. */
    kubernetes: KubernetesSettings;
}

/** The settings of a pool with the place of its scale set, and what the management cluster says of it. */
export interface LocatedPool {
    settings: PoolSettings;
    machinePool?: MachinePoolFacts;
}

/**
 * Finds the scale set of a pool that is given as a MachinePool, and refuses one that must not be changed. Any other
 * pool's settings say where its scale set is.
 *
 * @param kubernetes how to reach the management cluster
 * @throws UserError in one line
 */
export async function locate(
    settings: PoolSettings,
    kubernetes: KubernetesSettings,
    configKey: string,
): Promise<LocatedPool> {
    if (!settings.machinePool) {
        return { settings };
    }
    const capi = await readMachinePool(kubernetes, settings.machinePool, configKey);
    const reason = capiRefusal(capi, configKey);
    if (reason) {
        throw new UserError(reason);
    }
    const scaleSetId = (capi.azureMachinePool.spec.providerID ?? "").replace(/^azure:\/\//, "");
    const scaleSet = { ...settings.scaleSet, ...parseScaleSetId(scaleSetId) };
    return { settings: { ...settings, scaleSet }, machinePool: { capi, kubernetes } };
}

/** The record of what an AzureMachinePool says: its image alone, since CAPZ makes all else of a model by itself. */
export function recordOfMachinePool({ azureMachinePool }: CapiPool): ModelRecord {
    const imageReference = imageReferenceOf(azureMachinePool.spec.template.image);
    return recordOf({ virtualMachineProfile: { storageProfile: { imageReference } } });
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
