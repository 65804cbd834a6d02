// What an image version is made from, whichever way the disk was captured.
import { deleteOwnDisk } from "./copy/disk";
import { deleteOwnSnapshot } from "./snapshot";

/**
 * Deletes the disk or snapshot that a capture of this program made; one that is not there is fine.
 *
 * @throws UserError in one line when Azure refuses, or when it is not one of ours
 */
export async function deleteSource(id: string): Promise<void> {
    await (/\/disks\/[^/]+$/i.test(id) ? deleteOwnDisk(id) : deleteOwnSnapshot(id));
}
