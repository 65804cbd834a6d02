// A MachineDeployment or MachineSet of Cluster API with its machines and the AzureMachineTemplate that they are made
// from, read from the management cluster.
import type { V1ObjectMeta } from "@kubernetes/client-node";
import { UserError } from "../core/errors";
import { machinesText, type MachinesName } from "../core/machinesId";
import { singleVmOf } from "../node/providerId";
import { kubernetes, type Kubernetes, type KubernetesSettings } from "../node/kubernetes";
import type { CapzImage } from "./image";
import {
    CORE,
    INFRASTRUCTURE,
    INFRASTRUCTURE_VERSION,
    kubeletVersion,
    listObjects,
    readObject,
    readOf,
    requireCore,
    type ListPath,
    type ObjectName,
} from "./objects";

/** A MachineDeployment or MachineSet, and how to reach the management cluster. */
export interface MachinesAt extends MachinesName {
    kubernetes: KubernetesSettings;
}

/** A MachineDeployment or MachineSet as far as it is looked at, in either version of Cluster API's group. */
export interface MachineOwner {
    metadata: V1ObjectMeta;
    spec: {
        clusterName: string;
        replicas?: number;
        paused?: boolean;
        /** Of a MachineDeployment in v1beta1. */
        strategy?: { type?: string };
        /** Of a MachineDeployment in v1beta2. */
        rollout?: { strategy?: { type?: string } };
        template: { spec: { version?: string; infrastructureRef: { kind: string; name: string } } };
    };
    status?: { replicas?: number; observedGeneration?: number };
}

/** An AzureMachineTemplate. Of a machine's spec the image is looked at; all else is only copied. */
export interface AzureMachineTemplate {
    metadata: V1ObjectMeta;
    spec: { template: { spec: { image?: CapzImage; dataDisks?: unknown[] } & Record<string, unknown> } };
}

/** A Machine as far as it is looked at. */
export interface CapiMachine {
    metadata: V1ObjectMeta;
    spec: { providerID?: string };
    status?: { nodeRef?: { name?: string } };
}

/** A pool of machines of Cluster API, as it was read. */
export interface CapiMachines {
    kind: MachinesName["kind"];
    /** The version of Cluster API's group that it was read in. */
    apiVersion: string;
    owner: MachineOwner;
    /** The template that new machines are made from. */
    template: AzureMachineTemplate;
    machines: CapiMachine[];
    cluster?: { uid: string; paused: boolean };
}

const PLURALS = { MachineDeployment: "machinedeployments", MachineSet: "machinesets" };

/** The AzureMachineTemplates of a namespace. */
export function templatesIn(namespace: string): ListPath {
    return { group: INFRASTRUCTURE, version: INFRASTRUCTURE_VERSION, plural: "azuremachinetemplates", namespace };
}

/** Where a MachineDeployment or MachineSet is, in a version of Cluster API's group. */
export function pathOf({ kind, namespace }: MachinesName, version: string): ListPath {
    return { group: CORE, version, plural: PLURALS[kind], namespace };
}

/**
 * Reads a MachineDeployment or MachineSet, its template, its machines and its Cluster.
 *
 * @throws UserError in one line when there is none, it is of another provider, or it may not be read
 */
export async function readMachines(at: MachinesAt, configKey: string): Promise<CapiMachines> {
    const what = `${configKey}: ${machinesText(at)}`;
    return readOf(what, async () => read(await kubernetes(at.kubernetes), at, what));
}

