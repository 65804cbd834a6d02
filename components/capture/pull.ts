// The cleaner's image on the node before anything is drained: a registry that is away or limits its pulls costs no node
// its service.
import type { V1Container, V1Pod } from "@kubernetes/client-node";
import { UserError } from "../core/errors";
import { SHORT_PAUSE_MS, until } from "../core/retry";
import type { Kubernetes } from "../node/kubernetes";
import { podName } from "./names";
import {
    containerStatus,
    createPod,
    ensureNamespace,
    hasStarted,
    messageOf,
    podOf,
    readPod,
    reasonOf,
    removePodAndWait,
    START_LIMIT,
    type PodSecurityLevel,
} from "./pods";

/** What a node is to pull, and for what. */
export interface Pull {
    node: string;
    version: string;
    namespace: string;
    image: string;
}

const POD_DEADLINE_SECONDS = 600;
const SYNC = "sync";

/**
 * A pod on the node that pulls the image, writes the machine's caches to its disks, and ends. sync(2) needs no rights
 * and is about all file systems of the machine, so the pod has none: it fits the strictest level of Pod Security.
 */
export function syncPod({ node, version, namespace, image }: Pull): V1Pod {
    const container: V1Container = {
        name: SYNC,
        image,
        imagePullPolicy: "IfNotPresent",
        command: ["/bin/sh", "-c", "sync"],
        terminationMessagePolicy: "FallbackToLogsOnError",
        securityContext: {
            allowPrivilegeEscalation: false,
            capabilities: { drop: ["ALL"] },
            readOnlyRootFilesystem: true,
        },
        resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { memory: "64Mi" } },
    };
    return podOf(
        { name: podName({ node, version }, "sync"), namespace },
        { node, version },
        {
            nodeName: node,
            activeDeadlineSeconds: POD_DEADLINE_SECONDS,
            tolerations: [{ operator: "Exists" }],
            securityContext: {
                runAsNonRoot: true,
                runAsUser: 65534,
                runAsGroup: 65534,
                seccompProfile: { type: "RuntimeDefault" },
            },
            containers: [container],
        },
    );
}

const PULLED = /^(?:[\w-]+:\/\/)?([^@\s]+@sha256:[0-9a-f]{64})$/;

/**
 * The image by the digest that the node has pulled for a container, so that what runs later is what was pulled now,
 * whatever its tag points at by then. As configured where that names a digest already, and where the node knows no
 * digest: an image that was loaded onto it without a registry.
 *
 * @param configured the image as the container names it
 */
export function byDigest(pod: V1Pod, container: string, configured: string): string {
    const pulled = PULLED.exec(containerStatus(pod, container)?.imageID ?? "");
    return configured.includes("@") || !pulled ? configured : pulled[1];
}

/**
 * Has the image pulled to the node, and its caches written.
 *
 * @param wait "started": the image is there; "ended": the caches are written, too
 * @param namespaceLevel what the pods that follow need of Pod Security, for a namespace that has yet to be made
 * @returns the image by its digest, for the pods that follow
 * @throws UserError in one line when the node cannot pull the image
 */
export async function pullAndSync(
    cluster: Kubernetes,
    pull: Pull,
    {
        wait,
        namespaceLevel,
        signal,
    }: { wait: "started" | "ended"; namespaceLevel: PodSecurityLevel; signal: AbortSignal },
): Promise<string> {
    const pod = syncPod(pull);
    const place = { name: pod.metadata?.name ?? "", namespace: pull.namespace };
    await ensureNamespace(cluster, pull.namespace, namespaceLevel);
    await removePodAndWait(cluster, place);
    await createPod(cluster, pod, "the pod", "see docs/permissions.md for what the namespace needs", signal);
    const patience = { limit: START_LIMIT, longestPause: SHORT_PAUSE_MS, signal };
    const image = await until(patience, async () => {
        const read = await readPod(cluster, place);
        const ok = read && (wait === "started" ? hasStarted(read, SYNC) : messageOf(read, SYNC) !== undefined);
        if (ok) {
            return byDigest(read, SYNC, pull.image);
        }
        if (!read || read.status?.phase === "Failed") {
            throw new UserError(
                `pod ${place.namespace}/${place.name} failed: ${read ? reasonOf(read) : "it was deleted"}`,
            );
        }
        return undefined;
    });
    const reason = image ? "" : reasonOf((await readPod(cluster, place)) ?? {});
    await removePodAndWait(cluster, place);
    if (!image) {
        throw new UserError(
            `image ${pull.image} could not be run on the node within ${START_LIMIT / 60_000} minutes: ${reason}; check ` +
                "kamino:cleanerImage and whether the node can pull it",
        );
    }
    return image;
}

/** Takes away what `pullAndSync` may have left. */
export async function removeSyncPod(cluster: Kubernetes, pull: Omit<Pull, "image">): Promise<void> {
    await removePodAndWait(cluster, { name: podName(pull, "sync"), namespace: pull.namespace });
}
