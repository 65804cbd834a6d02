// One capture by a copy: the node goes on, and its disk's copy is attached elsewhere and cleaned there.
import type { V1Node } from "@kubernetes/client-node";
import { UserError, brief, oneLine } from "../../core/errors";
import { allEnded, reasonUnder, rest, withRetries } from "../../core/retry";
import { info } from "../../engine/progress";
import type { Kubernetes } from "../../node/kubernetes";
import { REBOOT_IN_PROGRESS } from "../../node/kured";
import { readNode } from "../../node/node";
import type { Target } from "../names";
import type { OrphanFacts } from "../osDiskCapture";
import { pullAndSync, removeSyncPod } from "../pull";
import type { Captured } from "../snapshot";
import { freeCopy } from "./copies";
import { DETACH_LIMIT, type CopyPlace, type SourceDisk } from "./disk";
import { CaughtInTheMiddle, OtherFileSystem, rootPartitionOf, type FileSystem } from "./fileSystem";
import { keepPackages } from "./keepPackages";
import { LET_GO_LIMIT, letGo, type LettingGo } from "./letGo";
import type { CopyTarget } from "./objects";
import { deleteOrphans } from "./orphans";
import { chooseCleanerPlace, placeNodeOf } from "./place";
import { describeChanges } from "./packages";
import { HostDied, cleanCopy, type CleaningReport } from "./volume";

/** How long to wait before the disk is copied once more, where the first copy caught something in the middle. */
const SECOND_TRY_AFTER = 5 * 60_000;

/** How long removing a copy may take. In milliseconds. */
export const DISCARD_LIMIT = LET_GO_LIMIT + DETACH_LIMIT;

/** What a capture by a copy needs. */
export interface CopyCapture {
    target: CopyTarget;
    cluster: Kubernetes;
    disk: SourceDisk;
    /** The resource group of the snapshot and the disk: where the pool's disks are, on which the driver has rights. */
    resourceGroup: string;
    namespace: string;
    image: string;
    tags: Record<string, string>;
    /** What the donor's system has if left out. */
    rootPartition?: number;
    cleanPaths: string[];
    customData: "kept" | "dropped";
    /** Tells which cleaned disks of earlier runs nothing needs any more. */
    orphans?: OrphanFacts;
    signal: AbortSignal;
    say: (doing: string) => void;
    /** How long a node has to give the copy back, in milliseconds; the usual time without it. */
    detachLimit?: number;
    /** Looks whether kured's lock is still held; throws where it is not. */
    lookAgain: () => Promise<void>;
}

/**
 * Copies the disk of a running node and cleans the copy. Nothing of the node is changed; what a run that was killed has
 * left is used or removed first.
 *
 * @returns the cleaned disk, detached
 * @throws UserError in one line; nothing of the copy is left then, unless the line says so
 */
export async function copyOsDisk(capture: CopyCapture): Promise<Captured> {
    const { signal, say } = capture;
    say("looking for what an earlier run has left");
    const { target, place } = await freeCopy(capture.target, capture, { ...lettingGo(capture), signal });
    const cleaned = await place.deleteLeftovers();
    await (capture.orphans && deleteOrphans(target, cleaned, capture.orphans));
    return copyAtMostTwice({ ...capture, target }, place);
}

/** @param before why the first copy failed, of which nothing is left */
async function copyAtMostTwice(capture: CopyCapture, place: CopyPlace, before?: unknown): Promise<Captured> {
    const { signal, say } = capture;
    let failure: unknown;
    try {
        if (before instanceof CaughtInTheMiddle) {
            say(`${before.message}; the disk is copied once more in ${SECOND_TRY_AFTER / 60_000} minutes`);
            await rest(SECOND_TRY_AFTER, signal);
        } else if (before instanceof HostDied) {
            say(`${before.message}; the disk is copied once more, for another node`);
        }
        return await copyOnce(capture, place);
    } catch (error) {
        failure = reasonUnder(signal, error);
    }
    say("removing the copy");
    const left = await discard(capture, place).then(
        () => undefined,
        (error: unknown) => `of the copy something is left, which the next run removes: ${brief(error, 300)}`,
    );
    const mayPass = failure instanceof CaughtInTheMiddle || failure instanceof HostDied;
    if (mayPass && before === undefined && left === undefined) {
        return copyAtMostTwice(capture, place, failure);
    }
    throw new UserError(
        `${brief(failure, 450)}; the node was not touched, and ${left ?? "nothing of the copy is left"}`,
    );
}

