// Letting a copy go: its pod, claim and volume, and its disk from the node that had it, also from one that has died.
import { StorageV1Api } from "@kubernetes/client-node";
import { MINUTE } from "../../core/duration";
import { UserError, orUndefined } from "../../core/errors";
import { SHORT_PAUSE_MS, allEnded, until, withRetries } from "../../core/retry";
import type { Kubernetes } from "../../node/kubernetes";
import { readNode, whyDead } from "../../node/node";
import { readPod, removePod } from "../pods";
import { labelsOf, objectName, type CopyTarget } from "./objects";

const GONE_LIMIT = 2 * MINUTE;
/**
 * For the disk: from a node that is not Ready Kubernetes takes a volume after six minutes (maxWaitForUnmountDuration of
 * its attach/detach controller), and Azure takes minutes to detach it.
 */
const DETACH_LIMIT = 16 * MINUTE;
/** How long letting a copy go may take: its pod, its disk, its volume. In milliseconds. */
export const LET_GO_LIMIT = GONE_LIMIT + DETACH_LIMIT + GONE_LIMIT;

/** What is needed to let a copy go. */
export interface LettingGo {
    cluster: Kubernetes;
    namespace: string;
    say: (doing: string) => void;
    /** Ends the waiting early; without it a run that is interrupted waits as well. */
    signal?: AbortSignal;
    /** How long a node has to give the disk back, in milliseconds. */
    detachLimit?: number;
}

/** Something of a copy stays where it is for now. The disk is not touched; a later run tries again. */
export class StillThere extends UserError {}

/**
 * Takes pod, claim and volume of a copy away, and waits until no node has it attached. What is not there is fine, so
 * that this also follows a run that was killed.
 *
 * @returns the node that died while it had the disk, with the reason: the disk was taken from it, not unmounted by it
 * @throws StillThere in one line when something stays
 */
export function letGo(target: CopyTarget, how: LettingGo): Promise<string | undefined> {
    return remove(objectName(target), how);
}

/** The same, where what stays for now is not an error: its line is added to `left`, by the volume's name. */
export async function letGoIfPossible(name: string, how: LettingGo, left: Map<string, string>): Promise<void> {
    try {
        await remove(name, how);
    } catch (error) {
        if (!(error instanceof StillThere)) {
            throw error;
        }
        left.set(name, error.message);
    }
}

/**
 * The same for what earlier captures of the same scale set have left, of whatever target, side by side.
 *
 * @returns what stays for now: names of volumes, each with the line that says why
 */
export async function letGoLeftovers(target: CopyTarget, how: LettingGo): Promise<Map<string, string>> {
    const labelSelector = Object.entries(labelsOf(target))
        .map(([key, value]) => `${key}=${value}`)
        .join(",");
    const { items } = await withRetries(() => how.cluster.core.listPersistentVolume({ labelSelector }));
    const left = new Map<string, string>();
    await allEnded(...items.map(({ metadata }) => letGoIfPossible(metadata?.name ?? "", how, left)));
    return left;
}

async function remove(name: string, how: LettingGo): Promise<string | undefined> {
    const { core } = how.cluster;
    await endPod(name, how);
    // The volume stays until the driver has let the disk go: it reads the disk's id there.
    const dead = await waitUntilDetached(name, how);
    await unlessGone(() => core.deleteNamespacedPersistentVolumeClaim({ name, namespace: how.namespace }));
    await unlessGone(() => core.deletePersistentVolume({ name }));
    await gone(`volume ${name}`, how, () => orUndefined(core.readPersistentVolume({ name })).then(Boolean));
    return dead;
}

/**
 * Deletes the pod. Kubelet of a node that has died cannot say that the pod has ended, so that there it is deleted by
 * force. It may still run: it sees nothing but the copy, which the node keeps until it is detached, and which is never
 * an image then (docs/decisions/0023).
 */
async function endPod(name: string, how: LettingGo): Promise<void> {
    const { cluster, namespace } = how;
    const place = { name, namespace };
    await removePod(cluster, place, 1);
    await gone(`pod ${namespace}/${name}`, how, async () => {
        const pod = await readPod(cluster, place);
        const node = pod?.spec?.nodeName;
        if (node !== undefined && whyDead(await readNode(cluster, node)) !== undefined) {
            await removePod(cluster, place, 0);
        }
        return pod !== undefined;
    });
}

async function waitUntilDetached(name: string, how: LettingGo): Promise<string | undefined> {
    const { cluster, say, signal, detachLimit: limit = DETACH_LIMIT } = how;
    const storage = cluster.config.makeApiClient(StorageV1Api);
    let holder = "";
    let dead: string | undefined;
    const free = await until({ limit, longestPause: SHORT_PAUSE_MS, signal }, async () => {
        const { items } = await withRetries(() => storage.listVolumeAttachment());
        const attachment = items.find(({ spec }) => spec.source.persistentVolumeName === name);
        if (!attachment) {
            return true;
        }
        const node = attachment.spec.nodeName;
        const why = whyDead(await readNode(cluster, node));
        holder = why === undefined ? `node ${node}` : `node ${node}, which ${why}`;
        if (why !== undefined) {
            dead = holder;
            const patience = why === "is not Ready" ? ", and Kubernetes gives it six minutes" : "";
            say(`waiting until the copy is detached: node ${node} ${why}${patience}`);
        }
        return undefined;
    });
    if (!free) {
        const advice = dead === holder ? "; start its VM, or delete the node where its VM is off for good" : "";
        const minutes = Math.round(limit / MINUTE);
        throw new StillThere(`volume ${name} was still attached after ${minutes} minutes to ${holder}${advice}`);
    }
    return dead;
}

async function gone(what: string, { signal }: LettingGo, isThere: () => Promise<boolean>): Promise<void> {
    const patience = { limit: GONE_LIMIT, longestPause: SHORT_PAUSE_MS, signal };
    if (!(await until(patience, async () => ((await withRetries(isThere)) ? undefined : true)))) {
        throw new StillThere(`${what} was still there after ${GONE_LIMIT / MINUTE} minutes`);
    }
}

async function unlessGone(deletion: () => Promise<unknown>): Promise<void> {
    await orUndefined(withRetries(deletion));
}
