// The objects of a cluster and its machine pools, as a user of Cluster API writes them. No client in here.
import { stringify } from "yaml";
import { MARKETPLACE_LEVEL } from "../azure/images";
import { DEFAULT_LOCATION } from "../azure/pools";
import { KUBELET_VERSION } from "../nodes/nodeObject";
import type { NewObject } from "./kinds";

/** The one cluster, which is its own management cluster. */
export const CLUSTER = "c1";
/** Resource group of what CAPZ makes. */
export const GROUP = "capi-rg";
export const IDENTITY = "identity1";
export const IDENTITY_SECRET = "identity1-secret";
/** Subnet of the nodes. */
export const SUBNET = "nodes";
const CORE_GROUP = "cluster.x-k8s.io";
export const AZURE_GROUP = "infrastructure.cluster.x-k8s.io";
export const BOOTSTRAP_GROUP = "bootstrap.cluster.x-k8s.io";

/** Image of machines that do not name theirs, with a version: CAPZ takes none for the newest. */
export const MARKETPLACE = {
    marketplace: {
        publisher: "microsoft-aks",
        offer: "aks",
        sku: "aks-engine-ubuntu-1804-202112",
        version: MARKETPLACE_LEVEL,
    },
};

/** `rollingUpdate` of an AzureMachinePool's strategy; CAPZ's defaults where a member is not given. */
export interface RollingUpdate {
    maxSurge?: number | string;
    maxUnavailable?: number | string;
    deletePolicy?: "Random" | "Newest" | "Oldest";
}

/**
 * A change of image reaches new machines alone. The webhook refuses two zeros, but a percentage is not looked at, and
 * no machine may then be missing.
 */
export const NO_ROLLOUT: RollingUpdate = { maxSurge: 0, maxUnavailable: "0%" };

/** A machine pool; only `name` is needed. */
export interface MachinePoolOptions {
    name: string;
    /** Default 3. */
    replicas?: number;
    /** Default: what CAPZ takes, which rolls out. */
    rollingUpdate?: RollingUpdate;
    /** `AzureMachinePool.spec.template.image`; default an image of the marketplace, whose nodes join by kubeadm. */
    image?: object;
    /**
     * `secret`: a cloud-config of the sandbox, as the kubeadm bootstrap provider writes it (the default).
     * `kubeadm-config`: the provider itself, which must have been started.
     */
    bootstrap?: "secret" | "kubeadm-config";
    /** Kubernetes version; default the one that the sandbox's nodes have. */
    version?: string;
    /** Annotations of the MachinePool. */
    annotations?: Record<string, string>;
    /** Last word on AzureMachinePool's spec, for what has no option. */
    change?: (spec: Record<string, unknown>) => void;
}

/** How clients reach the cluster's API server. */
export interface Endpoint {
    host: string;
    port: number;
}

/** The Cluster. */
export function clusterOf(endpoint: Endpoint): NewObject {
    return {
        spec: {
            clusterNetwork: { pods: { cidrBlocks: ["192.168.0.0/16"] } },
            controlPlaneEndpoint: endpoint,
            infrastructureRef: { apiGroup: AZURE_GROUP, kind: "AzureCluster", name: CLUSTER },
        },
    };
}

/** The AzureCluster, which CAPZ leaves to somebody else: network and load balancer are taken as they are. */
export function azureClusterOf(subscriptionID: string, endpoint: Endpoint): NewObject {
    const identity = { apiVersion: `${AZURE_GROUP}/v1beta1`, kind: "AzureClusterIdentity", name: IDENTITY };
    return {
        metadata: {
            labels: { [`${CORE_GROUP}/cluster-name`]: CLUSTER },
            annotations: { [`${CORE_GROUP}/managed-by`]: "sandbox" },
        },
        spec: {
            location: DEFAULT_LOCATION,
            resourceGroup: GROUP,
            subscriptionID,
            azureEnvironment: "AzurePublicCloud",
            identityRef: { ...identity, namespace: "default" },
            controlPlaneEndpoint: endpoint,
            networkSpec: {
                vnet: { name: "vnet1", resourceGroup: GROUP, cidrBlocks: ["10.0.0.0/8"] },
                subnets: [
                    { name: "control-plane", role: "control-plane", cidrBlocks: ["10.0.0.0/16"] },
                    { name: SUBNET, role: "node", cidrBlocks: ["10.1.0.0/16"] },
                ],
            },
        },
    };
}

