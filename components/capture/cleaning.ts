// The cleaning pod: runs clean.sh on a node, as the one privileged thing that this program ever starts, and switches the node off.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { V1Pod } from "@kubernetes/client-node";
import { UserError, oneLine, statusOf } from "../core/errors";
import type { Kubernetes } from "../node/kubernetes";
import { podName } from "./names";
import { isReady, readNode } from "../node/node";
import type { Vm } from "../azure/vm";
import { persistently, until } from "../core/retry";
import { brief } from "../core/errors";

const MINUTE = 60_000;
/** An image has to be pulled at most; the script itself takes seconds. */
const START_LIMIT = 5 * MINUTE;
/** From the pod's start until Azure says that the VM is off. */
const OFF_LIMIT = 10 * MINUTE;
/** How long Azure may take to notice that a guest has switched itself off, before it is told to. */
const NOTICE_LIMIT = 2 * MINUTE;
const POD_DEADLINE_SECONDS = 600;

/** What a cleaning pod is made for. */
export interface Cleaning {
    node: string;
    version: string;
    namespace: string;
    image: string;
}

/**
 * The pod, bound to its node past the scheduler. It is privileged and sees the whole disk, since it clears the machine's identity and
 * triggers its power-off; it has no credentials of the cluster, does nothing twice, and ends by itself.
 */
export function cleaningPod({ node, version, namespace, image }: Cleaning): V1Pod {
    return {
        metadata: {
            name: podName({ node, version }),
            namespace,
            labels: { "app.kubernetes.io/name": "kamino", "app.kubernetes.io/component": "capture" },
            annotations: { "kamino/node": node, "kamino/version": version },
        },
        spec: {
            nodeName: node,
            restartPolicy: "Never",
            activeDeadlineSeconds: POD_DEADLINE_SECONDS,
            terminationGracePeriodSeconds: 1,
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            dnsPolicy: "Default",
            // A taint must not keep it from the node that it is for.
            tolerations: [{ operator: "Exists" }],
            containers: [
                {
                    name: "clean",
                    image,
                    imagePullPolicy: "IfNotPresent",
                    // The script is an argument and the names are variables: nothing is ever put together to a command line.
                    command: ["/bin/sh", "-c", script()],
                    env: [
                        { name: "HOST_ROOT", value: "/host" },
                        { name: "KAMINO_NODE", value: node },
                        { name: "KAMINO_VERSION", value: version },
                    ],
                    // What went wrong is then in the pod's status, and nobody needs the right to read logs.
                    terminationMessagePolicy: "FallbackToLogsOnError",
                    securityContext: { privileged: true, runAsUser: 0, runAsGroup: 0, readOnlyRootFilesystem: true },
                    resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { memory: "64Mi" } },
                    volumeMounts: [{ name: "host", mountPath: "/host" }],
                },
            ],
            volumes: [{ name: "host", hostPath: { path: "/", type: "Directory" } }],
        },
    };
}

function script(): string {
    return readFileSync(join(__dirname, "clean.sh"), "utf8");
}

// https://kubernetes.io/docs/concepts/security/pod-security-admission/
export const POD_SECURITY = Object.fromEntries(
    ["enforce", "audit", "warn"].map((mode) => [`pod-security.kubernetes.io/${mode}`, "privileged"]),
) as Record<string, string>;

/** Makes the namespace of the cleaning pods, which Pod Security lets be privileged, unless it is there. */
export async function ensureNamespace({ core }: Kubernetes, name: string): Promise<void> {
    try {
        await persistently(() => core.readNamespace({ name }));
    } catch (error) {
        if (statusOf(error) !== 404) {
            throw error;
        }
        const labels = { "app.kubernetes.io/name": "kamino", ...POD_SECURITY };
        await persistently(() => core.createNamespace({ body: { metadata: { name, labels } } })).catch(
            (reason: unknown) => {
                // Another pool's capture was quicker.
                if (statusOf(reason) !== 409) {
                    throw reason;
                }
            },
        );
    }
}

/**
 * Cleans the node's disk and waits until its VM is off.
 *
 * @throws UserError in one line when the pod cannot start or fails, or the VM stays on
 */
