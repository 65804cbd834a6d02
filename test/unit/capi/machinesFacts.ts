// A MachineDeployment of Cluster API as the management cluster has it, at rest and of strategy OnDelete.
import type { AzureMachineTemplate, CapiMachine, CapiMachines, MachineOwner } from "../../../components/capi/machines";

const VMS =
    "azure:///subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/capz/providers/Microsoft.Compute/virtualMachines/";

/** What is different about it. */
export interface Difference {
    kind?: CapiMachines["kind"];
    apiVersion?: string;
    metadata?: MachineOwner["metadata"];
    spec?: Partial<MachineOwner["spec"]>;
    status?: MachineOwner["status"];
    template?: Partial<AzureMachineTemplate>;
    machines?: CapiMachine[];
    cluster?: CapiMachines["cluster"];
}

/** A Machine with its VM and node, all of one name. */
export function machine(name: string, metadata: CapiMachine["metadata"] = {}): CapiMachine {
    return { metadata: { name, ...metadata }, spec: { providerID: VMS + name }, status: { nodeRef: { name } } };
}

export function capiMachines(change: Difference = {}): CapiMachines {
    const { kind = "MachineDeployment", apiVersion = "v1beta2", metadata, spec, status, template, ...rest } = change;
    const strategy = kind === "MachineDeployment" ? { rollout: { strategy: { type: "OnDelete" } } } : {};
    return {
        kind,
        apiVersion,
        owner: {
            metadata: { namespace: "default", name: "md1", generation: 2, resourceVersion: "7", ...metadata },
            spec: {
                clusterName: "c1",
                replicas: 2,
                ...strategy,
                template: {
                    spec: { version: "v1.34.2", infrastructureRef: { kind: "AzureMachineTemplate", name: "md1" } },
                },
                ...spec,
            },
            status: { replicas: 2, observedGeneration: 2, ...status },
        },
        template: {
            metadata: { namespace: "default", name: "md1", ...template?.metadata },
            spec: template?.spec ?? templateSpec(),
        },
        machines: [machine("md1-b"), machine("md1-a")],
        cluster: { uid: "c1-uid", paused: false },
        ...rest,
    };
}

/** A template's spec as a user writes it. */
export function templateSpec(change: Record<string, unknown> = {}): AzureMachineTemplate["spec"] {
    const image = { marketplace: { publisher: "cncf-upstream", offer: "capi", sku: "ubuntu", version: "1" } };
    return { template: { spec: { vmSize: "Standard_D2s_v3", osDisk: { diskSizeGB: 30 }, image, ...change } } };
}
