// The kinds of Cluster API that are used here, and the calls on their objects in the one namespace that they are in.
import { CustomObjectsApi, PatchStrategy, setHeaderOptions, type V1ObjectMeta } from "@kubernetes/client-node";
import { isNotFound, type Api } from "../nodes/api";

/** Namespace of the cluster's objects. */
export const NAMESPACE = "default";

const CORE = { group: "cluster.x-k8s.io", version: "v1beta2" };
const AZURE = { group: "infrastructure.cluster.x-k8s.io", version: "v1beta1" };
const KINDS = {
    Cluster: { ...CORE, plural: "clusters" },
    Machine: { ...CORE, plural: "machines" },
    MachineDeployment: { ...CORE, plural: "machinedeployments" },
    MachineSet: { ...CORE, plural: "machinesets" },
    MachinePool: { ...CORE, plural: "machinepools" },
    MachineHealthCheck: { ...CORE, plural: "machinehealthchecks" },
    KubeadmConfig: { group: "bootstrap.cluster.x-k8s.io", version: "v1beta2", plural: "kubeadmconfigs" },
    KubeadmConfigTemplate: {
        ...{ group: "bootstrap.cluster.x-k8s.io", version: "v1beta2" },
        plural: "kubeadmconfigtemplates",
    },
    AzureCluster: { ...AZURE, plural: "azureclusters" },
    AzureClusterIdentity: { ...AZURE, plural: "azureclusteridentities" },
    AzureMachine: { ...AZURE, plural: "azuremachines" },
    AzureMachineTemplate: { ...AZURE, plural: "azuremachinetemplates" },
    AzureMachinePool: { ...AZURE, plural: "azuremachinepools" },
    AzureMachinePoolMachine: { ...AZURE, plural: "azuremachinepoolmachines" },
};

/** Selects a pool's Machines, and its AzureMachinePoolMachines. */
export const ofPool = (pool: string) => `cluster.x-k8s.io/pool-name=${pool}`;

/** A kind by name. */
export type Kind = keyof typeof KINDS;

/** An object of any of them: which members there are depends on the kind. */
export interface KindObject {
    metadata: V1ObjectMeta;
    spec: { providerID?: string; replicas?: number; [member: string]: unknown };
    status?: {
        conditions?: { type: string; status: string; reason?: string }[];
        nodeRef?: { name: string };
        provisioningState?: string;
        replicas?: number;
        readyReplicas?: number;
        ready?: boolean;
        [member: string]: unknown;
    };
}

/** What is given of an object that is to be made. */
export interface NewObject {
    metadata?: V1ObjectMeta;
    spec: object;
}

const MERGE = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);

/** Calls on objects, by kind and name. */
export class Objects {
    private readonly api: CustomObjectsApi;

    constructor({ config }: Api) {
        this.api = config.makeApiClient(CustomObjectsApi);
    }

    async create(kind: Kind, name: string, { metadata, spec }: NewObject, dryRun = false): Promise<KindObject> {
        const { group, version } = KINDS[kind];
        const body = { apiVersion: `${group}/${version}`, kind, metadata: { ...metadata, name }, spec };
        const call = { ...at(kind), body, ...(dryRun && { dryRun: "All" }) };
        return (await this.api.createNamespacedCustomObject(call)) as KindObject;
    }

    /** The object, or nothing if there is none. */
    async find(kind: Kind, name: string): Promise<KindObject | undefined> {
        return this.api.getNamespacedCustomObject({ ...at(kind), name }).then(
            (found) => found as KindObject,
            (error: unknown) => {
                if (isNotFound(error)) {
                    return undefined;
                }
                throw error;
            },
        );
    }

    async get(kind: Kind, name: string): Promise<KindObject> {
        return (await this.api.getNamespacedCustomObject({ ...at(kind), name })) as KindObject;
    }

    async list(kind: Kind, labelSelector?: string): Promise<KindObject[]> {
        const found = (await this.api.listNamespacedCustomObject({ ...at(kind), labelSelector })) as {
            items: KindObject[];
        };
        return found.items;
    }

    /** A merge patch: null takes a member away. */
    async patch(kind: Kind, name: string, body: object): Promise<KindObject> {
        return (await this.api.patchNamespacedCustomObject({ ...at(kind), name, body }, MERGE)) as KindObject;
    }

    /** A merge patch of the status; with a resource version only if the object still has that. */
    async patchStatus(kind: Kind, name: string, status: object, resourceVersion?: string): Promise<void> {
        const body = { ...(resourceVersion !== undefined && { metadata: { resourceVersion } }), status };
        await this.api.patchNamespacedCustomObjectStatus({ ...at(kind), name, body }, MERGE);
    }

    async delete(kind: Kind, name: string): Promise<void> {
        await this.api.deleteNamespacedCustomObject({ ...at(kind), name });
    }
}

function at(kind: Kind) {
    return { ...KINDS[kind], namespace: NAMESPACE };
}
