// Draining a node through the Eviction API: PodDisruptionBudgets are respected and waited for, as kubectl drain does.
import type { V1Node, V1Pod } from "@kubernetes/client-node";
import { UserError, oneLine, statusOf } from "../core/errors";
import { truncate } from "../core/text";
import type { Kubernetes } from "../node/kubernetes";
import { withRetries, until } from "../core/retry";
import { isRun } from "./pods";

/** Which pods a drain may take although something is lost with them, as kubectl drain asks for by its flags. */
export interface DrainConsent {
    /** Pods without a controller, which nothing makes anew (kubectl's `--force`). */
    deleteBarePods?: boolean;
    /** Pods with emptyDir volumes, whose data goes with them (kubectl's `--delete-emptydir-data`). */
    deleteEmptyDirData?: boolean;
}

/** How a node is drained. Times in milliseconds. */
export interface DrainOptions extends DrainConsent {
    node: string;
    /** Time that each pod gets to end; undefined: as long as it asks for itself. */
    gracePeriod?: number;
    /** How long to wait for all pods to go. */
    drainTimeout: number;
    /** Whether pods that have not gone by then are deleted, whatever their budgets say. */
    force: boolean;
    signal?: AbortSignal;
    /** Is called with how many pods are still to go. */
    progress?: (left: number) => void;
}

/**
 * The pods that have to leave a node. Those of DaemonSets would come right back, mirror pods are kubelet's own, and
 * finished ones run nothing.
 */
export function podsToGo(pods: V1Pod[]): V1Pod[] {
    return pods.filter(({ metadata, status }) => {
        const ofDaemonSet = metadata?.ownerReferences?.some(
            ({ controller, kind }) => controller && kind === "DaemonSet",
        );
        const mirror = metadata?.annotations?.["kubernetes.io/config.mirror"] !== undefined;
        return !ofDaemonSet && !mirror && status?.phase !== "Succeeded" && status?.phase !== "Failed";
    });
}

/**
 * Why pods may not be taken off their node without consent; undefined when all may. As kubectl drain has it: a pod
 * without a controller is lost for good, and data in an emptyDir goes with its pod. No consent covers a run of this
 * program, which may have a node out of service itself. What is leaving already is not held up.
 */
export function refuseToDrain(pods: V1Pod[], consent: DrainConsent): string | undefined {
    const staying = stayingOf(pods);
    const runs = staying.filter(isRun);
    if (runs.length > 0) {
        return (
            `another run of kamino is on it, and would be ended with it: ${shorten(runs.map(nameOf))}; run again once it has ended, or keep ` +
            "runs off this pool's nodes (kamino:schedule.nodeSelector)"
        );
    }
    const bare = staying.filter(({ metadata }) => !metadata?.ownerReferences?.some(({ controller }) => controller));
    const local = staying.filter(({ spec }) => spec?.volumes?.some(({ emptyDir }) => emptyDir !== undefined));
    const reasons = [
        !consent.deleteBarePods && bare.length > 0
            ? `no controller would make these pods anew (kamino:deleteBarePods): ${shorten(bare.map(nameOf))}`
            : undefined,
        !consent.deleteEmptyDirData && local.length > 0
            ? `these pods would lose what is in their emptyDir volumes (kamino:deleteEmptyDirData): ${shorten(local.map(nameOf))}`
            : undefined,
    ].filter((reason) => reason !== undefined);
    return reasons.length > 0 ? reasons.join("; ") : undefined;
}

/** Another run of this program is on the node: for now, and no fault of the node's. */
export class OtherRunError extends UserError {}

const stayingOf = (pods: V1Pod[]) => podsToGo(pods).filter((pod) => !isLeaving(pod));
const runsOn = (pods: V1Pod[]) => stayingOf(pods).filter(isRun);
const nameOf = ({ metadata }: V1Pod) => `${metadata?.namespace}/${metadata?.name}`;
const isLeaving = ({ metadata }: V1Pod) => metadata?.deletionTimestamp !== undefined;

