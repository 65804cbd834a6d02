// The copy of an OS disk in Azure: a snapshot of the running VM's disk, and a disk made from it that can be attached
// elsewhere.
import type { Disk, Snapshot } from "@azure/arm-compute";
import { computeClient } from "../../azure/client";
import { diskId, parseArmId, snapshotId } from "../../azure/ids";
import { isOwned } from "../../azure/tags";
import { MINUTE, asUtc } from "../../core/duration";
import { UserError, orUndefined } from "../../core/errors";
import { until, type Patience } from "../../core/retry";
import { isComplete } from "../snapshot";
import { ownTags, snapshotName, scaleSetHash } from "../names";
import { CLOSED, refuseEncrypted } from "../protection";
import { purposeOf, type CopyTarget } from "./objects";

/**
 * There on a disk that the script has cleaned, with the digest of its packages; nothing else is a source for an image.
 */
const CLEANED_TAG = "cleaned";
/**
 * The one state in which nobody uses a disk, and those in which it is read: by a gallery that makes an image of it,
 * say. In others it belongs to a machine (Attached, Reserved, Frozen).
 * Source: https://learn.microsoft.com/rest/api/compute/disks/get, DiskState
 */
const FREE = "Unattached";
const READ = ["ActiveSAS", "ActiveSASFrozen"];
/** When the copy was taken, RFC 3339, UTC. */
const CAPTURED_TAG = "captured";

const SNAPSHOT_LIMIT = 60 * MINUTE;
/** A disk made from a snapshot may go on copying in the background. */
const DISK_LIMIT = 60 * MINUTE;
/** How long Azure may take to say that a disk belongs to no machine any more. */
export const DETACH_LIMIT = 10 * MINUTE;

/** The disk that is copied. */
export interface SourceDisk {
    id: string;
    location: string;
}

/** A copy, and where its parts are. */
export interface DiskCopy {
    diskId: string;
    snapshotId: string;
    capturedAt: string;
    sizeGB: number;
}

/** Where a copy's disk and snapshot are, in the resource group that captures go to. */
export class CopyPlace {
    readonly diskId: string;
    readonly snapshotId: string;
    private readonly name: string;
    private readonly subscriptionId: string;

    constructor(
        private readonly target: CopyTarget,
        private readonly resourceGroup: string,
        private readonly tags: Record<string, string>,
    ) {
        this.subscriptionId = parseArmId(target.scaleSetId).subscriptionId;
        // Another name than that of an in-place capture's snapshot, which is of a cleaned disk.
        this.name = snapshotName(target, purposeOf(target));
        const place = { subscriptionId: this.subscriptionId, resourceGroup, name: this.name };
        this.diskId = diskId(place);
        this.snapshotId = snapshotId(place);
    }

    /**
     * What an earlier run has left of this very copy: the cleaned disk, one that somebody uses, another one or none.
     */
    async found(): Promise<
        { state: "cleaned"; capturedAt: string } | { state: "used"; by: string } | { state: "other" | "none" }
    > {
        const disk = await this.readDisk();
        if (!disk || !this.isOurs(disk)) {
            return { state: disk ? "other" : "none" };
        }
        const { diskState = "", tags = {} } = disk;
        const isRead = READ.includes(diskState);
        // A cleaned copy that a gallery reads is the other run's image in the making: this run takes the same.
        const isCleaned = CLEANED_TAG in tags && (diskState === FREE || isRead);
        if (!isCleaned && diskState !== FREE) {
            return { state: "used", by: isRead ? `being read (${diskState})` : `attached to a machine (${diskState})` };
        }
        return isCleaned ? { state: "cleaned", capturedAt: tags[CAPTURED_TAG] ?? "" } : { state: "other" };
    }

