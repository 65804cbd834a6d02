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
    maxDataDisks: number;
    /** Disk controllers that it has. */
    controllers: ("SCSI" | "NVMe")[];
}

const both = ["V1", "V2"];

const scsi: VmSize["controllers"] = ["SCSI"];
const nvme: VmSize["controllers"] = ["NVMe"];

function size(
    name: string,
    [vCPUs, memoryGB, maxDataDisks]: [number, number, number],
    generations: string[],
    more: Partial<VmSize> = {},
): VmSize {
    return {
        name,
        vCPUs,
        memoryGB,
        maxDataDisks,
        generations,
        architecture: "x64",
        premium: true,
        controllers: scsi,
        ...more,
    };
}

/** A few of each kind. */
export const VM_SIZES: VmSize[] = [
    size("Standard_D2s_v3", [2, 8, 4], both),
    size("Standard_D4s_v3", [4, 16, 8], both),
    size("Standard_D8s_v3", [8, 32, 16], both),
    size("Standard_E8s_v3", [8, 64, 16], both),
    size("Standard_D2_v2", [2, 7, 8], ["V1"], { premium: false }),
    size("Standard_E4bds_v5", [4, 32, 8], ["V2"], { controllers: [...scsi, ...nvme] }),
    size("Standard_D4s_v6", [4, 16, 12], ["V2"], { controllers: nvme }),
    size("Standard_D4ps_v5", [4, 16, 8], ["V2"], { architecture: "Arm64" }),
];

/** The size of that name in any casing; unknown ones are taken as they are. */
export function vmSize(name: string): VmSize | undefined {
    return VM_SIZES.find((one) => one.name.toLowerCase() === name.toLowerCase());
}

/** Largest number of data disks on a VM of this size; sizes that are not known take 8. */
export function maxDataDisks(name: string): number {
    return vmSize(name)?.maxDataDisks ?? 8;
}
