// Attaching a copy to a node and cleaning it there by the Azure Disk CSI driver, and letting it go again.
import { StorageV1Api, type CoreV1Event, type V1Pod } from "@kubernetes/client-node";
import { UserError, brief, orUndefined, statusOf } from "../../core/errors";
import { SHORT_PAUSE_MS, withRetries, until } from "../../core/retry";
import type { Kubernetes } from "../../node/kubernetes";
import { createObject } from "../created";
import type { Target } from "../names";
import { containerStatus, createPod, messageOf, readPod, reasonOf, removePod } from "../pods";
import { CLEAN, claimOf, copyPod, labelsOf, objectName, volumeOf, type CopyCleaning } from "./objects";

const MINUTE = 60_000;
/** Attaching takes a minute or two; a node that is full is waited for. */
const ATTACH_LIMIT = 15 * MINUTE;
const CLEAN_LIMIT = 30 * MINUTE;
const DETACH_LIMIT = 10 * MINUTE;
const GONE_LIMIT = 2 * MINUTE;

/**
 * The script's exit status for what was caught in the middle and may be over in some minutes (EX_TEMPFAIL of
 * sysexits.h).
 */
const CAUGHT = 75;

/** The copy caught something in the middle: another one, some minutes later, may not. */
export class CaughtInTheMiddle extends UserError {}

/** The copy's partition holds a file system of another kind than it was mounted as. */
export class OtherFileSystem extends UserError {
    constructor(
        message: string,
        readonly found: string,
    ) {
        super(message);
    }
}

/** What the script did, as its pod's result says. */
export interface CleaningReport {
    /** How the donor's kubelet signs in: shared, bootstrap, kubeadm, own or none. */
    kind: string;
    os: string;
    kernel: string;
    packages: number;
    /** Of the list of packages, as in `sha256:…`. */
    digest: string;
    /** How many things were removed, and where. */
    removed: number;
    paths: string[];
    /** How the packages differ from those of the image that the donor was made from; undefined without one. */
    changes?: PackageChanges;
}

/** How an image's packages differ from those of the image before. */
export interface PackageChanges {
    added: number;
    gone: number;
    changed: number;
    /** As many as the pod's result has room for: `+NAME VERSION`, `-NAME VERSION`, `=NAME OLD NEW`. */
    names: string[];
}

/**
 * Makes volume, claim and pod, and waits until the script has cleaned the copy.
 *
 * @throws CaughtInTheMiddle, OtherFileSystem, or UserError in one line that has what scheduler, driver or script say
 */
export async function cleanCopy(
    cluster: Kubernetes,
    cleaning: CopyCleaning,
    signal: AbortSignal,
    say: (doing: string) => void,
): Promise<CleaningReport> {
    const { core } = cluster;
    const { namespace, target } = cleaning;
    say("attaching the copy to another node");
    const place = { name: objectName(target), namespace };
    await createObject(
        volumeOf(cleaning),
        (body) => core.createPersistentVolume({ body }),
        () => core.readPersistentVolume(place),
        signal,
    );
    await createObject(
        claimOf(cleaning),
        (body) => core.createNamespacedPersistentVolumeClaim({ namespace, body }),
        // It names its volume, which is this capture's.
        undefined,
        signal,
    );
    await createPod(
        cluster,
        copyPod(cleaning),
        "the pod",
        "see docs/permissions.md for what its namespace needs",
        signal,
    );
    const begun = Date.now();
    const patience = { limit: ATTACH_LIMIT + CLEAN_LIMIT, longestPause: SHORT_PAUSE_MS, signal };
    const message = await until(patience, async () => {
        const pod = await readPod(cluster, place);
        if (!pod) {
            throw new UserError(`pod ${namespace}/${place.name} was deleted`);
        }
        refuseFailed(pod);
        const { phase } = pod.status ?? {};
        if (phase === "Running") {
            say("cleaning the copy");
        } else if (phase !== "Succeeded") {
            const why = (await troubleOf(cluster, place)) ?? reasonOf(pod);
            refuseFileSystem(why);
            if (Date.now() - begun > ATTACH_LIMIT) {
                throw new UserError(
                    `pod ${namespace}/${place.name} did not start within ${ATTACH_LIMIT / MINUTE} minutes: ${why}`,
                );
            }
        }
        return messageOf(pod, CLEAN);
    });
    if (message === undefined) {
        throw new UserError(`pod ${namespace}/${place.name} did not end within ${CLEAN_LIMIT / MINUTE} minutes`);
    }
    return readReport(message, target);
}

function refuseFailed(pod: V1Pod): void {
    if (pod.status?.phase !== "Failed") {
        return;
    }
    const { exitCode } = containerStatus(pod, CLEAN)?.state?.terminated ?? {};
    const why = reasonOf(pod);
    throw exitCode === CAUGHT ? new CaughtInTheMiddle(why) : new UserError(`the copy was not cleaned: ${why}`);
}

