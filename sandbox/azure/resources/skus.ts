// The list of VM sizes with their capabilities in each region.
import type { Route } from "../http/route";
import { REGIONS } from "../regions";
import { VM_SIZES, type VmSize } from "../vmSizes";

function sku(size: VmSize, region: (typeof REGIONS)[number]): Record<string, unknown> {
    const capabilities = {
        vCPUs: String(size.vCPUs),
        MemoryGB: String(size.memoryGB),
        HyperVGenerations: size.generations.join(","),
        CpuArchitectureType: size.architecture,
        PremiumIO: size.premium ? "True" : "False",
    };
    return {
        resourceType: "virtualMachines",
        name: size.name,
        tier: "Standard",
        size: size.name.replace("Standard_", ""),
        family: "standardSandboxFamily",
        locations: [region.name],
        locationInfo: [{ location: region.name, zones: region.zones ? ["1", "2", "3"] : [], zoneDetails: [] }],
        capabilities: Object.entries(capabilities).map(([name, value]) => ({ name, value })),
        restrictions: [],
    };
}

/** Route of the sku list; `$filter=location eq '…'` is the one filter that the service knows. */
export const routes: Route[] = [
    {
        method: "GET",
        path: "/subscriptions/:subscriptionId/providers/Microsoft.Compute/skus",
        action: "Microsoft.Compute/skus/read",
        type: "skus",
        handle: ({ query }) => {
            const wanted = /^location eq '([^']+)'$/i.exec(query.$filter ?? "")?.[1].toLowerCase();
            const regions = REGIONS.filter(({ name }) => wanted === undefined || name === wanted);
            return {
                status: 200,
                body: { value: regions.flatMap((region) => VM_SIZES.map((size) => sku(size, region))) },
            };
        },
    },
];
