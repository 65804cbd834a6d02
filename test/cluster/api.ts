// What the tests of the sandbox's cluster share: small objects, and waiting for what controllers do.
import { ApiException, BatchV1Api, PolicyV1Api, type V1Pod, type V1PodSpec } from "@kubernetes/client-node";
import type { Api } from "../../sandbox/nodes/api";
import { waitFor } from "../../sandbox/nodes/api";

/** A pause container, for pods that only have to be there. */
export const PAUSE = { name: "main", image: "registry.k8s.io/pause:3.10" };

export const batch = ({ config }: Api) => config.makeApiClient(BatchV1Api);
export const policy = ({ config }: Api) => config.makeApiClient(PolicyV1Api);

/** The status code of a refused call, or 200. */
export async function statusOf(call: Promise<unknown>): Promise<number> {
    return call.then(
        () => 200,
        (error: unknown) => {
            if (error instanceof ApiException) {
                return error.code;
            }
            throw error;
        },
    );
}

/** Makes a namespace for one test. */
export async function makeNamespace({ core }: Api, name: string): Promise<string> {
    await core.createNamespace({ body: { metadata: { name } } });
    // Without it pods are refused.
    await waitFor(`the service account of ${name}`, () =>
        core.readNamespacedServiceAccount({ namespace: name, name: "default" }).catch(() => undefined),
    );
    return name;
}

/** A Deployment of pause containers, with all of its pods ready. */
export async function deploy({ core, apps }: Api, namespace: string, name: string, replicas: number): Promise<V1Pod[]> {
    const labels = { app: name };
    await apps.createNamespacedDeployment({
        namespace,
        body: {
            metadata: { name },
            spec: {
                replicas,
                selector: { matchLabels: labels },
                template: { metadata: { labels }, spec: { containers: [PAUSE], terminationGracePeriodSeconds: 0 } },
            },
        },
    });
    await waitFor(`deployment ${name}`, async () => {
        const { status } = await apps.readNamespacedDeployment({ namespace, name });
        return status?.readyReplicas === replicas ? true : undefined;
    });
    return (await core.listNamespacedPod({ namespace, labelSelector: `app=${name}` })).items;
}

/** A pod that runs a shell script once, as root of its node. */
export function hostPod(name: string, nodeName: string, script: string, spec: Partial<V1PodSpec> = {}): V1Pod {
    return {
        metadata: { name },
        spec: {
            nodeName,
            restartPolicy: "Never",
            terminationGracePeriodSeconds: 1,
            containers: [
                {
                    name: "main",
                    image: "busybox:1.37",
                    command: ["sh", "-c", script],
                    env: [{ name: "HOST_ROOT", value: "/host" }],
                    securityContext: { privileged: true },
                    terminationMessagePolicy: "FallbackToLogsOnError",
                    volumeMounts: [{ name: "root", mountPath: "/host" }],
                },
            ],
            volumes: [{ name: "root", hostPath: { path: "/" } }],
            ...spec,
        },
    };
}

/** Waits until a pod has one of these phases. */
export async function podIn({ core }: Api, namespace: string, name: string, ...phases: string[]): Promise<V1Pod> {
    return waitFor(`pod ${name} to be ${phases.join(" or ")}`, async () => {
        const pod = await core.readNamespacedPod({ namespace, name });
        return phases.includes(pod.status?.phase ?? "") ? pod : undefined;
    });
}