    /** Takes the snapshot, unless an earlier run has taken it already: it is of the moment that it was begun. */
    async takeSnapshot(source: SourceDisk, signal: AbortSignal): Promise<string> {
        const client = await computeClient(this.subscriptionId);
        const there = await this.readSnapshot();
        if (there && !this.isOurs(there)) {
            throw new UserError(
                `snapshot ${this.snapshotId} was not made by this capture and is left alone; rename it`,
            );
        }
        if (
            there &&
            isComplete(there) &&
            there.creationData?.sourceResourceId?.toLowerCase() === source.id.toLowerCase()
        ) {
            return there.tags?.[CAPTURED_TAG] ?? "";
        }
        await this.deleteSnapshot();
        const original = await this.readById(source.id);
        refuseEncrypted(original);
        const capturedAt = asUtc(new Date());
        const snapshot: Snapshot = {
            location: source.location,
            incremental: true,
            sku: { name: "Standard_LRS" },
            creationData: { createOption: "Copy", sourceResourceId: source.id },
            ...protectionOf(original),
            tags: this.allTags({ [CAPTURED_TAG]: capturedAt }),
        };
        // The request itself is not cut off: Azure might carry it out all the same, after we have looked for what to
        // delete.
        await client.snapshots
            .createOrUpdate(this.resourceGroup, this.name, snapshot)
            .pollUntilDone({ abortSignal: signal });
        await this.complete({ limit: SNAPSHOT_LIMIT, signal }, "snapshot", () => this.readSnapshot());
        return capturedAt;
    }

    /** Makes the disk from the snapshot, with what its machine needs of it: keys and generation. */
    async makeDisk(
        source: SourceDisk,
        zone: string | undefined,
        capturedAt: string,
        signal: AbortSignal,
    ): Promise<DiskCopy> {
        const client = await computeClient(this.subscriptionId);
        const original = await this.readById(source.id);
        const disk: Disk = {
            location: source.location,
            ...(zone && { zones: [zone] }),
            sku: { name: "StandardSSD_LRS" },
            creationData: { createOption: "Copy", sourceResourceId: this.snapshotId },
            ...protectionOf(original),
            osType: "Linux",
            ...(original?.hyperVGeneration && { hyperVGeneration: original.hyperVGeneration }),
            tags: this.allTags({ [CAPTURED_TAG]: capturedAt }),
        };
        await client.disks.createOrUpdate(this.resourceGroup, this.name, disk).pollUntilDone({ abortSignal: signal });
        const made = await this.complete({ limit: DISK_LIMIT, signal }, "disk", () => this.readDisk());
        return { diskId: this.diskId, snapshotId: this.snapshotId, capturedAt, sizeGB: made.diskSizeGB ?? 1 };
    }

    private async complete<T extends Disk | Snapshot>(
        patience: Patience,
        what: string,
        read: () => Promise<T | undefined>,
    ): Promise<T> {
        const done = await until(patience, async () => {
            const now = await read();
            return now && isComplete(now) ? now : undefined;
        });
        if (!done) {
            throw new UserError(`the ${what} ${this.name} was not complete after ${patience.limit / MINUTE} minutes`);
        }
        return done;
    }

    /** Waits until the disk belongs to no machine. @throws UserError when it stays attached */
    async waitUntilDetached(signal?: AbortSignal): Promise<void> {
        const free = await until({ limit: DETACH_LIMIT, signal }, async () => {
            const disk = await this.readDisk();
            return !disk || disk.diskState === FREE ? true : undefined;
        });
        if (!free) {
            throw new UserError(`disk ${this.diskId} was still attached after ${DETACH_LIMIT / MINUTE} minutes`);
        }
    }

    /** Marks the disk as cleaned: from now on it can be made an image. */
    async markCleaned(capturedAt: string, digest: string): Promise<void> {
        const client = await computeClient(this.subscriptionId);
        const tags = this.allTags({ [CAPTURED_TAG]: capturedAt, [CLEANED_TAG]: digest });
        await client.disks.update(this.resourceGroup, this.name, { tags }).pollUntilDone();
    }

