// The list of VM sizes and availability sets with their capabilities in each region.
import type { Route } from "../http/route";
import { REGIONS } from "../regions";
import { VM_SIZES, type VmSize } from "../vmSizes";
import { MAX_FAULT_DOMAINS } from "./availabilitySets";

function sku(size: VmSize, region: (typeof REGIONS)[number]): Record<string, unknown> {
    const capabilities = {
        vCPUs: String(size.vCPUs),
        MemoryGB: String(size.memoryGB),
        HyperVGenerations: size.generations.join(","),
        CpuArchitectureType: size.architecture,
        PremiumIO: size.premium ? "True" : "False",
        MaxDataDiskCount: String(size.maxDataDisks),
        AcceleratedNetworkingEnabled: "True",
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

/** Names of availability sets' skus, with the most fault domains that one may have. */
function availabilitySets(region: (typeof REGIONS)[number]): Record<string, unknown>[] {
    const capabilities = [{ name: "MaximumPlatformFaultDomainCount", value: String(MAX_FAULT_DOMAINS) }];
    const locationInfo = [{ location: region.name, zones: [], zoneDetails: [] }];
    const locations = [region.name];
    return ["Classic", "Aligned"].map((name) => ({
        ...{ resourceType: "availabilitySets", name, locations, locationInfo, capabilities, restrictions: [] },
    }));
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
                body: {
                    value: regions.flatMap((region) => [
                        ...availabilitySets(region),
                        ...VM_SIZES.map((size) => sku(size, region)),
                    ]),
                },
            };
        },
    },
];