/**
 * Evicts every pod that has to go, and waits until all have gone.
 *
 * @throws UserError in one line that names the pods that have not gone, and the budgets that keep them
 */
export async function drain(cluster: Kubernetes, options: DrainOptions): Promise<void> {
    const refusals = new Map<string, string>();
    const evictAll = async () => {
        const pods = await podsOnNode(cluster, options.node);
        refuseUnlessAllowed(pods, options);
        options.progress?.(pods.length);
        await Promise.all(
            pods
                .filter((pod) => !isLeaving(pod))
                .map(async (pod) => {
                    const refusal = await evict(cluster, pod, options.gracePeriod);
                    refusals.set(nameOf(pod), refusal ?? "");
                }),
        );
        return pods.length === 0 ? true : undefined;
    };
    const { signal } = options;
    let left: V1Pod[] = [];
    if (!(await until({ limit: options.drainTimeout, signal }, evictAll))) {
        left = options.force ? await deleteAll(cluster, options) : await podsOnNode(cluster, options.node);
    }
    if (left.length > 0) {
        const each = left.map((pod) =>
            [nameOf(pod), isLeaving(pod) ? "it is ending" : refusals.get(nameOf(pod))].filter(Boolean).join(": "),
        );
        throw new UserError(
            `node ${options.node} was not drained within ${options.drainTimeout / 1000} s: ${shorten(each)}; ` +
                "raise kamino:drainTimeout, relax the budgets, or set kamino:force",
        );
    }
}

function refuseUnlessAllowed(pods: V1Pod[], { node, ...consent }: DrainConsent & { node: string }): void {
    const reason = refuseToDrain(pods, consent);
    if (reason) {
        const Refusal = runsOn(pods).length > 0 ? OtherRunError : UserError;
        throw new Refusal(`node ${node} is not drained: ${reason}`);
    }
}

/**
 * Looks at a node before anything is done to it.
 *
 * @throws UserError in one line when a pod on it may not be taken off it
 */
export async function checkDrain(cluster: Kubernetes, node: string, consent: DrainConsent): Promise<void> {
    refuseUnlessAllowed(await podsOnNode(cluster, node), { ...consent, node });
}

const MOST_NAMED = 3;
const LONGEST = 150;

function shorten(each: string[]): string {
    const more = each.length - MOST_NAMED;
    const named = each.slice(0, MOST_NAMED).map((one) => truncate(one, LONGEST));
    return named.join(", ") + (more > 0 ? `, and ${more} more` : "");
}

async function podsOnNode({ core }: Kubernetes, node: string): Promise<V1Pod[]> {
    const { items } = await withRetries(() => core.listPodForAllNamespaces({ fieldSelector: `spec.nodeName=${node}` }));
    return podsToGo(items);
}

/**
 * Asks for one pod's eviction.
 *
 * @returns undefined when it goes or has gone, else why not now: the API server answers 429 while a budget does not
 * allow it, and 500 for a pod with several budgets (https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/)
 */
async function evict({ core }: Kubernetes, pod: V1Pod, gracePeriod?: number): Promise<string | undefined> {
    const { name = "", namespace = "", uid } = pod.metadata ?? {};
    const deleteOptions = { gracePeriodSeconds: inSeconds(gracePeriod), preconditions: { uid } };
    try {
        await core.createNamespacedPodEviction({
            name,
            namespace,
            body: { metadata: { name, namespace }, deleteOptions },
        });
        return undefined;
    } catch (error) {
        const status = statusOf(error);
        // Gone; or another pod of that name has come, which the next look at the node shows if it is here.
        if (status === 404 || status === 409) {
            return undefined;
        }
        if (status === 429 || status === undefined || status >= 500) {
            return causeOf(error, "DisruptionBudget") ?? oneLine(error);
        }
        // Its namespace is being deleted, and the pod with it: https://github.com/kubernetes/kubectl/blob/master/pkg/drain/drain.go
        const terminating = status === 403 ? causeOf(error, "NamespaceTerminating") : undefined;
        if (terminating) {
            return terminating;
        }
        throw new UserError(`pod ${namespace}/${name} cannot be evicted: ${oneLine(error)}`);
    }
}

