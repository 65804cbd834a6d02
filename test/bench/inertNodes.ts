// Many nodes at once: objects that nothing plays, written straight to the API server, some hundreds a second.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import type { V1ContainerImage, V1Node } from "@kubernetes/client-node";
import { REBOOT_NEEDED } from "../../components/node/kured";
import type { Cluster } from "../../sandbox/cluster";
import { apiOf } from "../../sandbox/nodes/api";

/** So many requests are under way at any moment. */
const PARALLEL = 16;

/**
 * 15 labels and as many annotations beside kured's, and 20 images, each by its digest and its tag: with what the API
 * server adds 10 kB, of which the images are the largest part, as on the nodes of a busy cluster. A kubelet says up to
 * 50 images (`nodeStatusMaxImages`).
 */
const LABELS = filler("label", 40);
const ANNOTATIONS = { ...filler("key", 90), [REBOOT_NEEDED]: "2026-11-20T04:12:09Z" };
const IMAGES: V1ContainerImage[] = Array.from({ length: 20 }, (_, index) => {
    const image = `registry.example.org/platform/component-${index}`;
    const digest = createHash("sha256").update(image).digest("hex");
    return { names: [`${image}@sha256:${digest}`, `${image}:v1.27.${index}`], sizeBytes: 20_000_000 + index };
});

function filler(name: string, length: number): Record<string, string> {
    return Object.fromEntries(
        Array.from({ length: 15 }, (_, index) => [`example.org/${name}-${index}`, "x".repeat(length)]),
    );
}

/** The same node with many labels, annotations and images. @param rebooted whether kured has rebooted it */
export function busyNode(node: V1Node, rebooted: boolean): V1Node {
    const { labels, annotations, ...metadata } = node.metadata ?? {};
    const { [REBOOT_NEEDED]: needed, ...others } = ANNOTATIONS;
    return {
        ...node,
        metadata: {
            ...metadata,
            labels: { ...labels, ...LABELS },
            annotations: { ...annotations, ...others, ...(rebooted && { [REBOOT_NEEDED]: needed }) },
        },
        status: { ...node.status, images: IMAGES },
    };
}

/** Creates nodes, of which the cluster's kubelets and controllers know nothing. */
export async function createInertNodes({ server, kubeconfig }: Cluster, nodes: V1Node[]): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: PARALLEL });
    const { cert, key, ca } = credentials(kubeconfig);
    const create = (node: V1Node) =>
        new Promise<void>((resolve, reject) => {
            const headers = { "content-type": "application/json" };
            const url = `${server}/api/v1/nodes`;
            const sent = request(url, { method: "POST", agent, cert, key, ca, headers }, (response) => {
                const { statusCode } = response.resume();
                const failed = () =>
                    reject(new Error(`node ${node.metadata?.name}: the API server says ${statusCode}`));
                response.once("end", statusCode === 201 ? resolve : failed);
            });
            sent.once("error", reject).end(JSON.stringify({ apiVersion: "v1", kind: "Node", ...node }));
        });
    const waiting = [...nodes];
    const work = async () => {
        for (let node = waiting.pop(); node; node = waiting.pop()) {
            await create(node);
        }
    };
    await Promise.all(Array.from({ length: PARALLEL }, work));
    agent.destroy();
}

function credentials(kubeconfig: string) {
    const { config } = apiOf(kubeconfig);
    const [user, cluster] = [config.getCurrentUser(), config.getCurrentCluster()];
    const decoded = (text: string | undefined) => Buffer.from(text ?? "", "base64");
    const ca = cluster?.caData ? decoded(cluster.caData) : readFileSync(cluster?.caFile ?? "");
    return { cert: decoded(user?.certData), key: decoded(user?.keyData), ca };
}