/** How CAPZ signs in. */
export function identityOf(tenantID: string, clientID: string): NewObject {
    return {
        spec: {
            type: "ServicePrincipal",
            ...{ tenantID, clientID },
            clientSecret: { name: IDENTITY_SECRET, namespace: "default" },
            allowedNamespaces: {},
        },
    };
}

/** The MachinePool. */
export function machinePoolOf(options: MachinePoolOptions): NewObject {
    const { name, replicas = 3, version = KUBELET_VERSION, annotations } = options;
    const bootstrap =
        options.bootstrap === "kubeadm-config"
            ? { configRef: { apiGroup: BOOTSTRAP_GROUP, kind: "KubeadmConfig", name } }
            : { dataSecretName: bootstrapSecret(name) };
    const infrastructureRef = { apiGroup: AZURE_GROUP, kind: "AzureMachinePool", name };
    return {
        metadata: { annotations },
        spec: {
            clusterName: CLUSTER,
            replicas,
            template: { spec: { clusterName: CLUSTER, version, bootstrap, infrastructureRef } },
        },
    };
}

/** The AzureMachinePool. */
export function azureMachinePoolOf({ rollingUpdate, image = MARKETPLACE, change }: MachinePoolOptions): NewObject {
    const spec = {
        location: DEFAULT_LOCATION,
        ...(rollingUpdate && { strategy: { type: "RollingUpdate", rollingUpdate } }),
        template: {
            vmSize: "Standard_D2s_v3",
            image,
            osDisk: { osType: "Linux", diskSizeGB: 30, managedDisk: { storageAccountType: "Premium_LRS" } },
            networkInterfaces: [{ subnetName: SUBNET, privateIPConfigs: 1 }],
        },
    };
    change?.(spec);
    return { spec };
}

/** A kubeadm configuration by which each machine joins under its own name. */
export const joinConfiguration = { nodeRegistration: { name: '{{ ds.meta_data["local_hostname"] }}' } };

/** What the kubeadm bootstrap provider makes a cloud-config of. */
export function kubeadmConfigOf(): NewObject {
    return { spec: { joinConfiguration } };
}

/** Name of the Secret with the cloud-config of a pool or deployment. */
export const bootstrapSecret = (pool: string) => `${pool}-bootstrap`;

/** A cloud-config that joins by kubeadm, as the bootstrap provider writes it. */
export function joinCloudConfig(endpoint: Endpoint, token: string, version = KUBELET_VERSION): string {
    const path = "/run/kubeadm/kubeadm-join-config.yaml";
    const configuration = {
        apiVersion: "kubeadm.k8s.io/v1beta4",
        kind: "JoinConfiguration",
        discovery: {
            bootstrapToken: {
                apiServerEndpoint: `${endpoint.host}:${endpoint.port}`,
                token,
                unsafeSkipCAVerification: true,
            },
        },
        ...joinConfiguration,
    };
    const config = {
        write_files: [
            { path, owner: "root:root", permissions: "0640", content: stringify(configuration) },
            { path: "/run/cluster-api/placeholder", owner: "root:root", permissions: "0640", content: "" },
            { path: "/etc/kubelet-version", owner: "root:root", permissions: "0644", content: `${version}\n` },
        ],
        runcmd: [`kubeadm join --config ${path} && echo success > /run/cluster-api/bootstrap-success.complete`],
    };
    return `## template: jinja\n#cloud-config\n\n${stringify(config)}`;
}
