// The objects of a MachineDeployment, as a user of Cluster API writes them. No client in here.
import { KUBELET_VERSION } from "../nodes/nodeObject";
import type { NewObject } from "./kinds";
import {
    AZURE_GROUP,
    BOOTSTRAP_GROUP,
    CLUSTER,
    MARKETPLACE,
    SUBNET,
    bootstrapSecret,
    joinConfiguration,
} from "./manifests";

/** Label of all that belongs to a deployment: its MachineSets, Machines and AzureMachines. */
export const DEPLOYMENT_LABEL = "cluster.x-k8s.io/deployment-name";

/** A MachineDeployment; only `name` is needed. */
export interface MachineDeploymentOptions {
    name: string;
    /** Default 3. */
    replicas?: number;
    /** `OnDelete` keeps machines when the template changes; `RollingUpdate`, Cluster API's default, replaces them. */
    strategy?: "OnDelete" | "RollingUpdate";
    /** Name of its first AzureMachineTemplate. Default the deployment's own name. */
    template?: string;
    /** `AzureMachineTemplate.spec.template.spec.image`; default an image of the marketplace. */
    image?: object;
    /** Availability zone of the machines. Default none: CAPZ then makes an availability set for the deployment. */
    failureDomain?: string;
    /**
     * `kubeadm-config-template`: the kubeadm bootstrap provider, which must have been started, makes a cloud-config for
     * each machine (the default). `secret`: one of the sandbox for all.
     */
    bootstrap?: "kubeadm-config-template" | "secret";
    /** Kubernetes version; default the one that the sandbox's nodes have. */
    version?: string;
    /** Annotations and labels of the MachineDeployment. */
    annotations?: Record<string, string>;
    labels?: Record<string, string>;
    /** Last word on the AzureMachineTemplate's machine, for what has no option. */
    changeTemplate?: (spec: Record<string, unknown>) => void;
    /** Last word on the MachineDeployment's spec. */
    change?: (spec: Record<string, unknown>) => void;
}

/** The MachineDeployment. */
export function machineDeploymentOf(options: MachineDeploymentOptions): NewObject {
    const { name, replicas = 3, strategy = "OnDelete", template = name, version = KUBELET_VERSION } = options;
    const label = { [DEPLOYMENT_LABEL]: name };
    const bootstrap =
        options.bootstrap === "secret"
            ? { dataSecretName: bootstrapSecret(name) }
            : { configRef: { apiGroup: BOOTSTRAP_GROUP, kind: "KubeadmConfigTemplate", name } };
    const machine = {
        ...{ clusterName: CLUSTER, version, bootstrap },
        infrastructureRef: templateReference(template),
        ...(options.failureDomain !== undefined && { failureDomain: options.failureDomain }),
    };
    const spec = {
        ...{ clusterName: CLUSTER, replicas },
        ...(strategy === "OnDelete" && { rollout: { strategy: { type: strategy } } }),
        selector: { matchLabels: label },
        template: { metadata: { labels: label }, spec: machine },
    };
    options.change?.(spec);
    return { metadata: { annotations: options.annotations, labels: options.labels }, spec };
}

/** How a MachineDeployment names its AzureMachineTemplate. */
export function templateReference(name: string): object {
    return { apiGroup: AZURE_GROUP, kind: "AzureMachineTemplate", name };
}

/** An AzureMachineTemplate, whose spec is never changed: another image takes another one. */
export function azureMachineTemplateOf({
    image = MARKETPLACE,
    changeTemplate,
}: Pick<MachineDeploymentOptions, "image" | "changeTemplate">): NewObject {
    const spec = {
        vmSize: "Standard_D2s_v3",
        image,
        osDisk: { osType: "Linux", diskSizeGB: 30, managedDisk: { storageAccountType: "Premium_LRS" } },
        networkInterfaces: [{ subnetName: SUBNET, privateIPConfigs: 1 }],
    };
    changeTemplate?.(spec);
    return { spec: { template: { spec } } };
}

/** What the kubeadm bootstrap provider makes each machine's cloud-config of. */
export function kubeadmConfigTemplateOf(): NewObject {
    return { spec: { template: { spec: { joinConfiguration } } } };
}
