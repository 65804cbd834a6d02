// The VM sizes that the local Azure knows, with what decides whether an image can boot on them.

/** A size; figures as in https://learn.microsoft.com/azure/virtual-machines/sizes. */
export interface VmSize {
    name: string;
    vCPUs: number;
    memoryGB: number;
    /** Generations it can boot. */
    generations: string[];
    architecture: "x64" | "Arm64";
    premium: boolean;
}

const both = ["V1", "V2"];

/** A few of each kind. */
export const VM_SIZES: VmSize[] = [
    { name: "Standard_D2s_v3", vCPUs: 2, memoryGB: 8, generations: both, architecture: "x64", premium: true },
    { name: "Standard_D4s_v3", vCPUs: 4, memoryGB: 16, generations: both, architecture: "x64", premium: true },
    { name: "Standard_D8s_v3", vCPUs: 8, memoryGB: 32, generations: both, architecture: "x64", premium: true },
    { name: "Standard_E8s_v3", vCPUs: 8, memoryGB: 64, generations: both, architecture: "x64", premium: true },
    { name: "Standard_D2_v2", vCPUs: 2, memoryGB: 7, generations: ["V1"], architecture: "x64", premium: false },
    { name: "Standard_D4s_v6", vCPUs: 4, memoryGB: 16, generations: ["V2"], architecture: "x64", premium: true },
    { name: "Standard_D4ps_v5", vCPUs: 4, memoryGB: 16, generations: ["V2"], architecture: "Arm64", premium: true },
];

/** The size of that name in any casing; unknown ones are taken as they are. */
export function vmSize(name: string): VmSize | undefined {
    return VM_SIZES.find((size) => size.name.toLowerCase() === name.toLowerCase());
}
