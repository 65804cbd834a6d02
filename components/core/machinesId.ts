// The id of a pool whose VMs are single ones, in the form of an ARM id: it stands where a scale set's id would. Pure.
// Such VMs are those of a MachineDeployment or MachineSet, and those of a scale set of orchestration mode Flexible.

/** What makes a pool's single VMs: a MachineDeployment, or a MachineSet that no MachineDeployment owns. */
export interface MachinesName {
    kind: "MachineDeployment" | "MachineSet";
    namespace: string;
    name: string;
}

/** The same, with where the VMs are. */
export interface MachinesPlace extends MachinesName {
    subscriptionId: string;
    resourceGroup: string;
}

/** `MachineDeployment NAMESPACE/NAME`. */
export function machinesText({ kind, namespace, name }: MachinesName): string {
    return `${kind} ${namespace}/${name}`;
}

/** No namespace of Azure's has this name. */
const PROVIDER = "kamino.machines";

/**
 * The id: subscription and resource group are those of the VMs. A namespace has no dot, so that no two pools share an
 * id.
 */
export function machinesId({ subscriptionId, resourceGroup, kind, namespace, name }: MachinesPlace): string {
    const type = { MachineDeployment: "machineDeployments", MachineSet: "machineSets" }[kind];
    return `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/${PROVIDER}/${type}/${namespace}.${name}`;
}

const SCALE_SETS = "flexibleScaleSets";

/** The id of the pool of a Flexible scale set, by the set's ARM id. */
export function flexiblePoolId(scaleSetId: string): string {
    return scaleSetId.replace(/\/providers\/.*\/([^/]+)$/, `/providers/${PROVIDER}/${SCALE_SETS}/$1`);
}

/** The ARM id of the Flexible scale set that is the pool; undefined for the id of any other pool. */
export function flexibleScaleSetIn(poolId: string): string | undefined {
    const pattern = /^(\/subscriptions\/.+)\/providers\/kamino\.machines\/flexibleScaleSets\/([^/]+)$/i;
    const [, group, name] = pattern.exec(poolId) ?? [];
    return group && `${group}/providers/Microsoft.Compute/virtualMachineScaleSets/${name}`;
}

/**
 * What the ids of a pool's VMs begin with, up to their names, where they are single VMs; undefined for the ARM id
 * of a scale set.
 */
export function singleVmsIn(poolId: string): string | undefined {
    const [, group] =
        /^(\/subscriptions\/[^/]+\/resourceGroups\/[^/]+)\/providers\/kamino\.machines\//i.exec(poolId) ?? [];
    return group && `${group}/providers/Microsoft.Compute/virtualMachines/`;
}

/** The MachineDeployment or MachineSet that makes a pool's VMs, by the pool's id; undefined for any scale set. */
export function machinesIn(poolId: string): MachinesName | undefined {
    const [, type, namespace, name] =
        /\/providers\/kamino\.machines\/(machine\w+)\/([^/.]+)\.([^/]+)$/i.exec(poolId) ?? [];
    const kind = type === "machineSets" ? "MachineSet" : "MachineDeployment";
    return type ? { kind, namespace, name } : undefined;
}

/** A pool by its id, in words: `scale set "NAME"`, `MachineDeployment NAMESPACE/NAME`. */
export function describePool(poolId: string): string {
    const machines = machinesIn(poolId);
    return machines ? machinesText(machines) : `scale set "${poolId.split("/").at(-1)}"`;
}
