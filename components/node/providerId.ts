// From a node to its VM: spec.providerID as Azure's cloud provider writes it. Pure.
import { singleVmsIn } from "../core/machinesId";

const PROVIDER_ID =
    /^azure:\/\/(\/subscriptions\/.+\/providers\/Microsoft\.Compute\/virtualMachineScaleSets\/[^/]+)\/virtualMachines\/(\d{1,20})$/i;

/** A VM of no scale set, or of one whose orchestration mode is Flexible. */
const SINGLE_VM =
    /^azure:\/\/(\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.Compute\/virtualMachines\/([^/]+))$/i;

/** The scale set and instance in a node's `spec.providerID`; undefined when it is not a VM of a scale set. */
export function parseProviderId(
    providerId: string | undefined,
): { scaleSetId: string; instanceId: string } | undefined {
    const match = PROVIDER_ID.exec(providerId ?? "");
    return match ? { scaleSetId: match[1], instanceId: match[2] } : undefined;
}

/** Azure's rule for the name of a VM. */
const VM_NAME = /^[a-z0-9][\w.-]{0,63}$/i;

/** The name in a node's `spec.providerID`, where it is a VM of no scale set; undefined otherwise. */
export function singleVmOf(providerId: string | undefined): { vmId: string; name: string } | undefined {
    const [, vmId, name] = SINGLE_VM.exec(providerId ?? "") ?? [];
    return vmId && VM_NAME.test(name) ? { vmId, name } : undefined;
}

/**
 * The VM of a pool that a node is, by its provider id: its number in the scale set, or the name of a single VM in the
 * pool's resource group. Undefined for a node of another scale set or group. Without case, since the resource group's
 * case differs between provider ids and ARM ids.
 *
 * @param poolId ARM id of the scale set, or the pool's `machinesId`
 */
export function instanceOf(providerID: string, poolId: string): string | undefined {
    const single = singleVmsIn(poolId);
    const prefix = `azure://${single ?? `${poolId}/virtualMachines/`}`.toLowerCase();
    const instance = providerID.slice(prefix.length);
    const format = single ? VM_NAME : /^\d{1,10}$/;
    return providerID.toLowerCase().startsWith(prefix) && format.test(instance) ? instance : undefined;
}

/** The nodes that are VMs of a pool, by the VMs' numbers or names. */
export function byInstance<N>(
    nodes: N[],
    providerIdOf: (node: N) => string | undefined,
    poolId: string,
): Map<string, N> {
    return new Map(
        nodes.flatMap((node): [string, N][] => {
            const instance = instanceOf(providerIdOf(node) ?? "", poolId);
            return instance === undefined ? [] : [[instance, node]];
        }),
    );
}
