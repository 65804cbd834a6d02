// The cleaning pod of an in-place capture: runs clean.sh on the node, says that it is done, and switches the node off.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { V1Container, V1Pod } from "@kubernetes/client-node";
import type { ScaleSetVm } from "../azure/vm";
import { MINUTE } from "../core/duration";
import { UserError } from "../core/errors";
import { PROJECT } from "../core/project";
import { until } from "../core/retry";
import type { Kubernetes } from "../node/kubernetes";
import { isReady, readNode } from "../node/node";
import { podName } from "./names";
import { isOff, passing } from "./power";
import {
    START_LIMIT,
    containerStatus,
    createPod,
    hasStarted,
    messageOf,
    podOf,
    readPod,
    reasonOf,
    removePod,
    removePodAndWait,
} from "./pods";

/** From the pod's start until Azure says that the VM is off. */
const OFF_LIMIT = 10 * MINUTE;
/** How long Azure may take to notice that a guest has switched itself off, before Azure switches it off. */
const NOTICE_LIMIT = 2 * MINUTE;
const POD_DEADLINE_SECONDS = 600;
/**
 * For kubelet to report the end of the first container. It does so at once, and again after 10 seconds if that was
 * lost.
 */
const REPORT_SECONDS = 5;

/** The scripts of both ways to clean, with what they share. */
export function cleaningScript(capture: "in-place" | "copy"): string {
    const read = (name: string) => readFileSync(join(PROJECT, "components", "capture", name), "utf8");
    return read("cleanCommon.sh") + read(capture === "copy" ? "cleanCopy.sh" : "clean.sh");
}

/** What a cleaning pod is made for. */
export interface Cleaning {
    node: string;
    version: string;
    namespace: string;
    image: string;
    /** Further paths to remove, from the disk's root. */
    cleanPaths?: string[];
}

/** Where a cleaning pod is. */
export type CleaningPlace = Pick<Cleaning, "node" | "version" | "namespace">;

/** The container whose end, once the API server has it, proves that the disk was cleaned. */
const CLEAN = "clean";

/**
 * The pod, bound to its node past the scheduler. It is privileged and sees the whole disk, since it clears the
 * machine's identity and triggers its power-off; it has no credentials of the cluster, does nothing twice, and ends by
 * itself.
 *
 * The first container cleans, and ends with what it did as its termination message. The second one starts only after it
 * has ended well, leaves kubelet time to report that, and cuts the power.
 */
export function cleaningPod(cleaning: Cleaning): V1Pod {
    const { node, version, namespace } = cleaning;
    return podOf({ name: podName({ node, version }), namespace }, cleaning, {
        nodeName: node,
        activeDeadlineSeconds: POD_DEADLINE_SECONDS,
        // A taint must not keep it from the node that it is for.
        tolerations: [{ operator: "Exists" }],
        initContainers: [container(cleaning, CLEAN)],
        containers: [container(cleaning, "power-off")],
        volumes: [{ name: "host", hostPath: { path: "/", type: "Directory" } }],
    });
}

function container({ node, version, image, cleanPaths = [] }: Cleaning, step: "clean" | "power-off"): V1Container {
    return {
        name: step,
        image,
        imagePullPolicy: "IfNotPresent",
        // The script is an argument and the names are variables: nothing is ever put together to a command line.
        command: ["/bin/sh", "-c", cleaningScript("in-place")],
        env: [
            { name: "HOST_ROOT", value: "/host" },
            { name: "KAMINO_NODE", value: node },
            { name: "KAMINO_VERSION", value: version },
            { name: "KAMINO_STEP", value: step },
            { name: "KAMINO_WAIT", value: step === "clean" ? "0" : String(REPORT_SECONDS) },
            { name: "KAMINO_CLEAN_PATHS", value: cleanPaths.join("\n") },
            { name: "KAMINO_RESULT", value: "/dev/termination-log" },
        ],
        terminationMessagePath: "/dev/termination-log",
        // What went wrong is then in the pod's status, and nobody needs the right to read logs.
        terminationMessagePolicy: "FallbackToLogsOnError",
        securityContext: { privileged: true, runAsUser: 0, runAsGroup: 0, readOnlyRootFilesystem: true },
        resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { memory: "64Mi" } },
        volumeMounts: [{ name: "host", mountPath: "/host" }],
    };
}

/** Whether the API server shows that the script has cleaned the disk for this version. */
export function provesCleaning(pod: V1Pod | undefined, version: string): boolean {
    const message = pod && messageOf(pod, CLEAN);
    try {
        return (JSON.parse(message ?? "") as { cleaned?: unknown } | null)?.cleaned === version;
    } catch {
        return false;
    }
}

/**
 * Whether a node's disk may have been changed, by what the API server knows of the cleaning pod.
 *
 * @param begun whether there was to be such a pod: what counts where it has gone
 */
