// From a node to its VM: spec.providerID as Azure's cloud provider writes it. Pure.

const PROVIDER_ID =
    /^azure:\/\/(\/subscriptions\/.+\/providers\/Microsoft\.Compute\/virtualMachineScaleSets\/[^/]+)\/virtualMachines\/(\d{1,20})$/i;

/** The scale set and instance in a node's `spec.providerID`; undefined when it is not a VM of a scale set. */
export function parseProviderId(
    providerId: string | undefined,
): { scaleSetId: string; instanceId: string } | undefined {
    const match = PROVIDER_ID.exec(providerId ?? "");
    return match ? { scaleSetId: match[1], instanceId: match[2] } : undefined;
}

/**
 * The instance of a scale set that a node is, by its provider id: the number at its end. Undefined for a node of
 * another scale set. Without case, since the resource group's case differs between provider ids and ARM ids.
 */
export function instanceOf(providerID: string, scaleSetId: string): string | undefined {
    const prefix = `azure://${scaleSetId}/virtualMachines/`.toLowerCase();
    const instance = providerID.slice(prefix.length);
    return providerID.toLowerCase().startsWith(prefix) && /^\d{1,10}$/.test(instance) ? instance : undefined;
}

/** The nodes that are VMs of a scale set, by the VMs' numbers. */
export function byInstance<N>(
    nodes: N[],
    providerIdOf: (node: N) => string | undefined,
    scaleSetId: string,
): Map<string, N> {
    return new Map(
        nodes.flatMap((node): [string, N][] => {
            const instance = instanceOf(providerIdOf(node) ?? "", scaleSetId);
            return instance === undefined ? [] : [[instance, node]];
        }),
    );
}
