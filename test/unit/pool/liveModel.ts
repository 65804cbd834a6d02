// A scale set as `getVirtualMachineScaleSet` answers it, shaped like an AKS Engine pool: for tests of pure rules.
import type { LiveModel } from "../../../components/pool/model";

/** A fresh copy that a test may change. */
export function liveModel(changes: Partial<LiveModel> = {}): LiveModel {
    return {
        azureApiVersion: "2024-11-01",
        etag: '"3"',
        id: "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachineScaleSets/pool1",
        name: "pool1",
        type: "Microsoft.Compute/virtualMachineScaleSets",
        location: "westeurope",
        provisioningState: "Succeeded",
        timeCreated: "2026-11-01T08:00:00+00:00",
        uniqueId: "4a1c0d9e-0000-0000-0000-000000000000",
        systemData: {},
        orchestrationMode: "Uniform",
        overprovision: false,
        plan: null as unknown as undefined,
        tags: { orchestrator: "Kubernetes:1.24.17", poolName: "pool1" },
        sku: { name: "Standard_D2s_v3", tier: "Standard", capacity: 3 },
        upgradePolicy: { mode: "Manual" },
        identity: {
            type: "UserAssigned",
            principalId: "p",
            tenantId: "t",
            userAssignedIdentities: { "/subscriptions/s/identity": { clientId: "c", principalId: "p" } },
        },
        virtualMachineProfile: {
            timeCreated: "2026-11-01T08:00:00+00:00",
            osProfile: {
                computerNamePrefix: "pool1",
                adminUsername: "azureuser",
                linuxConfiguration: { disablePasswordAuthentication: true },
                secrets: [],
            },
            storageProfile: {
                osDisk: { osType: "Linux", createOption: "FromImage", caching: "ReadWrite", diskSizeGB: 30 },
                imageReference: {
                    publisher: "microsoft-aks",
                    offer: "aks",
                    sku: "aks-engine-ubuntu-1804-202112",
                    version: "2021.12.07",
                    exactVersion: "2021.12.07",
                },
            },
            networkProfile: {
                networkInterfaceConfigurations: [
                    {
                        name: "pool1",
                        primary: true,
                        ipConfigurations: [{ name: "ipconfig1", subnet: { id: "/subnet" } }],
                    },
                ],
            },
            extensionProfile: {
                extensions: [
                    {
                        id: "/ext/1",
                        name: "vmssCSE",
                        publisher: "Microsoft.Azure.Extensions",
                        type: "CustomScript",
                        provisioningState: "Succeeded",
                    },
                    {
                        id: "/ext/2",
                        name: "pool1-computeAksLinuxBilling",
                        publisher: "Microsoft.AKS",
                        type: "Compute.AKS-Engine.Linux.Billing",
                        provisioningState: "Succeeded",
                    },
                ],
            },
        },
        ...changes,
    };
}
