// A MachinePool of Cluster API with its AzureMachinePool, read from the management cluster.
import type { V1Deployment, V1ObjectMeta } from "@kubernetes/client-node";
import { isZero } from "../../policies/contract";
import { UserError, orUndefined, statusOf } from "../core/errors";
import { withRetries } from "../core/retry";
import { kubernetes, type Kubernetes, type KubernetesSettings } from "../node/kubernetes";
import type { CapzImage } from "./image";
import {
    CORE,
    INFRASTRUCTURE,
    INFRASTRUCTURE_VERSION,
    kubeletVersion,
    readObject,
    readOf,
    requireCore,
    type ObjectName,
} from "./objects";

/** How many machines a rollout may add or take away, as numbers or percentages. */
export interface RollingUpdate {
    maxSurge?: number | string;
    maxUnavailable?: number | string;
}

/** An AzureMachinePool as far as it is looked at. */
export interface AzureMachinePool {
    metadata: V1ObjectMeta;
    spec: {
        providerID?: string;
        strategy?: { rollingUpdate?: RollingUpdate };
        template: CapzTemplate;
    };
    status?: {
        replicas?: number;
        provisioningState?: string;
        longRunningOperationStates?: { name?: string; type?: string }[];
    };
}

/** What CAPZ makes a scale set's model from. */
export interface CapzTemplate {
    image?: CapzImage;
    /** In base64. */
    sshPublicKey?: string;
    osDisk?: { diskSizeGB?: number; cachingType?: string; managedDisk?: { storageAccountType?: string } };
    dataDisks?: unknown[];
    vmExtensions?: { name: string; publisher: string; version: string }[];
    disableVMBootstrapExtension?: boolean;
    securityProfile?: { encryptionAtHost?: boolean; securityType?: string };
    terminateNotificationTimeout?: number;
}

/** A MachinePool as far as it is looked at; v1beta1 and v1beta2 agree on this. */
export interface MachinePool {
    /** Group and version that it was read in. */
    apiVersion?: string;
    metadata: V1ObjectMeta;
    spec: {
        clusterName: string;
        replicas?: number;
        template: { spec: { version?: string; infrastructureRef: { kind: string; name: string } } };
    };
    status?: { replicas?: number; phase?: string };
}

/** A pool of Cluster API, as it was read. */
export interface CapiPool {
    machinePool: MachinePool;
    azureMachinePool: AzureMachinePool;
    /** Whether the whole Cluster is paused. */
    clusterPaused: boolean;
    /**
     * Whether CAPZ runs with the gate SkipMachinePoolModelReconciliation. Undefined where that was not asked, or cannot
     * be seen.
     */
    skipsModelReconciliation?: boolean;
    /** Whether the right to see that is missing; left out where it is not. */
    gateForbidden?: boolean;
}

/** The version of CAPZ's group: the only one that it has had for years. */
export const AZURE_MACHINE_POOLS = {
    group: INFRASTRUCTURE,
    version: INFRASTRUCTURE_VERSION,
    plural: "azuremachinepools",
};

/**
 * Reads a MachinePool, its AzureMachinePool and its Cluster.
 *
 * @throws UserError in one line when there is none, it is of another provider, or it may not be read
 */
export async function readMachinePool(
    settings: KubernetesSettings,
    at: ObjectName,
    configKey: string,
): Promise<CapiPool> {
    const what = `${configKey}: MachinePool ${at.namespace}/${at.name}`;
    return readOf(what, async () => read(await kubernetes(settings), at, what));
}

async function read(cluster: Kubernetes, at: ObjectName, what: string): Promise<CapiPool> {
    const version = await requireCore(cluster, what);
    const core = { group: CORE, version, namespace: at.namespace };
    const machinePool = await readObject<MachinePool>(cluster, { ...core, plural: "machinepools", name: at.name });
    if (!machinePool) {
        throw new UserError(`${what} is not there; kubectl get machinepools -A lists those of the management cluster`);
    }
    const { kind, name } = machinePool.spec.template.spec.infrastructureRef;
    if (kind !== "AzureMachinePool") {
        throw new UserError(`${what} is refused: its machines are of kind ${kind}, not AzureMachinePool`);
    }
    const [azureMachinePool, owner] = await Promise.all([
        readObject<AzureMachinePool>(cluster, { ...AZURE_MACHINE_POOLS, namespace: at.namespace, name }),
        readObject<{ spec?: { paused?: boolean } }>(cluster, {
            ...core,
            plural: "clusters",
            name: machinePool.spec.clusterName,
        }),
    ]);
    if (!azureMachinePool) {
        throw new UserError(`${what}: there is no AzureMachinePool ${at.namespace}/${name}`);
    }
    return {
        machinePool,
        azureMachinePool,
        clusterPaused: owner?.spec?.paused === true,
        ...(needsGate(machinePool, azureMachinePool) && (await readGate(cluster))),
    };
}

/** The kubelet version that a pool's machines are to have, as kubelet spells it; undefined where none is said. */
export function kubernetesVersionOf({ machinePool }: CapiPool): string | undefined {
    return kubeletVersion(machinePool.spec.template.spec.version);
}

/** How many machines a rollout may add or take away, with CAPZ's defaults. */
export function strategyOf({ spec }: AzureMachinePool): Required<RollingUpdate> {
    const { maxSurge = 1, maxUnavailable = 0 } = spec.strategy?.rollingUpdate ?? {};
    return { maxSurge, maxUnavailable };
}

/** Annotation by which another program sets the number of machines; its value may be anything but `false`. */
const REPLICAS_MANAGED_BY = "cluster.x-k8s.io/replicas-managed-by";

/** Who sets a MachinePool's number of machines, where that is not Cluster API. */
export function replicasManagedBy({ metadata }: MachinePool): string | undefined {
    const value = metadata.annotations?.[REPLICAS_MANAGED_BY];
    return value === "false" ? undefined : value;
}

/** Whether only the gate can keep a changed image from replacing machines. */
function needsGate(machinePool: MachinePool, azureMachinePool: AzureMachinePool): boolean {
    const { maxSurge, maxUnavailable } = strategyOf(azureMachinePool);
    return replicasManagedBy(machinePool) === undefined && isZero(maxSurge) && !isZero(maxUnavailable);
}

/** Where `clusterctl init` puts CAPZ's manager. */
export const CAPZ_MANAGER = { namespace: "capz-system", name: "capz-controller-manager" };

/** Whether CAPZ's manager runs with the gate. */
async function readGate({ apps }: Kubernetes): Promise<Pick<CapiPool, "skipsModelReconciliation" | "gateForbidden">> {
    try {
        const manager = await orUndefined(withRetries(() => apps.readNamespacedDeployment(CAPZ_MANAGER)));
        return { skipsModelReconciliation: manager && hasGate(manager) };
    } catch (error) {
        if (statusOf(error) === 403) {
            return { gateForbidden: true };
        }
        throw error;
    }
}

/** Whether a Deployment's container has the gate on. The last value that a list of gates has for a name holds. */
function hasGate({ spec }: V1Deployment): boolean {
    const args = spec?.template.spec?.containers.flatMap(({ args = [] }) => args) ?? [];
    const gates = args.flatMap((arg) => /^--feature-gates=(.*)$/.exec(arg)?.[1].split(",") ?? []);
    const values = gates.filter((gate) => gate.startsWith("SkipMachinePoolModelReconciliation="));
    return values.at(-1)?.split("=")[1].toLowerCase() === "true";
}
