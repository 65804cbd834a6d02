// Tells from outside what a copied disk holds: its root's partition, and what the disk driver's words on a failed mount
// mean. Pure.
import { UserError, brief } from "../../core/errors";

/** The kinds of root file systems that can be mounted elsewhere. */
export type FileSystem = "ext4" | "xfs";

/** The copy caught something in the middle: another one, some minutes later, may not. */
export class CaughtInTheMiddle extends UserError {}

/** The copy's partition holds another file system than it was to be mounted as, which may be the other kind. */
export class OtherFileSystem extends UserError {}

/**
 * The number of the root file system's partition, by the name of the node's system (`nodeInfo.osImage`).
 *
 * Azure Linux has EFI (or a reserved one), /boot and then root, see marketplace-gen1.json and -gen2.json in
 * https://github.com/microsoft/azurelinux/tree/2.0/toolkit/imageconfigs. Ubuntu and Debian have root first.
 */
export function rootPartitionOf(osImage = ""): number {
    return /azure ?linux|mariner/i.test(osImage) ? 3 : 1;
}

/**
 * Judges a failed mount: throws where it fails for good, or may succeed as another file system or with another copy.
 *
 * Before July 2026 the driver mounted by mount-utils, whose earliest versions named what they found ("it already
 * contains xfs"), while today's pass on what mount said:
 * https://github.com/kubernetes/mount-utils/blob/v0.37.2/mount_linux.go. Since then the driver names it itself:
 * https://github.com/kubernetes-sigs/azuredisk-csi-driver/pull/3711
 *
 * @param why what the driver said
 * @param mounted how it was to be mounted, and whose disks cannot be captured in place instead, if that is so
 * @throws CaughtInTheMiddle, OtherFileSystem or UserError in one line; nothing where it may pass by itself
 */
export function refuseFileSystem(
    why: string,
    mounted: { as: FileSystem; partition: number; onlyByCopy?: string },
): void {
    const line = brief(why, 300);
    if (/'fsck' found errors on device [^]* but could not correct them/.test(why)) {
        throw new CaughtInTheMiddle(`the copy's file system has errors: ${line}`);
    }
    const found = /(?:it already contains|but current format is) (\w+)/.exec(why)?.[1];
    if (found === undefined && !why.includes("wrong fs type, bad option, bad superblock")) {
        return;
    }
    const where = `partition ${mounted.partition} of the disk`;
    if (/^lvm/i.test(found ?? "")) {
        throw new UserError(
            `${where} is part of a logical volume (LVM), which cannot be mounted elsewhere; ${wayOut(mounted)}`,
        );
    }
    if (mounted.as === "ext4" && (found === undefined || found === "xfs")) {
        throw new OtherFileSystem(`${where} does not hold ext4: ${line}`);
    }
    throw new UserError(
        `${where} holds neither ext4 nor XFS; set kamino:rootPartition to the root file system's; where that is on LVM ${wayOut(mounted)}: ${line}`,
    );
}

function wayOut({ onlyByCopy }: { onlyByCopy?: string }): string {
    return onlyByCopy === undefined
        ? "set kamino:capture to in-place"
        : `the pool cannot be kept, because ${onlyByCopy} captured by a copy alone: take it out of kamino:pools`;
}
