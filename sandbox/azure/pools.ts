// Scale sets as AKS Engine makes them for its agent pools, and such whose nodes join by kubeadm.
import { createHash } from "node:crypto";
import { stringify } from "yaml";
import { kubeadmCustomData } from "./kubeadm";
import { MARKETPLACE_LEVEL } from "./images";
import type { Json } from "./scaleSetRecord";
import type { PoolOptions, ScaleSetBody } from "./types";

/** Resource group and region of pools that do not name theirs. */
export const DEFAULT_GROUP = "kamino-sandbox";
export const DEFAULT_LOCATION = "westeurope";

/** The script that AKS Engine's custom data puts on a node and its extension runs. */
const PROVISION_SCRIPT = "/opt/azure/containers/provision.sh";
export const SSH_KEY =
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDsandboxsandboxsandboxsandboxsandboxsandboxsandboxsandbox sandbox@example";

/** Eight digits that AKS Engine derives from the cluster's name; here from the group's. */
export function nameSuffix(group: string): string {
    return String(parseInt(createHash("sha256").update(group).digest("hex").slice(0, 12), 16) % 1e8).padStart(8, "0");
}

/** Name of a pool's scale set. */
export function scaleSetName(options: PoolOptions): string {
    return options.scaleSet ?? `k8s-${options.name}-${nameSuffix(options.resourceGroup ?? DEFAULT_GROUP)}-vmss`;
}

/** The request body that makes the pool's scale set. */
export function poolBody(options: PoolOptions, subscriptionId: string): ScaleSetBody {
    const group = options.resourceGroup ?? DEFAULT_GROUP;
    const name = scaleSetName(options);
    const body: ScaleSetBody = {
        location: options.location ?? DEFAULT_LOCATION,
        tags: { ...(!options.kubeadm && aksEngineTags(options, name)), ...options.tags },
        sku: { name: options.vmSize ?? "Standard_D2s_v3", tier: "Standard", capacity: options.capacity ?? 3 },
        ...(options.zones && { zones: options.zones }),
        ...(options.identity && { identity: identity(options.identity) }),
        ...(options.purchasePlan && { plan: options.purchasePlan }),
        properties: {
            singlePlacementGroup: false,
            ...(options.flexible ? { orchestrationMode: "Flexible" } : { overprovision: false }),
            upgradePolicy: { mode: "Manual" },
            scaleInPolicy: { rules: ["Default"], forceDeletion: false },
            ...(options.zones && { zoneBalance: false }),
            platformFaultDomainCount: 1,
            virtualMachineProfile: profile(
                options,
                name,
                `/subscriptions/${subscriptionId}/resourceGroups/${group}/providers`,
            ),
        },
    };
    options.change?.(body);
    return body;
}

function aksEngineTags({ name: poolName, resourceGroup = DEFAULT_GROUP }: PoolOptions, name: string) {
    return {
        aksEngineVersion: "v0.79.0",
        creationSource: `aksengine-${name}`,
        orchestrator: "Kubernetes:1.24.17",
        poolName,
        resourceNameSuffix: nameSuffix(resourceGroup),
    };
}

function profile(options: PoolOptions, name: string, providers: string): Json {
    return {
        osProfile: {
            adminUsername: "azureuser",
            computerNamePrefix: name,
            customData: customData(options),
            linuxConfiguration: {
                disablePasswordAuthentication: true,
                enableVMAgentPlatformUpdates: false,
                ssh: { publicKeys: [{ path: "/home/azureuser/.ssh/authorized_keys", keyData: SSH_KEY }] },
            },
        },
        storageProfile: storage(options),
        networkProfile: network(options, name, providers),
        extensionProfile: { extensions: options.kubeadm ? [] : extensions(name) },
        ...(options.spot && { priority: "Spot", evictionPolicy: "Delete", billingProfile: { maxPrice: -1 } }),
    };
}

