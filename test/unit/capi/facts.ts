// A pool of Cluster API as the management cluster has it, at rest and set so that a changed image replaces nothing.
import type { AzureMachinePool, CapiPool, MachinePool } from "../../../components/capi/machinePool";

const SCALE_SET =
    "azure:///subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/capz/providers/Microsoft.Compute/virtualMachineScaleSets/mp1";

/** What is different about a pool. */
export interface Difference {
    machinePool?: Partial<MachinePool["spec"]>;
    spec?: Partial<AzureMachinePool["spec"]>;
    /** Metadata of both objects. */
    metadata?: MachinePool["metadata"];
    status?: { machinePool?: MachinePool["status"]; azureMachinePool?: AzureMachinePool["status"] };
    clusterPaused?: boolean;
    skipsModelReconciliation?: boolean;
    gateForbidden?: boolean;
}

export function capiPool({ machinePool, spec, metadata, status = {}, ...rest }: Difference = {}): CapiPool {
    const named = { namespace: "default", name: "mp1", resourceVersion: "7", ...metadata };
    return {
        machinePool: {
            metadata: named,
            spec: {
                clusterName: "c1",
                replicas: 3,
                template: {
                    spec: { version: "v1.34.2", infrastructureRef: { kind: "AzureMachinePool", name: "mp1" } },
                },
                ...machinePool,
            },
            status: { replicas: 3, ...status.machinePool },
        },
        azureMachinePool: {
            metadata: named,
            spec: {
                providerID: SCALE_SET,
                strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: "0%" } },
                template: {},
                ...spec,
            },
            status: { replicas: 3, provisioningState: "Succeeded", ...status.azureMachinePool },
        },
        clusterPaused: false,
        ...rest,
    };
}
