// Attaching a copy to a node and cleaning it there by the Azure Disk CSI driver.
import type { CoreV1Event, V1Pod } from "@kubernetes/client-node";
import { MINUTE } from "../../core/duration";
import { UserError, statusOf } from "../../core/errors";
import { SHORT_PAUSE_MS, withRetries, until } from "../../core/retry";
import { plainName } from "../../core/text";
import type { Kubernetes } from "../../node/kubernetes";
import { createObject } from "../created";
import { readNode, whyDead } from "../../node/node";
import { onlyByCopy } from "../mode";
import type { Target } from "../names";
import { containerStatus, createPod, messageOf, ownershipChanges, readPod, reasonOf, removePod } from "../pods";
import { CaughtInTheMiddle, refuseFileSystem } from "./fileSystem";
import { CLEAN, claimOf, copyPod, objectName, volumeOf, type CopyCleaning } from "./objects";

/** Attaching takes a minute or two; a node that is full is waited for. */
const ATTACH_LIMIT = 15 * MINUTE;
const CLEAN_LIMIT = 30 * MINUTE;
/** A node is not Ready once its kubelet was silent for most of a minute; one that was only slow is back by then. */
const HOST_LIMIT = MINUTE;

/**
 * The script's exit status for what was caught in the middle and may be over in some minutes (EX_TEMPFAIL of
 * sysexits.h).
 */
const CAUGHT = 75;

/** The node that the copy was attached to has died: another copy, on another node, has all that it needs. */
export class HostDied extends UserError {}

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
 * @throws CaughtInTheMiddle, HostDied, OtherFileSystem, or UserError in one line that has what scheduler, driver or
 *     script say
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
    await createObject(volumeOf(cleaning), {
        create: (body) => core.createPersistentVolume({ body }),
        read: () => core.readPersistentVolume(place),
        signal,
    });
    // Which claim it is does not matter: it names its volume, which is this capture's.
    await createObject(claimOf(cleaning), {
        create: (body) => core.createNamespacedPersistentVolumeClaim({ namespace, body }),
        signal,
    });
    await createCleaner(cluster, cleaning, signal);
    const begun = Date.now();
    const refuseDeadHost = hostWatch(cluster);
    const patience = { limit: ATTACH_LIMIT + CLEAN_LIMIT, longestPause: SHORT_PAUSE_MS, signal };
    const message = await until(patience, async () => {
        const pod = await readPod(cluster, place);
        // What kubelet has reported holds, whatever became of its node since.
        if (pod?.status?.phase !== "Succeeded") {
            await refuseDeadHost(pod);
        }
        if (!pod) {
            throw new UserError(`pod ${namespace}/${place.name} was deleted`);
        }
        refuseFailed(pod);
        const { phase } = pod.status ?? {};
        if (phase === "Running") {
            say("cleaning the copy");
        } else if (phase !== "Succeeded") {
            const why = (await troubleOf(cluster, pod)) ?? reasonOf(pod);
            refuseFileSystem(why, mountOf(cleaning));
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

function mountOf({ target, customData, fileSystem, rootPartition }: CopyCleaning) {
    const { scaleSetId } = target;
    return { as: fileSystem, partition: rootPartition, onlyByCopy: onlyByCopy({ scaleSetId, customData }) };
}

/** Makes the pod, and takes it away at once where its admission would have changed owners or labels on the copy. */
async function createCleaner(cluster: Kubernetes, cleaning: CopyCleaning, signal: AbortSignal): Promise<void> {
    const pod = copyPod(cleaning);
    const advice = "see docs/permissions.md for what its namespace needs";
    const admitted = await createPod(cluster, pod, "the pod", advice, signal);
    const changes = ownershipChanges(pod, admitted);
    if (changes.length > 0) {
        const place = { name: objectName(cleaning.target), namespace: cleaning.namespace };
        await removePod(cluster, place, 0);
        throw new UserError(
            `pod ${place.namespace}/${place.name} was admitted with ${changes.join(" and ")}, which would change every file of ` +
                "the copy; whatever adds that (a webhook, an SCC) must leave out the pods of kamino:captureNamespace",
        );
    }
}

/**
 * Looks at the node that the pod is on, also once the pod has gone with it. The function throws HostDied when the node
 * has gone or was declared out of service, and when it is not Ready for longer than a moment.
 */
function hostWatch(cluster: Kubernetes): (pod: V1Pod | undefined) => Promise<void> {
    let host: string | undefined;
    let since: number | undefined;
    return async (pod) => {
        host = pod?.spec?.nodeName ?? host;
        if (host === undefined) {
            return;
        }
        const why = whyDead(await readNode(cluster, host));
        since = why === undefined ? undefined : (since ?? Date.now());
        const forGood = why !== undefined && why !== "is not Ready";
        if (since !== undefined && (forGood || !pod || Date.now() - since > HOST_LIMIT)) {
            throw new HostDied(`node ${host}, to which the copy was attached, ${why}`);
        }
    };
}

function refuseFailed(pod: V1Pod): void {
    if (pod.status?.phase !== "Failed") {
        return;
    }
    const { exitCode } = containerStatus(pod, CLEAN)?.state?.terminated ?? {};
    const why = reasonOf(pod);
    throw exitCode === CAUGHT ? new CaughtInTheMiddle(why) : new UserError(`the copy was not cleaned: ${why}`);
}

/** What attacher and kubelet say of the pod's volume: the driver's own words. */
async function troubleOf({ core }: Kubernetes, { metadata }: V1Pod): Promise<string | undefined> {
    const { namespace = "", uid } = metadata ?? {};
    // By its uid: an earlier pod of this name may have failed for another reason.
    const fieldSelector = `involvedObject.kind=Pod,involvedObject.uid=${uid},type=Warning`;
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

/**
 * Reads the script's result. What it has from the disk is only shown as names: whoever is root on the donor wrote it.
 *
 * @throws UserError in one line when it is not the result of this very cleaning
 */
export function readReport(message: string, { version }: Pick<Target, "version">): CleaningReport {
    try {
        const read = JSON.parse(message) as Partial<CleaningReport & { cleaned: string }> | null;
        if (read?.cleaned === version && /^sha256:[0-9a-f]{64}$/.test(read.digest ?? "")) {
            const { kind = "", os = "", kernel = "", packages = 0, digest = "", removed = 0, paths = [] } = read;
            const { changes } = read;
            const names = { kind: plainName(kind), os: plainName(os), kernel: plainName(kernel) };
            return { ...names, packages, digest, removed, paths, ...(changes && { changes }) };
        }
    } catch {
        // Said below.
    }
    throw new UserError(`the copy's cleaning did not say what it did, but ${JSON.stringify(message.slice(0, 100))}`);
}