export async function cleanAndPowerOff(
    cluster: Kubernetes,
    vm: Vm,
    cleaning: Cleaning,
    signal: AbortSignal,
): Promise<void> {
    await ensureNamespace(cluster, cleaning.namespace);
    await createPod(cluster, cleaning, signal);
    const begun = Date.now();
    let quietSince: number | undefined;
    const off = await until({ limit: OFF_LIMIT, signal }, async () => {
        const [power, pod] = await Promise.all([vm.power(), readPod(cluster, cleaning)]);
        if (isOff(power)) {
            return true;
        }
        const phase = pod?.status?.phase ?? "Pending";
        if (phase === "Failed" || !pod) {
            throw new UserError(
                `the cleaning pod ${where(cleaning)} failed: ${pod ? reasonOf(pod) : "it was deleted"}`,
            );
        }
        if (phase === "Pending" && Date.now() - begun > START_LIMIT) {
            throw new UserError(
                `the cleaning pod ${where(cleaning)} did not start within ${START_LIMIT / MINUTE} minutes: ${reasonOf(pod)}; ` +
                    "check kamino:cleanerImage and whether the node can pull it",
            );
        }
        quietSince = (await hasGoneQuiet(cluster, cleaning.node, phase)) ? (quietSince ?? Date.now()) : undefined;
        if (quietSince !== undefined && Date.now() - quietSince > NOTICE_LIMIT) {
            await vm.powerOff(signal);
        }
        return undefined;
    });
    if (!off) {
        throw new UserError(
            `node ${cleaning.node} did not power off within ${OFF_LIMIT / MINUTE} minutes after its disk was cleaned`,
        );
    }
}

/** Whether the script must be through: it ended, or kubelet, which was there a moment ago, is silent. */
async function hasGoneQuiet(cluster: Kubernetes, node: string, phase: string): Promise<boolean> {
    if (phase === "Succeeded") {
        return true;
    }
    const read = phase === "Running" ? await readNode(cluster, node) : undefined;
    return read !== undefined && !isReady(read);
}

/** Off: the guest does not run, whether or not its place is kept. */
export function isOff(power: string): boolean {
    return power === "stopped" || power === "deallocated";
}

async function createPod(cluster: Kubernetes, cleaning: Cleaning, signal: AbortSignal): Promise<void> {
    const body = cleaningPod(cleaning);
    // The service account that every pod must have comes a moment after its namespace.
    await until({ limit: 30_000, signal }, async () => {
        try {
            return await persistently(
                () => cluster.core.createNamespacedPod({ namespace: cleaning.namespace, body }),
                signal,
            );
        } catch (error) {
            if (/serviceaccount "default" not found/.test(oneLine(error))) {
                return undefined;
            }
            throw new UserError(
                `the cleaning pod ${where(cleaning)} cannot be created: ${brief(error, 250)}; ` +
                    "its namespace must let pods be privileged (pod-security.kubernetes.io/enforce)",
            );
        }
    });
}

async function readPod({ core }: Kubernetes, { namespace, ...of }: Pick<Cleaning, "node" | "version" | "namespace">) {
    try {
        return await persistently(() => core.readNamespacedPod({ name: podName(of), namespace }));
    } catch (error) {
        if (statusOf(error) === 404) {
            return undefined;
        }
        throw error;
    }
}

/**
 * Deletes the cleaning pod, so that it can never run on the node again once that is started. On a node that is off, whose kubelet
 * cannot confirm it, it is struck from the API server's list at once.
 *
 * @returns "none" when there was no pod; "stopped" when kubelet has confirmed that it no longer runs; "unknown" when that cannot be told
 */
export async function deletePod(
    cluster: Kubernetes,
    vm: Vm,
    cleaning: Pick<Cleaning, "node" | "version" | "namespace">,
) {
    const name = podName(cleaning);
    const { namespace } = cleaning;
    const remove = (gracePeriodSeconds: number) =>
        persistently(() => cluster.core.deleteNamespacedPod({ name, namespace, gracePeriodSeconds })).catch(
            (error: unknown) => {
                if (statusOf(error) !== 404) {
                    throw error;
                }
            },
        );
    if (!(await readPod(cluster, cleaning))) {
        return "none";
    }
    if (!isOff(await vm.power())) {
        await remove(1);
        const gone = await until({ limit: 30_000 }, async () =>
            (await readPod(cluster, cleaning)) ? undefined : true,
        );
        if (gone) {
            return "stopped";
        }
    }
    await remove(0);
    return "unknown";
}

function where({ node, version, namespace }: Cleaning): string {
    return `${namespace}/${podName({ node, version })} on node ${node}`;
}

/** Why a pod is where it is, as far as its status tells. */
function reasonOf({ status }: V1Pod): string {
    const state = status?.containerStatuses?.[0]?.state;
    const said = [
        state?.terminated?.message ?? state?.terminated?.reason,
        state?.waiting?.message ?? state?.waiting?.reason,
        status?.message ?? status?.reason,
    ].find(Boolean);
    return said?.trim() ?? "no reason given";
}