function storage(options: PoolOptions): Json {
    const version = options.imageVersion ?? MARKETPLACE_LEVEL;
    const disk = {
        createOption: "FromImage",
        osType: "Linux",
        caching: options.ephemeral ? "ReadOnly" : "ReadWrite",
        ...(options.ephemeral && { diffDiskSettings: { option: "Local" } }),
        managedDisk: { storageAccountType: options.ephemeral ? "Standard_LRS" : "Premium_LRS" },
    };
    const sizes = options.dataDiskSizesGB ?? [];
    const dataDisks = sizes.map((diskSizeGB, lun) => ({
        lun,
        diskSizeGB,
        createOption: "Empty",
        caching: "None",
        managedDisk: { storageAccountType: "Premium_LRS" },
    }));
    return {
        imageReference: { publisher: "microsoft-aks", offer: "aks", sku: "aks-engine-ubuntu-1804-202112", version },
        osDisk: disk,
        ...(dataDisks.length > 0 && { dataDisks }),
    };
}

function network(options: PoolOptions, name: string, providers: string): Json {
    const cluster = options.resourceGroup ?? DEFAULT_GROUP;
    const subnet = {
        id: `${providers}/Microsoft.Network/virtualNetworks/k8s-vnet-${nameSuffix(cluster)}/subnets/k8s-subnet`,
    };
    const pool = { id: `${providers}/Microsoft.Network/loadBalancers/${cluster}/backendAddressPools/${cluster}` };
    // Only the first configuration is primary and in the load balancer's pool.
    const ipConfigurations = Array.from({ length: options.ipConfigurations ?? 1 }, (_, index) => ({
        name: `ipconfig${index + 1}`,
        properties: { subnet, ...(index === 0 && { primary: true, loadBalancerBackendAddressPools: [pool] }) },
    }));
    const properties = {
        primary: true,
        enableAcceleratedNetworking: false,
        enableIPForwarding: true,
        ipConfigurations,
    };
    const configured = { networkInterfaceConfigurations: [{ name, properties }] };
    // As azure-cli and CAPZ write it.
    return options.flexible ? { ...configured, networkApiVersion: "2020-11-01" } : configured;
}

function extensions(name: string): Json[] {
    return [
        {
            name: "vmssCSE",
            properties: {
                publisher: "Microsoft.Azure.Extensions",
                type: "CustomScript",
                typeHandlerVersion: "2.0",
                autoUpgradeMinorVersion: true,
                settings: {},
                protectedSettings: {
                    commandToExecute: `/usr/bin/nohup /bin/bash -c "${PROVISION_SCRIPT} >> /var/log/azure/cluster-provision.log 2>&1"`,
                },
            },
        },
        {
            name: `${name}-computeAksLinuxBilling`,
            properties: {
                publisher: "Microsoft.AKS",
                type: "Compute.AKS-Engine.Linux.Billing",
                typeHandlerVersion: "1.0",
                autoUpgradeMinorVersion: true,
                settings: {},
            },
        },
    ];
}

// Labels and taints live only here and, after bootstrap, on the disk.
function customData(options: PoolOptions): string {
    const group = options.resourceGroup ?? DEFAULT_GROUP;
    const labels: Record<string, string> = {
        agentpool: options.name,
        "kubernetes.azure.com/role": "agent",
        "kubernetes.azure.com/cluster": group,
        // A kubelet that signs in as its own node may not give itself these: NodeRestriction forbids it.
        ...(!options.kubeadm && { "kubernetes.io/role": "agent", "node-role.kubernetes.io/agent": "" }),
        ...options.labels,
    };
    const kubelet = kubeletSettings(labels, options.taints ?? []);
    if (options.kubeadm) {
        return kubeadmCustomData(kubelet);
    }
    const config = {
        write_files: [
            { path: "/etc/default/kubelet", permissions: "0644", content: kubelet },
            {
                path: PROVISION_SCRIPT,
                permissions: "0744",
                content: "#!/bin/bash\n# Sets up the node: container runtime, kubelet, certificates.\n",
            },
        ],
    };
    return Buffer.from(`#cloud-config\n${stringify(config)}`).toString("base64");
}

/** What /etc/default/kubelet says. */
export function kubeletSettings(labels: Record<string, string>, taints: string[]): string {
    const labelText = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
    return [`KUBELET_NODE_LABELS=${labelText.join(",")}`, `KUBELET_REGISTER_WITH_TAINTS=${taints.join(",")}`, ""].join(
        "\n",
    );
}

function identity(wanted: string[] | "system"): Json {
    if (wanted === "system") {
        return { type: "SystemAssigned" };
    }
    return { type: "UserAssigned", userAssignedIdentities: Object.fromEntries(wanted.map((id) => [id, {}])) };
}