/**
 * As mount-utils say it, which every CSI driver uses: "failed to mount the volume as "ext4", it already contains xfs".
 */
function refuseFileSystem(why: string): void {
    const found = /it already contains (\w+)/.exec(why)?.[1];
    if (found === "LVM2_member" || found?.startsWith("lvm")) {
        throw new UserError(
            "the root partition is part of a logical volume (LVM), which cannot be mounted elsewhere; set kamino:capture to in-place",
        );
    }
    if (found) {
        throw new OtherFileSystem(`${brief(why, 300)}; is kamino:rootPartition the root file system's?`, found);
    }
}

/** What attacher and kubelet say of the pod's volume: the driver's own words. */
async function troubleOf({ core }: Kubernetes, { name, namespace }: { name: string; namespace: string }) {
    const fieldSelector = `involvedObject.kind=Pod,involvedObject.name=${name},type=Warning`;
    try {
        const { items } = await withRetries(() => core.listNamespacedEvent({ namespace, fieldSelector }));
        const time = ({ lastTimestamp, eventTime }: CoreV1Event) => new Date(lastTimestamp ?? eventTime ?? 0).getTime();
        const ofVolume = items.filter(({ reason = "" }) => /Volume|Mount/.test(reason));
        return ofVolume.sort((a, b) => time(a) - time(b)).at(-1)?.message;
    } catch (error) {
        // Without the right to list events the pod's own status has to do.
        if (statusOf(error) === 403) {
            return undefined;
        }
        throw error;
    }
}

function readReport(message: string, { version }: Target): CleaningReport {
    try {
        const read = JSON.parse(message) as Partial<CleaningReport & { cleaned: string }> | null;
        if (read?.cleaned === version && /^sha256:[0-9a-f]{64}$/.test(read.digest ?? "")) {
            const { kind = "", os = "", kernel = "", packages = 0, digest = "", removed = 0, paths = [] } = read;
            const { changes } = read;
            return { kind, os, kernel, packages, digest, removed, paths, ...(changes && { changes }) };
        }
    } catch {
        // Said below.
    }
    throw new UserError(`the copy's cleaning did not say what it did, but ${JSON.stringify(message.slice(0, 100))}`);
}

/**
 * Takes pod, claim and volume of a copy away, and waits until no node has it attached. What is not there is fine, so
 * that this also follows a run that was killed.
 *
 * @throws UserError in one line when something stays
 */
export async function letGo(cluster: Kubernetes, target: Target, namespace: string): Promise<void> {
    const name = objectName(target);
    await remove(cluster, { name, namespace });
}

/** The same for what earlier captures of the same scale set have left, of whatever target. */
export async function letGoLeftovers(cluster: Kubernetes, target: Target, namespace: string): Promise<void> {
    const labelSelector = Object.entries(labelsOf(target))
        .map(([key, value]) => `${key}=${value}`)
        .join(",");
    const { items } = await withRetries(() => cluster.core.listPersistentVolume({ labelSelector }));
    for (const { metadata } of items) {
        await remove(cluster, { name: metadata?.name ?? "", namespace });
    }
}

async function remove(cluster: Kubernetes, place: { name: string; namespace: string }): Promise<void> {
    const { core, config } = cluster;
    const { name, namespace } = place;
    await removePod(cluster, place, 1);
    await gone(`pod ${namespace}/${name}`, GONE_LIMIT, async () => (await readPod(cluster, place)) !== undefined);
    // The volume stays until the driver has let the disk go: it reads the disk's id there.
    const storage = config.makeApiClient(StorageV1Api);
    await gone(`the attachment of volume ${name}`, DETACH_LIMIT, async () => {
        const { items } = await withRetries(() => storage.listVolumeAttachment());
        return items.some(({ spec }) => spec.source.persistentVolumeName === name);
    });
    await unlessGone(() => core.deleteNamespacedPersistentVolumeClaim({ name, namespace }));
    await unlessGone(() => core.deletePersistentVolume({ name }));
    await gone(`volume ${name}`, GONE_LIMIT, () => orUndefined(core.readPersistentVolume({ name })).then(Boolean));
}

async function gone(what: string, limit: number, isThere: () => Promise<boolean>): Promise<void> {
    const patience = { limit, longestPause: SHORT_PAUSE_MS };
    if (!(await until(patience, async () => ((await withRetries(isThere)) ? undefined : true)))) {
        throw new UserError(`${what} was still there after ${limit / MINUTE} minutes`);
    }
}

async function unlessGone(deletion: () => Promise<unknown>): Promise<void> {
    await orUndefined(withRetries(deletion));
}