async function read(cluster: Kubernetes, at: MachinesName, what: string): Promise<CapiMachines> {
    const version = await requireCore(cluster, what);
    const { kind, namespace, name } = at;
    const path = pathOf(at, version);
    const owner = await readObject<MachineOwner>(cluster, { ...path, name });
    if (!owner) {
        throw new UserError(
            `${what} is not there; kubectl get ${path.plural} -A lists those of the management cluster`,
        );
    }
    const reference = owner.spec.template.spec.infrastructureRef;
    if (reference.kind !== "AzureMachineTemplate") {
        throw new UserError(
            `${what} is refused: its machines are made from a ${reference.kind}, not an AzureMachineTemplate`,
        );
    }
    const core = { group: CORE, version, namespace };
    const clusterName = owner.spec.clusterName;
    const [template, owned, machines] = await Promise.all([
        readObject<AzureMachineTemplate>(cluster, { ...templatesIn(namespace), name: reference.name }),
        readObject<{ metadata: V1ObjectMeta; spec?: { paused?: boolean } }>(cluster, {
            ...core,
            plural: "clusters",
            name: clusterName,
        }),
        machinesOf(cluster, core, { kind, owner }),
    ]);
    if (!template) {
        throw new UserError(
            `${what}: there is no AzureMachineTemplate ${namespace}/${reference.name}, to which it refers`,
        );
    }
    return {
        ...{ kind, apiVersion: version, owner, template, machines },
        ...(owned && { cluster: { uid: owned.metadata.uid ?? "", paused: owned.spec?.paused === true } }),
    };
}

/**
 * The machines, by their owners: a Machine belongs to a MachineSet, and that to a MachineDeployment. Their labels say
 * the same, but anybody may set those.
 */
async function machinesOf(
    cluster: Kubernetes,
    core: Omit<ListPath, "plural">,
    { kind, owner }: Pick<CapiMachines, "kind" | "owner">,
): Promise<CapiMachine[]> {
    const ofCluster = `cluster.x-k8s.io/cluster-name=${owner.spec.clusterName}`;
    const sets =
        kind === "MachineSet"
            ? [owner]
            : (await listObjects<MachineOwner>(cluster, { ...core, plural: PLURALS.MachineSet }, ofCluster)).filter(
                  ({ metadata }) => isOwnedBy(metadata, owner.metadata),
              );
    const machines = await listObjects<CapiMachine>(cluster, { ...core, plural: "machines" }, ofCluster);
    return machines.filter(({ metadata }) => sets.some((set) => isOwnedBy(metadata, set.metadata)));
}

function isOwnedBy({ ownerReferences = [] }: V1ObjectMeta, { uid }: V1ObjectMeta): boolean {
    return ownerReferences.some((each) => each.controller === true && each.uid === uid);
}

/** The name of the MachineDeployment that owns a MachineSet, if one does. */
export async function deploymentOfSet(
    cluster: Kubernetes,
    { namespace, name }: ObjectName,
): Promise<string | undefined> {
    const version = await requireCore(cluster, `MachineSet ${namespace}/${name}`);
    const path = pathOf({ kind: "MachineSet", namespace, name }, version);
    const set = await readObject<MachineOwner>(cluster, { ...path, name });
    return set && deploymentOf(set);
}

/** The name of the MachineDeployment that owns a MachineSet, by its owner references. */
export function deploymentOf({ metadata }: MachineOwner): string | undefined {
    return metadata.ownerReferences?.find(({ kind }) => kind === "MachineDeployment")?.name;
}

/** One machine that has a VM. */
export interface MachineVm {
    /** The VM's name in its resource group. */
    name: string;
    vmId: string;
    /** Its node, once it has one. */
    node?: string;
}

/** The machines that have a VM, in the order of their names. */
export function vmsOf({ machines }: CapiMachines): MachineVm[] {
    return machines
        .flatMap(({ spec, status }) => {
            const vm = singleVmOf(spec.providerID);
            return vm ? [{ ...vm, node: status?.nodeRef?.name }] : [];
        })
        .sort((a, b) => a.name.localeCompare(b.name));
}

/** The kubelet version that the machines are to have, as kubelet spells it; undefined where none is said. */
export function kubernetesVersionOfMachines({ owner }: CapiMachines): string | undefined {
    return kubeletVersion(owner.spec.template.spec.version);
}
