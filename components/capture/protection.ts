// Who gets at the content of what is copied from a disk. Pure.
import type { Disk } from "@azure/arm-compute";
import { isEncryptedInside } from "../azure/osDisks";
import { UserError } from "../core/errors";

/** By which ways a disk or snapshot can be read from outside of Azure's own service. */
export type DiskAccess = Pick<Disk, "networkAccessPolicy" | "publicNetworkAccess">;

/** By none. */
export const CLOSED = { networkAccessPolicy: "DenyAll", publicNetworkAccess: "Disabled" };

/**
 * What a snapshot is open to: no more than its disk. A disk that is open to private endpoints alone has a snapshot that
 * is open to nobody, since nobody needs it but Azure itself.
 * Source: https://learn.microsoft.com/azure/virtual-machines/disks-enable-private-links-for-import-export-portal
 */
export function closedTo({ networkAccessPolicy, publicNetworkAccess }: DiskAccess): DiskAccess {
    const isOpen = networkAccessPolicy === undefined || networkAccessPolicy === "AllowAll";
    return { networkAccessPolicy: isOpen ? networkAccessPolicy : "DenyAll", publicNetworkAccess };
}

/** @throws UserError in one line for a disk of which no other machine can start, whatever is copied */
export function refuseEncrypted(disk: Disk | undefined): void {
    if (disk && isEncryptedInside(disk)) {
        throw new UserError(
            "Azure Disk Encryption encrypts its OS disk from within the VM, so that no other VM can start from a copy; use encryption at host, or name the node in ignoreNodes",
        );
    }
}
