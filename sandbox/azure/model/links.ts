// Which other resources a body of a scale set, VM or network interface uses, and the action that the writer needs on
// each.
import type { Call } from "../http/route";
import type { LinkedAccess } from "../rbac";
import type { Json } from "../scaleSetRecord";

/**
 * Member that holds an id (or a list of objects with one), and the action on it (Microsoft's permission references for
 * Network, Compute, Key Vault).
 */
const ACTIONS: Record<string, string> = {
    subnet: "Microsoft.Network/virtualNetworks/subnets/join/action",
    loadBalancerBackendAddressPools: "Microsoft.Network/loadBalancers/backendAddressPools/join/action",
    loadBalancerInboundNatPools: "Microsoft.Network/loadBalancers/inboundNatPools/join/action",
    loadBalancerInboundNatRules: "Microsoft.Network/loadBalancers/inboundNatRules/join/action",
    publicIPAddress: "Microsoft.Network/publicIPAddresses/join/action",
    applicationGatewayBackendAddressPools: "Microsoft.Network/applicationGateways/backendAddressPools/join/action",
    applicationSecurityGroups: "Microsoft.Network/applicationSecurityGroups/joinIpConfiguration/action",
    networkSecurityGroup: "Microsoft.Network/networkSecurityGroups/join/action",
    healthProbe: "Microsoft.Network/loadBalancers/probes/join/action",
    diskEncryptionSet: "Microsoft.Compute/diskEncryptionSets/read",
    sourceVault: "Microsoft.KeyVault/vaults/deploy/action",
};

const IMAGE_ACTIONS: [RegExp, string][] = [
    [/\/galleries\/[^/]+\/images\/[^/]+\/versions\/[^/]+$/i, "Microsoft.Compute/galleries/images/versions/read"],
    [/\/galleries\/[^/]+\/images\/[^/]+$/i, "Microsoft.Compute/galleries/images/read"],
    [/\/providers\/Microsoft\.Compute\/images\/[^/]+$/i, "Microsoft.Compute/images/read"],
];

/** Linked accesses of a PUT or PATCH: everything that the body names, each once. */
export function bodyLinks({ body }: Pick<Call, "body">): LinkedAccess[] {
    const links = new Map<string, LinkedAccess>();
    const add = (action: string, scope: unknown) => {
        if (typeof scope === "string") {
            links.set(`${action} ${scope.toLowerCase()}`, { action, scope });
        }
    };
    const identities = ((body?.identity as Json | undefined)?.userAssignedIdentities ?? {}) as Record<string, unknown>;
    for (const [id, value] of Object.entries(identities)) {
        if (value !== null) {
            add("Microsoft.ManagedIdentity/userAssignedIdentities/assign/action", id);
        }
    }
    walk(body, (member, value) => {
        if (member in ACTIONS) {
            for (const one of [value].flat()) {
                add(ACTIONS[member], (one as Json | null)?.id);
            }
        }
        if (member !== "imageReference") {
            return;
        }
        const id = (value as Json | null)?.id;
        const action = IMAGE_ACTIONS.find(([pattern]) => typeof id === "string" && pattern.test(id))?.[1];
        if (action) {
            add(action, id);
        }
    });
    return [...links.values()];
}

function walk(value: unknown, visit: (member: string, value: unknown) => void): void {
    if (typeof value !== "object" || value === null) {
        return;
    }
    for (const [member, inside] of Object.entries(value)) {
        if (!Array.isArray(value)) {
            visit(member, inside);
        }
        walk(inside, visit);
    }
}
