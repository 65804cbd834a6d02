// The pods that a capture starts: making them, waiting for them, reading why they are where they are, and taking them
// away.
import {
    PatchStrategy,
    setHeaderOptions,
    type V1ContainerStatus,
    type V1Namespace,
    type V1Pod,
} from "@kubernetes/client-node";
import { createObject } from "./created";
import { MINUTE } from "../core/duration";
import { UserError, brief, oneLine, orUndefined, statusOf } from "../core/errors";
import { SHORT_PAUSE_MS, withRetries, until } from "../core/retry";
import type { Kubernetes } from "../node/kubernetes";
import { OWN_LABEL, hasOwnLabel } from "../node/ownLabel";

/** At most an image has to be pulled. */
export const START_LIMIT = 5 * MINUTE;

/** Where a pod is. */
export interface PodPlace {
    name: string;
    namespace: string;
}

/**
 * What Pod Security lets the pods of a namespace do:
 * https://kubernetes.io/docs/concepts/security/pod-security-admission/
 */
export type PodSecurityLevel = "privileged" | "baseline" | "restricted";

/** The labels by which Pod Security lets the pods of a namespace do this much. */
export function podSecurity(level: PodSecurityLevel): Record<string, string> {
    return Object.fromEntries(
        ["enforce", "audit", "warn"].map((mode) => [`pod-security.kubernetes.io/${mode}`, level]),
    );
}

/** Makes the namespace of a capture's pods, with what they need of Pod Security, unless it is there. */
export async function ensureNamespace(cluster: Kubernetes, name: string, level: PodSecurityLevel): Promise<void> {
    const { core } = cluster;
    const found = await orUndefined(withRetries(() => core.readNamespace({ name })));
    if (found) {
        await allow(cluster, found, level);
        return;
    }
    const labels = { ...OWN_LABEL, ...podSecurity(level) };
    await withRetries(() => core.createNamespace({ body: { metadata: { name, labels } } })).catch((error: unknown) => {
        // Another pool's capture was quicker.
        if (statusOf(error) !== 409) {
            throw error;
        }
    });
}

/**
 * Lets an existing namespace have pods of a level, where it is this program's: one that captures by a copy have made
 * allows no privileged ones. Somebody else's is left as it is.
 */
async function allow({ core }: Kubernetes, { metadata }: V1Namespace, level: PodSecurityLevel): Promise<void> {
    const enforce = "pod-security.kubernetes.io/enforce";
    const [name, enforced] = [metadata?.name ?? "", metadata?.labels?.[enforce]];
    if (level !== "privileged" || enforced === undefined || enforced === level) {
        return;
    }
    const isOwn = hasOwnLabel(metadata?.labels);
    const body = { metadata: { labels: podSecurity(level) } };
    const merge = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
    try {
        if (isOwn) {
            await withRetries(() => core.patchNamespace({ name, body }, merge));
            return;
        }
    } catch (error) {
        if (statusOf(error) !== 403) {
            throw error;
        }
    }
    throw new UserError(
        `namespace ${name} enforces ${enforced} pods, and a capture in place needs privileged ones: kubectl label namespace ${name} ` +
            `${enforce}=privileged --overwrite, or set kamino:captureNamespace to another one`,
    );
}

const COMPONENT_LABEL = "app.kubernetes.io/component";

/** Whether a pod is a run of this program: of a schedule or an operator's workspace, and not a pod of a capture. */
export function isRun({ metadata }: V1Pod): boolean {
    const { labels = {} } = metadata ?? {};
    return hasOwnLabel(labels) && labels[COMPONENT_LABEL] !== "capture";
}

/** What all pods of a capture have in common: labels, no credentials of the cluster, an end. */
export function podOf(
    { name, namespace }: PodPlace,
    of: { node: string; version: string },
    spec: Omit<NonNullable<V1Pod["spec"]>, "restartPolicy"> & { activeDeadlineSeconds: number },
): V1Pod {
    return {
        metadata: {
            name,
            namespace,
            labels: { ...OWN_LABEL, [COMPONENT_LABEL]: "capture" },
            annotations: { "kamino/node": of.node, "kamino/version": of.version },
        },
        spec: {
            restartPolicy: "Never",
            terminationGracePeriodSeconds: 1,
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            dnsPolicy: "Default",
            ...spec,
        },
    };
}