function lettingGo({ cluster, namespace, say, detachLimit }: CopyCapture): LettingGo {
    return { cluster, namespace, say, detachLimit };
}

async function copyOnce(capture: CopyCapture, place: CopyPlace): Promise<Captured> {
    const { target, cluster, disk, namespace, signal, say } = capture;
    say("pulling the cleaner's image, and writing caches to disk");
    const image = await pullAndSync(
        cluster,
        { node: target.node, version: target.version, namespace, image: capture.image },
        { wait: "ended", namespaceLevel: "baseline", signal },
    );
    const donor = await checkUnmarked(cluster, target);
    await capture.lookAgain();
    say("taking a snapshot of the running VM's OS disk");
    const capturedAt = await place.takeSnapshot(disk, signal);
    const { items } = await withRetries(() => cluster.core.listNode({ resourceVersion: "0" }));
    const cleaner = chooseCleanerPlace(items.map(placeNodeOf), target.node, disk.location);
    if (!cleaner) {
        throw new UserError(
            "no node can clean the copy: a worker of the disk's architecture, Ready, schedulable and not about to be rebooted",
        );
    }
    say("making a disk of the snapshot");
    await place.deleteDisk();
    const copy = await place.makeDisk(disk, cleaner.zone, capturedAt, signal);
    const report = await cleanAs("ext4");
    await keepPackages(cluster, target, namespace, report);
    say("detaching the copy");
    await allEnded(detach(report), place.deleteSnapshot());
    await info(`${target.pool}: ${summaryOf(report)}`);
    return { snapshotId: place.diskId, capturedAt };

    async function detach({ digest }: CleaningReport): Promise<void> {
        const dead = await letGo(target, { ...lettingGo(capture), signal });
        // What that node still had in memory is not on the disk, so that nothing proves it clean.
        if (dead !== undefined) {
            throw new HostDied(`${dead}, has not unmounted the copy`);
        }
        await place.waitUntilDetached(signal);
        await place.markCleaned(capturedAt, digest);
    }

    async function cleanAs(fileSystem: FileSystem): Promise<CleaningReport> {
        const { cleanPaths, customData } = capture;
        const { kernelVersion: kernel = "", osImage } = donor.status?.nodeInfo ?? {};
        const rootPartition = capture.rootPartition ?? rootPartitionOf(osImage);
        const shared = { target, copy, namespace, image, place: cleaner!, location: disk.location };
        const cleaning = { ...shared, rootPartition, fileSystem, cleanPaths, kernel, customData };
        try {
            return await cleanCopy(cluster, cleaning, signal, say);
        } catch (error) {
            // Which kind it is, only mounting shows.
            if (!(error instanceof OtherFileSystem)) {
                throw error;
            }
            await letGo(target, { ...lettingGo(capture), signal });
            return cleanAs("xfs");
        }
    }
}

/** The node, unless kured wants to reboot it: what it has installed has then not proved itself. */
async function checkUnmarked(cluster: Kubernetes, { node }: Target): Promise<V1Node> {
    const now = await readNode(cluster, node);
    if (!now) {
        throw new UserError("the node has gone");
    }
    if (now.metadata?.annotations?.[REBOOT_IN_PROGRESS] !== undefined) {
        throw new UserError("kured wants to reboot the node, which gives a newer image");
    }
    return now;
}

/** Takes everything of the copy away: pods, claim, volume, disk, snapshot. */
async function discard(capture: CopyCapture, place: CopyPlace): Promise<void> {
    const { cluster, target, namespace } = capture;
    const problems: string[] = [];
    const parts = [
        () => removeSyncPod(cluster, { ...target, namespace }),
        async () => {
            await letGo(target, lettingGo(capture));
            await place.waitUntilDetached();
            await place.deleteDisk();
        },
        () => place.deleteSnapshot(),
    ];
    for (const part of parts) {
        await part().catch((error: unknown) => problems.push(oneLine(error)));
    }
    if (problems.length > 0) {
        throw new UserError(problems.join("; "));
    }
}

function summaryOf({ kind, os, kernel, packages, removed, digest, changes }: CleaningReport): string {
    const count = packages > 0 ? `${packages} packages` : "packages";
    const compared = changes ? `; ${describeChanges(changes)}` : "";
    return `cleaned the copy of ${os}, kernel ${kernel}, ${count} (${digest.slice(0, 19)}), kubelet's credentials ${kind}: removed ${removed} things${compared}`;
}