export async function mayHaveCleaned(cluster: Kubernetes, place: CleaningPlace, begun: boolean): Promise<boolean> {
    const pod = await readPod(cluster, placeOf(place));
    return pod ? !provesUntouched(pod) : begun;
}

/** Whether a cleaning pod shows that it has changed nothing: it waits for its image, or has refused the disk. */
export function provesUntouched(pod: V1Pod): boolean {
    const state = containerStatus(pod, CLEAN)?.state;
    return state?.waiting !== undefined || /; the disk is not changed\s*$/.test(state?.terminated?.message ?? "");
}

/**
 * Creates the cleaning pod.
 *
 * @throws UserError in one line when it is not admitted
 */
export async function createCleaningPod(cluster: Kubernetes, cleaning: Cleaning, signal: AbortSignal): Promise<void> {
    const advice = "its namespace must let pods be privileged (pod-security.kubernetes.io/enforce)";
    await createPod(cluster, cleaningPod(cleaning), "the cleaning pod", advice, signal);
}

/**
 * Waits until the pod has cleaned the node's disk and the VM is off.
 *
 * @throws UserError in one line when the pod cannot start or fails, when the VM goes off without a proof that its disk
 * was cleaned, or when it stays on
 */
export async function waitUntilCleanAndOff(
    cluster: Kubernetes,
    vm: ScaleSetVm,
    cleaning: Cleaning,
    signal: AbortSignal,
): Promise<void> {
    const begun = Date.now();
    let quietSince: number | undefined;
    const letPass = passing("the VM could not be switched off");
    const off = await until({ limit: OFF_LIMIT, signal }, async () => {
        const power = await vm.power();
        // After the power: what kubelet has reported until then is all that it will report.
        const pod = await readPod(cluster, placeOf(cleaning));
        const cleaned = provesCleaning(pod, cleaning.version);
        if (isOff(power)) {
            if (!cleaned) {
                throw new UserError(
                    "its VM is off, but nothing shows that its disk was cleaned before, so no snapshot is taken of it: " +
                        (pod ? reasonOf(pod) : "the cleaning pod was deleted"),
                );
            }
            return true;
        }
        refuseFailed(cleaning, pod, begun);
        quietSince =
            cleaned && (await hasGoneQuiet(cluster, cleaning.node, pod)) ? (quietSince ?? Date.now()) : undefined;
        if (quietSince !== undefined && Date.now() - quietSince > NOTICE_LIMIT) {
            await vm.powerOff(signal).catch(letPass);
        }
        return undefined;
    });
    if (!off) {
        throw new UserError(
            `node ${cleaning.node} did not power off within ${OFF_LIMIT / MINUTE} minutes after its disk was cleaned`,
        );
    }
}

function refuseFailed(cleaning: Cleaning, pod: V1Pod | undefined, begun: number): void {
    const phase = pod?.status?.phase ?? "Pending";
    if (!pod || phase === "Failed") {
        throw new UserError(`the cleaning pod ${where(cleaning)} failed: ${pod ? reasonOf(pod) : "it was deleted"}`);
    }
    if (phase === "Pending" && !hasStarted(pod, CLEAN) && Date.now() - begun > START_LIMIT) {
        throw new UserError(
            `the cleaning pod ${where(cleaning)} did not start within ${START_LIMIT / MINUTE} minutes: ${reasonOf(pod)}; ` +
                "check kamino:cleanerImage and whether the node can pull it",
        );
    }
}

/** Whether the pod must be through: it ended, or kubelet, which was there a moment ago, is silent. */
async function hasGoneQuiet(cluster: Kubernetes, node: string, pod: V1Pod | undefined): Promise<boolean> {
    if (pod?.status?.phase === "Succeeded") {
        return true;
    }
    const read = await readNode(cluster, node);
    return read !== undefined && !isReady(read);
}

/**
 * Deletes the cleaning pod, so that it can never run on the node again once that is started. On a node that is off,
 * whose kubelet cannot confirm it, it is removed from the API server's list at once.
 *
 * @returns "none" when there was no pod; "stopped" when kubelet has confirmed that it no longer runs; "unknown" when
 *     that cannot be known
 */
export async function deleteCleaningPod(
    cluster: Kubernetes,
    vm: ScaleSetVm,
    cleaning: CleaningPlace,
): Promise<"none" | "stopped" | "unknown"> {
    const place = placeOf(cleaning);
    if (!(await readPod(cluster, place))) {
        return "none";
    }
    if (!isOff(await vm.power()) && (await removePodAndWait(cluster, place))) {
        return "stopped";
    }
    await removePod(cluster, place, 0);
    return "unknown";
}

function placeOf({ node, version, namespace }: CleaningPlace) {
    return { name: podName({ node, version }), namespace };
}

function where(cleaning: CleaningPlace): string {
    return `${cleaning.namespace}/${podName(cleaning)} on node ${cleaning.node}`;
}
