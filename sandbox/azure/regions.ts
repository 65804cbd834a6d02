// The regions that the local Azure knows: name, display name, and whether they have availability zones.

/** A region; zones as in https://learn.microsoft.com/azure/reliability/regions-list. */
export interface Region {
    name: string;
    displayName: string;
    zones: boolean;
    /** Region of the pair, for the locations answer. */
    paired: string;
}

/** Some regions of each kind: enough to meet both answers of every zone question. */
export const REGIONS: Region[] = [
    { name: "eastus", displayName: "East US", zones: true, paired: "westus" },
    { name: "eastus2", displayName: "East US 2", zones: true, paired: "centralus" },
    { name: "centralus", displayName: "Central US", zones: true, paired: "eastus2" },
    { name: "westus", displayName: "West US", zones: false, paired: "eastus" },
    { name: "westus2", displayName: "West US 2", zones: true, paired: "westcentralus" },
    { name: "westcentralus", displayName: "West Central US", zones: false, paired: "westus2" },
    { name: "northcentralus", displayName: "North Central US", zones: false, paired: "southcentralus" },
    { name: "southcentralus", displayName: "South Central US", zones: true, paired: "northcentralus" },
    { name: "westeurope", displayName: "West Europe", zones: true, paired: "northeurope" },
    { name: "northeurope", displayName: "North Europe", zones: true, paired: "westeurope" },
    { name: "germanywestcentral", displayName: "Germany West Central", zones: true, paired: "germanynorth" },
    { name: "germanynorth", displayName: "Germany North", zones: false, paired: "germanywestcentral" },
    { name: "uksouth", displayName: "UK South", zones: true, paired: "ukwest" },
    { name: "ukwest", displayName: "UK West", zones: false, paired: "uksouth" },
];

/** `East US 2`, `EastUS2` and `eastus2` are the same location; answers have the last form. */
export function normalLocation(location: string): string {
    return location.toLowerCase().replaceAll(" ", "");
}

/** The region of that name in any spelling. */
export function region(location: string): Region | undefined {
    return REGIONS.find((one) => one.name === normalLocation(location));
}