/** What the API server says of one cause of a refusal, as in "The disruption budget web needs 2 healthy pods …". */
function causeOf(error: unknown, cause: "DisruptionBudget" | "NamespaceTerminating"): string | undefined {
    const body = (error as { body?: unknown }).body;
    try {
        const status = (typeof body === "string" ? JSON.parse(body) : body) as {
            details?: { causes?: { reason?: string; message?: string }[] };
        };
        return status.details?.causes?.find(({ reason }) => reason === cause)?.message;
    } catch {
        return undefined;
    }
}

function inSeconds(milliseconds: number | undefined): number | undefined {
    return milliseconds === undefined ? undefined : Math.round(milliseconds / 1000);
}

/** How much longer than its grace period a deleted pod may take to go. */
const MARGIN_MS = 30_000;

/** Deletes what would not go: first with its grace period, then without. @returns what is left even so */
async function deleteAll(cluster: Kubernetes, { node, gracePeriod, signal, progress }: DrainOptions): Promise<V1Pod[]> {
    for (const grace of [gracePeriod, 0]) {
        const pods = await podsOnNode(cluster, node);
        const longest = Math.max(0, ...pods.map(({ spec }) => (spec?.terminationGracePeriodSeconds ?? 30) * 1000));
        await Promise.all(pods.map((pod) => deletePod(cluster, pod, grace)));
        await until({ limit: (grace ?? longest) + MARGIN_MS, signal }, async () => {
            const left = await podsOnNode(cluster, node);
            progress?.(left.length);
            return left.length === 0 ? true : undefined;
        });
    }
    return podsOnNode(cluster, node);
}

async function deletePod({ core }: Kubernetes, { metadata }: V1Pod, gracePeriod?: number): Promise<void> {
    const { name = "", namespace = "", uid } = metadata ?? {};
    const body = { gracePeriodSeconds: inSeconds(gracePeriod), preconditions: { uid } };
    await withRetries(() => core.deleteNamespacedPod({ name, namespace, body })).catch((error: unknown) => {
        if (statusOf(error) !== 404 && statusOf(error) !== 409) {
            throw new UserError(`pod ${namespace}/${name} cannot be deleted: ${oneLine(error)}`);
        }
    });
}

/** How long volumes may take to be unmounted: https://github.com/kubernetes/kubernetes/issues/50944 has minutes. */
const VOLUMES_LIMIT = 5 * 60_000;

/**
 * Waits until no volume is in use on a drained node. Pods are gone from the API server before their volumes are
 * unmounted; a machine that goes off before keeps them attached for six minutes, and nobody else can use them.
 *
 * @throws UserError in one line that names what is still in use
 */
export async function waitForVolumes(
    node: string,
    read: () => Promise<V1Node | undefined>,
    {
        signal,
        progress,
        limit = VOLUMES_LIMIT,
    }: { signal?: AbortSignal; progress?: (left: number) => void; limit?: number },
): Promise<void> {
    let inUse: string[] = [];
    const free = await until({ limit, signal }, async () => {
        inUse = (await read())?.status?.volumesInUse ?? [];
        progress?.(inUse.length);
        return inUse.length === 0 ? true : undefined;
    });
    if (!free) {
        throw new UserError(
            `volumes were still in use on node ${node} ${Math.round(limit / 60_000)} minutes after its pods had gone: ` +
                `${shorten(inUse)}; unmount them, or take another node (node of the pool in kamino:pools)`,
        );
    }
}
