// What a disk's partitions hold, as its own system has set them up, and what mounting one of them comes to by the disk
// driver's node plugin, in its own words.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * How the driver mounts: by mount-utils, or by itself since July 2026
 * (https://github.com/kubernetes-sigs/azuredisk-csi-driver/pull/3711).
 */
export type DriverGeneration = "mount-utils" | "own";

/** A partition: its kind as blkid says it, empty where it is not formatted; and the folder of its files. */
interface Partition {
    kind: string;
    folder?: string;
}

/** What a volume asks for. */
export interface MountRequest {
    partition?: string;
    fsType: string;
    options: string[];
    lun: string;
    volumeHandle: string;
}

/**
 * The partitions by their numbers, as marketplace images have them: Ubuntu and Debian with those of BIOS and EFI behind
 * the root, Azure Linux with /boot apart (marketplace-gen2.json in
 * https://github.com/microsoft/azurelinux/tree/2.0/toolkit/imageconfigs). The disk's fstab says what kind the root is.
 */
function partitionsOf(folder: string): Map<string, Partition> {
    const root = { kind: rootKind(folder), folder };
    if (/^ID="?(azurelinux|mariner)"?$/m.test(read(folder, "etc/os-release"))) {
        const boot = { kind: "ext4", folder: join(folder, "boot") };
        return new Map<string, Partition>([
            ["1", { kind: "vfat" }],
            ["2", boot],
            ["3", root],
        ]);
    }
    return new Map<string, Partition>([
        ["1", root],
        ["14", { kind: "" }],
        ["15", { kind: "vfat" }],
    ]);
}

function rootKind(folder: string): string {
    const lines = read(folder, "etc/fstab").split("\n");
    const [device, , kind] = lines.map((line) => line.trim().split(/\s+/)).find(([, where]) => where === "/") ?? [];
    return device?.startsWith("/dev/mapper/") ? "LVM2_member" : (kind ?? "ext4");
}

function read(folder: string, file: string): string {
    const path = join(folder, file);
    return existsSync(path) ? readFileSync(path, "utf8") : "";
}

/**
 * Mounts a partition, or the whole disk.
 *
 * @returns the folder of its files, or what the driver answers
 */
export function mountPartition(
    disk: string,
    request: MountRequest,
    driver: DriverGeneration,
    broken = false,
): { folder: string } | { failed: string } {
    const { partition, fsType, lun } = request;
    const whole = `/dev/disk/azure/scsi1/lun${lun}`;
    const source = partition === undefined ? whole : `${whole}-part${partition}`;
    const target = stagingPath(request.volumeHandle);
    const failed = (reason: string) => ({
        failed: `could not format ${source}(lun: ${lun}), and mount it at ${target}, failed with ${reason}`,
    });
    const found = partition === undefined ? { kind: PARTITIONED } : partitionsOf(disk).get(partition);
    if (!found) {
        return failed(formatFailed(source, target, request, driver));
    }
    // The driver formats what has no file system.
    if (found.kind === "") {
        return { folder: mkdtempSync(join(tmpdir(), "kamino-volume-")) };
    }
    if (found.kind !== fsType) {
        return failed(mismatch(source, target, request, found.kind, driver));
    }
    if (broken) {
        return failed(fsckFailed(source, driver));
    }
    const folder = found.folder ?? disk;
    mkdirSync(folder, { recursive: true });
    return { folder };
}

/** What mount-utils' GetDiskFormat says of a disk with a partition table. */
const PARTITIONED = "unknown data, probably partitions";

/** Where the driver mounts a volume on its node. */
function stagingPath(volumeHandle: string): string {
    const hash = createHash("sha256").update(volumeHandle).digest("hex");
    return `/var/lib/kubelet/plugins/kubernetes.io/csi/disk.csi.azure.com/${hash}/globalmount`;
}

function mismatch(
    source: string,
    target: string,
    { fsType, options }: MountRequest,
    kind: string,
    driver: DriverGeneration,
): string {
    if (driver === "own") {
        return `configured to mount disk ${source} as ${fsType} but current format is ${kind}, things might break`;
    }
    return [
        "mount failed: exit status 32",
        "Mounting command: mount",
        `Mounting arguments: -t ${fsType} -o ${[...options, "defaults"].join(",")} ${source} ${target}`,
        `Output: mount: ${target}: wrong fs type, bad option, bad superblock on /dev/sdc${source.split("-part")[1] ?? ""}, ` +
            "missing codepage or helper program, or other error.",
        "       dmesg(1) may have more information after failed mount system call.",
        "",
    ].join("\n");
}

function formatFailed(source: string, target: string, request: MountRequest, driver: DriverGeneration): string {
    const { fsType, options } = request;
    const output = `The file ${source} does not exist and no size was specified.`;
    if (driver === "own") {
        return `failed to format disk ${source} as type ${fsType} with options [-F -m0 ${source}]: ${output} error: exit status 1`;
    }
    const all = [...options, "defaults"].map((option) => `"${option}"`).join(" ");
    return `format of disk "${source}" failed: type:("${fsType}") target:("${target}") options:([${all}]) errcode:(exit status 1) output:(${output}) `;
}

function fsckFailed(source: string, driver: DriverGeneration): string {
    return driver === "own"
        ? `failed to run fsck on disk ${source} with error: 'fsck' found errors on device ${source} with options [-a] but could not correct them (exit status 4)`
        : `'fsck' found errors on device ${source} but could not correct them: ${source}: UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY.\n`;
}
