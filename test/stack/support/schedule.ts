// Plays kubelet for a scheduled run: starts its pod's very command, with the pod's environment, mounts and token and nothing more.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { V1Container, V1EnvVar, V1Pod } from "@kubernetes/client-node";
import { execa } from "execa";
import { runningProcesses } from "../../../runner/stop";
import { pluginsDirectory, repository } from "../../../sandbox/engine/paths";
import { patchPodStatus } from "../../../sandbox/nodes/api";
import type { Sandbox } from "../../../sandbox/sandbox";

/** A scheduled run under way. */
export interface RunningPod {
    /** Its exit code and what it said; the pod's phase is then told to the API server. */
    readonly ended: Promise<{ exitCode: number; output: string }>;
    /** What it has said so far. */
    said(): string;
    /** What kubelet does when a pod is deleted: SIGTERM to the container's first process. */
    terminate(): void;
    /** What becomes of a container whose node loses power: all its processes end at once. */
    kill(): void;
}

/** Where a pod's mounts are on this machine, by their place in the container. */
type Mounts = Map<string, string>;

/** Starts the one container of a pod that the API server and its controllers made. */
export async function runPod(sandbox: Sandbox, pod: V1Pod, stateDirectory: string): Promise<RunningPod> {
    const [container] = pod.spec?.containers ?? [];
    const mounts = await mount(sandbox, pod, container, stateDirectory);
    const here = (text: string) => [...mounts].reduce((said, [there, folder]) => said.replaceAll(there, folder), text);
    const [command, ...args] = [...(container.command ?? []), ...(container.args ?? [])].map(here);
    const child = execa(command, args, {
        // The image's working directory is this repository, its environment that of the Dockerfile.
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
    let said = "";
    child.all.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const ended = child.then(async ({ exitCode = 137 }) => {
        await patchPodStatus(sandbox.nodes.api, pod, { phase: exitCode === 0 ? "Succeeded" : "Failed" }).catch(
            () => undefined,
        );
        return { exitCode, output: said };
    });
    return {
        ended,
        said: () => said,
        terminate: () => void child.kill("SIGTERM"),
        kill: () => killAll(child.pid ?? 0),
    };
}

/** Makes each of the container's mounts below a folder of its own; the scratch folder is an empty one. */
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
            await mountServiceAccount(sandbox, pod, folder);
        }
    }
    return mounts;
}

async function mountServiceAccount(sandbox: Sandbox, pod: V1Pod, folder: string): Promise<void> {
    const { status } = await sandbox.nodes.api.core.createNamespacedServiceAccountToken({
        name: pod.spec?.serviceAccountName ?? "",
        namespace: pod.metadata?.namespace ?? "",
        body: {
            spec: {
                audiences: [],
                expirationSeconds: 3600,
                boundObjectRef: { apiVersion: "v1", kind: "Pod", name: pod.metadata?.name, uid: pod.metadata?.uid },
            },
        },
    });
    writeFileSync(join(folder, "token"), status?.token ?? "");
    writeFileSync(join(folder, "ca.crt"), readFileSync(sandbox.cluster.caFile));
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
    const given = path === undefined ? value : fields[path];
    if (given === undefined) {
        throw new Error(`the pod's variable ${name} cannot be told`);
    }
    return given;
}

function killAll(pid: number): void {
    const processes = runningProcesses();
    const under = (ancestor: number): number[] =>
        processes.filter(({ parent }) => parent === ancestor).flatMap((child) => [child.pid, ...under(child.pid)]);
    for (const one of [pid, ...under(pid)]) {
        try {
            process.kill(one, "SIGKILL");
        } catch {
            // It has ended in the meantime.
        }
    }
}

/** The locks on a file backend's stacks. */
export function stateLocks(stateDirectory: string): string[] {
    const root = join(stateDirectory, ".pulumi", "locks");
    return readdirSync(root, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(dirname(entry.parentPath), entry.name));
}
