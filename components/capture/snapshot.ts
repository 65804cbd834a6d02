// The snapshot of a captured OS disk: taking it, telling whether one that is there can be used, deleting it.
import type { Disk, Snapshot } from "@azure/arm-compute";
import { computeClient } from "../azure/client";
import { asUtc } from "../core/duration";
import { UserError, orUndefined } from "../core/errors";
import { ownTags, snapshotName, type Target } from "./names";
import { closedTo } from "./protection";
import { until, type Patience } from "../core/retry";
import { parseArmId, snapshotId } from "../azure/ids";

/** Where the snapshot of a target is, or will be. */
function snapshotOf(target: Target, resourceGroup: string): string {
    const { subscriptionId } = parseArmId(target.scaleSetId);
    return snapshotId({ subscriptionId, resourceGroup, name: snapshotName(target) });
}

async function snapshotsOf(id: string) {
    const { subscriptionId, resourceGroup, names } = parseArmId(id);
    return { snapshots: (await computeClient(subscriptionId)).snapshots, path: [resourceGroup, names[0]] as const };
}

async function readSnapshot(id: string): Promise<Snapshot | undefined> {
    const { snapshots, path } = await snapshotsOf(id);
    return orUndefined(snapshots.get(...path));
}

/** A managed disk. */
export async function readDisk(id: string): Promise<Disk> {
    const { subscriptionId, resourceGroup, names } = parseArmId(id);
    return (await computeClient(subscriptionId)).disks.get(resourceGroup, names[0]);
}

/** Whether a snapshot was made by a capture of this very target. */
function isOf(snapshot: Snapshot, target: Target): boolean {
    const tags = snapshot.tags ?? {};
    return Object.entries(ownTags(target)).every(([name, value]) => tags[name] === value);
}

/**
 * Whether a snapshot or a copied disk has all of its data, which may be on its way when Azure says that it was made.
 */
export function isComplete({ provisioningState, completionPercent }: Disk | Snapshot): boolean {
    return provisioningState === "Succeeded" && (completionPercent ?? 100) >= 100;
}

/** A finished snapshot. */
export interface Captured {
    snapshotId: string;
    /** RFC 3339, UTC. */
    capturedAt: string;
    /** For how long it had kured's lock, in whole seconds; unknown of what another run has captured. */
    tookSeconds?: number;
}

/**
 * The snapshot that an earlier run took of the same disk, node and version, and whose result got lost. A snapshot is
 * only ever begun of a cleaned, stopped disk, and it is of the moment that it was begun: complete, it is as good as a
 * new one, and the node need not be taken out of service once more.
 *
 * @returns undefined when there is none, or none that is whole and surely of this disk
 */
export async function finishedSnapshot(
    target: Target,
    resourceGroup: string,
    diskId: string,
): Promise<Captured | undefined> {
    const id = snapshotOf(target, resourceGroup);
    const found = await readSnapshot(id);
    const source = found?.creationData?.sourceResourceId?.toLowerCase();
    return found && isOf(found, target) && isComplete(found) && source === diskId.toLowerCase()
        ? { snapshotId: id, capturedAt: found.tags?.captured ?? "" }
        : undefined;
}

/**
 * Takes an incremental snapshot of a disk: only what changed since the disk's earlier snapshots is stored and paid for.
 *
 * @throws UserError when one of this name is there that is not of this target; what Azure says when it cannot be taken
 */
export async function takeSnapshot(
    target: Target,
    {
        resourceGroup,
        location,
        diskId,
        tags,
    }: { resourceGroup: string; location: string; diskId: string; tags: Record<string, string> },
    patience: Patience,
): Promise<Captured> {
    const id = snapshotOf(target, resourceGroup);
    const capturedAt = asUtc(new Date());
    const { snapshots, path } = await snapshotsOf(id);
    // One of an earlier run, which this one did not find usable.
    await deleteSnapshot(target, resourceGroup);
    const abortSignal = patience.signal;
    const disk = await readDisk(diskId);
    const { encryption } = disk;
    const snapshot: Snapshot = {
        location,
        incremental: true,
        sku: { name: "Standard_LRS" },
        creationData: { createOption: "Copy", sourceResourceId: diskId },
        ...(encryption?.diskEncryptionSetId && { encryption }),
        ...closedTo(disk),
        tags: { ...tags, ...ownTags(target), captured: capturedAt },
    };
    // The request itself is not cut off: Azure might carry it out all the same, after we have looked for what to
    // delete.
    await snapshots.createOrUpdate(...path, snapshot).pollUntilDone({ abortSignal });
    // The data may still be on its way when Azure says that the snapshot was made.
    const finished = await until(patience, async () => {
        const read = await readSnapshot(id);
        return read && isComplete(read) ? read : undefined;
    });
    if (!finished) {
        throw new UserError(`snapshot ${id} was not complete after ${patience.limit / 60_000} minutes`);
    }
    return { snapshotId: id, capturedAt };
}

/**
 * Deletes the snapshot of a target, whole or half-made, if there is one.
 *
 * @throws UserError when the snapshot of that name was not made by a capture of this target: it is left alone
 */
export async function deleteSnapshot(target: Target, resourceGroup: string): Promise<void> {
    const id = snapshotOf(target, resourceGroup);
    const found = await readSnapshot(id);
    if (found && !isOf(found, target)) {
        throw new UserError(`snapshot ${id} was not made by this capture and is left alone; delete or rename it`);
    }
    if (found) {
        await deleteById(id);
    }
}

async function deleteById(id: string): Promise<void> {
    const { snapshots, path } = await snapshotsOf(id);
    await snapshots.delete(...path).pollUntilDone();
}