/**
 * Creates a pod.
 *
 * @param advice what to do when it is not admitted
 * @returns the pod as it was admitted
 * @throws UserError in one line
 */
export async function createPod(
    { core }: Kubernetes,
    body: V1Pod,
    what: string,
    advice: string,
    signal?: AbortSignal,
): Promise<V1Pod> {
    const { namespace = "", name = "" } = body.metadata ?? {};
    const create = (pod: V1Pod) => core.createNamespacedPod({ namespace, body: pod });
    const read = () => core.readNamespacedPod({ name, namespace });
    // The service account that every pod must have comes a moment after its namespace.
    const created = await until({ limit: 30_000, signal }, async () => {
        try {
            return await createObject(body, { create, read, signal });
        } catch (error) {
            if (/serviceaccount "default" not found/.test(oneLine(error))) {
                return undefined;
            }
            throw new UserError(`${what} ${namespace}/${name} cannot be created: ${brief(error, 250)}; ${advice}`);
        }
    });
    if (!created) {
        throw new UserError(`${what} ${namespace}/${name} cannot be created: its namespace has no service account`);
    }
    return created;
}

/**
 * What a webhook or an SCC has added to a pod that changes the files of its volumes: kubelet gives them all to an
 * fsGroup, and the container runtime labels them anew by SELinux options.
 */
export function ownershipChanges(asked: V1Pod, admitted: V1Pod): string[] {
    const group = ({ spec }: V1Pod) => spec?.securityContext?.fsGroup;
    const labels = ({ spec }: V1Pod) => {
        const parts = [spec, ...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
        return JSON.stringify(parts.flatMap((part) => part?.securityContext?.seLinuxOptions ?? []));
    };
    return [
        ...(group(asked) === group(admitted) ? [] : [`fsGroup ${group(admitted)}`]),
        ...(labels(asked) === labels(admitted) ? [] : ["seLinuxOptions"]),
    ];
}

/** The pod, or undefined when there is none of this name. */
export function readPod({ core }: Kubernetes, place: PodPlace): Promise<V1Pod | undefined> {
    return orUndefined(withRetries(() => core.readNamespacedPod(place)));
}

/** Asks for a pod's deletion; one that has gone is fine. */
export async function removePod({ core }: Kubernetes, place: PodPlace, gracePeriodSeconds: number): Promise<void> {
    await orUndefined(withRetries(() => core.deleteNamespacedPod({ ...place, gracePeriodSeconds })));
}

/** Deletes a pod and waits until it has gone. @returns whether it has */
export async function removePodAndWait(cluster: Kubernetes, place: PodPlace, limit = 30_000): Promise<boolean> {
    if (!(await readPod(cluster, place))) {
        return true;
    }
    await removePod(cluster, place, 1);
    const patience = { limit, longestPause: SHORT_PAUSE_MS };
    const gone = await until(patience, async () => ((await readPod(cluster, place)) ? undefined : true));
    return gone ?? false;
}

/** The status of a container of this name, an init container or not. */
export function containerStatus({ status }: V1Pod, name: string): V1ContainerStatus | undefined {
    return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].find(
        (each) => each.name === name,
    );
}

/** What a container left as its termination message when it ended well; undefined while it has not. */
export function messageOf(pod: V1Pod, container: string): string | undefined {
    const ended = containerStatus(pod, container)?.state?.terminated;
    return ended?.exitCode === 0 ? (ended.message ?? "") : undefined;
}

/** Whether a container was started once: then its image is on the node. */
export function hasStarted(pod: V1Pod, container: string): boolean {
    const state = containerStatus(pod, container)?.state;
    return state?.running !== undefined || (state?.terminated !== undefined && state.terminated.exitCode !== 128);
}

/** Why a pod is where it is, as far as its status says. */
export function reasonOf({ status }: V1Pod): string {
    const states = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].map(
        ({ state }) => state,
    );
    const failed = states.find((state) => state?.terminated && state.terminated.exitCode !== 0);
    const waiting = states.find((state) => state?.waiting && state.waiting.reason !== "PodInitializing");
    const condition = status?.conditions?.find(({ type, status }) => type === "PodScheduled" && status === "False");
    const said = [
        failed?.terminated?.message ?? failed?.terminated?.reason,
        waiting?.waiting?.message ?? waiting?.waiting?.reason,
        status?.message ?? status?.reason,
        condition?.message,
    ].find(Boolean);
    return said?.trim() ?? "no reason given";
}