    /** Deletes the snapshot, whole or half-made; it holds what the node holds, secrets included. */
    async deleteSnapshot(): Promise<void> {
        const there = await this.readSnapshot();
        if (there && this.isOurs(there)) {
            const client = await computeClient(this.subscriptionId);
            await client.snapshots.delete(this.resourceGroup, this.name).pollUntilDone();
        }
    }

    /** Deletes the disk, which nothing may be attached to. */
    async deleteDisk(): Promise<void> {
        const there = await this.readDisk();
        if (there && !this.isOurs(there)) {
            throw new UserError(`disk ${this.diskId} was not made by this capture and is left alone; rename it`);
        }
        if (there) {
            const client = await computeClient(this.subscriptionId);
            await client.disks.delete(this.resourceGroup, this.name).pollUntilDone();
        }
    }

    /**
     * Deletes what earlier copies of this scale set's disks have left for other targets: runs that were killed. A
     * cleaned disk is left alone, since it may be kept on purpose (`orphans.ts`).
     *
     * @returns the cleaned ones, as far as nobody uses them
     */
    async deleteLeftovers(): Promise<Disk[]> {
        const client = await computeClient(this.subscriptionId);
        const isLeftover = ({ name, tags = {} }: Disk | Snapshot) =>
            isOwned(tags) && tags["scale-set"] === scaleSetHash(this.target) && name !== this.name;
        const isCleaned = ({ tags = {} }: Disk | Snapshot) => tags[CLEANED_TAG] !== undefined;
        const cleaned: Disk[] = [];
        for await (const disk of client.disks.listByResourceGroup(this.resourceGroup)) {
            if (!isLeftover(disk) || disk.diskState !== FREE) {
                continue;
            }
            if (isCleaned(disk)) {
                cleaned.push(disk);
            } else {
                await client.disks.delete(this.resourceGroup, disk.name ?? "").pollUntilDone();
            }
        }
        for await (const snapshot of client.snapshots.listByResourceGroup(this.resourceGroup)) {
            if (isLeftover(snapshot) && !isCleaned(snapshot)) {
                await client.snapshots.delete(this.resourceGroup, snapshot.name ?? "").pollUntilDone();
            }
        }
        return cleaned;
    }

    private allTags(more: Record<string, string>): Record<string, string> {
        return { ...this.tags, ...ownTags(this.target, true), ...more };
    }

    private isOurs({ tags = {} }: Disk | Snapshot): boolean {
        const { node, version, instanceId } = this.target;
        return (
            isOwned(tags) &&
            tags.node === node &&
            tags.version === version &&
            tags.instance === instanceId &&
            tags["scale-set"] === scaleSetHash(this.target)
        );
    }

    private async readDisk(): Promise<Disk | undefined> {
        return this.readById(this.diskId);
    }

    private async readById(id: string): Promise<Disk | undefined> {
        const { resourceGroup, names } = parseArmId(id);
        const client = await computeClient(this.subscriptionId);
        return orUndefined(client.disks.get(resourceGroup, names[0]));
    }

    private async readSnapshot(): Promise<Snapshot | undefined> {
        const client = await computeClient(this.subscriptionId);
        return orUndefined(client.snapshots.get(this.resourceGroup, this.name));
    }
}

/**
 * What a copy takes over so that nobody else can read it: keys of the disk's owner, and no access by an address. Its
 * security type it has from its source: Azure refuses a copy that says one, also where it is the same.
 * Sources: https://github.com/Azure/azure-cli/issues/22561,
 * https://github.com/hashicorp/terraform-provider-azurerm/issues/16679
 */
function protectionOf(original: Disk | undefined): Partial<Disk> & Partial<Snapshot> {
    const { encryption } = original ?? {};
    return { ...(encryption?.diskEncryptionSetId && { encryption }), ...CLOSED };
}
