// Plays kubelet for a scheduled run: starts its pod's very command, with the pod's environment, mounts and token and
// nothing more.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { V1Container, V1EnvVar, V1Pod } from "@kubernetes/client-node";
import { execa } from "execa";
import { pluginsDirectory, repository } from "../../../sandbox/engine/paths";
import { patchPodStatus } from "../../../sandbox/nodes/api";
import type { Sandbox } from "../../../sandbox/sandbox";
import { killAll } from "./processes";

/** A scheduled run under way. */
export interface RunningPod {
    /** Its exit code and what it said; the pod's phase is then told to the API server. */
    readonly ended: Promise<{ exitCode: number; output: string }>;
    /**
     * Deletes the pod, as a person or the Job controller does: kubelet sends SIGTERM to the container's first process.
     */
    delete(): Promise<void>;
    /** What becomes of a container whose node loses power: all its processes end at the same moment. */
    kill(): void;
}

/** Keeps a deleted pod in the API server until its container has ended, as a real kubelet does. */
const FINALIZER = "sandbox.kamino/container-runs";

/** Starts the one container of a pod that the API server and its controllers made. */
export async function runPod(sandbox: Sandbox, pod: V1Pod, stateDirectory: string): Promise<RunningPod> {
    const [container] = pod.spec?.containers ?? [];
    const { name = "", namespace = "" } = pod.metadata ?? {};
    await keepPod(sandbox, pod, true);
    const here = elsewhere(await mount(sandbox, pod, container, stateDirectory), sandbox.directory);
    const [command, ...args] = [...(container.command ?? []), ...(container.args ?? [])].map(here);
    const child = execa(command, args, {
        // The image's working directory is this repository, its environment that of deploy/Dockerfile.
        cwd: repository,
        env: {
            PATH: sandbox.env.PATH,
            KAMINO_PLUGINS: pluginsDirectory,
            ...(await environment(sandbox, pod, container, here)),
        },
        extendEnv: false,
        reject: false,
        all: true,
        stdin: "ignore",
        forceKillAfterDelay: false,
    });
    const ended = child.then(async ({ exitCode = 137, all }) => {
        await patchPodStatus(sandbox.nodes.api, pod, { phase: exitCode === 0 ? "Succeeded" : "Failed" });
        await keepPod(sandbox, pod, false);
        return { exitCode, output: all };
    });
    return {
        ended,
        delete: async () => {
            await sandbox.nodes.api.core.deleteNamespacedPod({ name, namespace });
            child.kill("SIGTERM");
        },
        kill: () => killAll(child.pid ?? 0),
    };
}

async function keepPod({ nodes }: Sandbox, { metadata }: V1Pod, keep: boolean): Promise<void> {
    const at = { name: metadata?.name ?? "", namespace: metadata?.namespace ?? "" };
    const { metadata: now } = await nodes.api.core.readNamespacedPod(at);
    const others = (now?.finalizers ?? []).filter((finalizer) => finalizer !== FINALIZER);
    const finalizers = keep ? [...others, FINALIZER] : others;
    const op = now?.finalizers ? "replace" : "add";
    await nodes.api.core.patchNamespacedPod({ ...at, body: [{ op, path: "/metadata/finalizers", value: finalizers }] });
}

/** Where a pod's mounts are on this machine, by their place in the container. */
type Mounts = Map<string, string>;

/** A path of the container, or a file URL of one, as it is on this machine; what is of this machine already stays. */
function elsewhere(mounts: Mounts, machine: string): (text: string) => string {
    const place = [...mounts.keys()].sort((a, b) => b.length - a.length).join("|");
    const path = new RegExp(`^(file://)?(${place})(?=/|$)`);
    return (text) =>
        text.startsWith(machine)
            ? text
            : text.replace(path, (_, scheme: string | undefined, there: string) => (scheme ?? "") + mounts.get(there));
}

/** Makes each of the container's mounts its own folder; the scratch folder is an empty one. */
async function mount(sandbox: Sandbox, pod: V1Pod, container: V1Container, stateDirectory: string): Promise<Mounts> {
    const root = join(sandbox.directory, `pod ${pod.metadata?.name}`);
    const mounts: Mounts = new Map();
    for (const { name, mountPath } of container.volumeMounts ?? []) {
        const volume = pod.spec?.volumes?.find((one) => one.name === name);
        const folder = volume?.persistentVolumeClaim ? stateDirectory : join(root, mountPath);
        mkdirSync(folder, { recursive: true });
        mounts.set(mountPath, folder);
        if (volume?.configMap) {
            const at = { name: volume.configMap.name ?? "", namespace: pod.metadata?.namespace ?? "" };
            const { data = {} } = await sandbox.nodes.api.core.readNamespacedConfigMap(at);
            Object.entries(data).forEach(([file, text]) => writeFileSync(join(folder, file), text));
        }
        if (mountPath.endsWith("/serviceaccount")) {
            writeFileSync(join(folder, "token"), await tokenOf(sandbox, pod));
            writeFileSync(join(folder, "ca.crt"), readFileSync(sandbox.cluster.caFile));
        }
    }
    return mounts;
}

/** A token of the pod's service account, of no use once the pod has gone. */
export async function tokenOf(sandbox: Sandbox, { metadata, spec }: V1Pod): Promise<string> {
    const { status } = await sandbox.nodes.api.core.createNamespacedServiceAccountToken({
        name: spec?.serviceAccountName ?? "",
        namespace: metadata?.namespace ?? "",
        body: {
            spec: {
                audiences: [],
                expirationSeconds: 3600,
                boundObjectRef: { apiVersion: "v1", kind: "Pod", name: metadata?.name, uid: metadata?.uid },
            },
        },
    });
    return status?.token ?? "";
}

async function environment(sandbox: Sandbox, pod: V1Pod, container: V1Container, here: (text: string) => string) {
    const secrets = (container.envFrom ?? []).map(async ({ secretRef }) => {
        const at = { name: secretRef?.name ?? "", namespace: pod.metadata?.namespace ?? "" };
        const { data = {} } = await sandbox.nodes.api.core.readNamespacedSecret(at);
        return Object.entries(data).map(([name, value]) => [name, Buffer.from(value, "base64").toString()]);
    });
    const { hostname, port } = new URL(sandbox.cluster.server);
    return Object.fromEntries([
        ["KUBERNETES_SERVICE_HOST", hostname],
        ["KUBERNETES_SERVICE_PORT", port],
        ...(await Promise.all(secrets)).flat(),
        ...(container.env ?? []).map((one) => [one.name, here(valueOf(one, pod))]),
    ]) as Record<string, string>;
}

function valueOf({ name, value, valueFrom }: V1EnvVar, pod: V1Pod): string {
    const fields: Record<string, string | undefined> = {
        "metadata.name": pod.metadata?.name,
        "metadata.namespace": pod.metadata?.namespace,
        "spec.nodeName": pod.spec?.nodeName,
    };
    const path = valueFrom?.fieldRef?.fieldPath;
    // The API server leaves out a value that is empty.
    const given = path === undefined ? (value ?? "") : fields[path];
    if (given === undefined) {
        throw new Error(`the pod's variable ${name} cannot be told`);
    }
    return given;
}
