// Writes of a capture whose answers are lost or late, on a real API server.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { JOURNAL } from "../../components/capture/journal";
import { createPod, ensureNamespace, podOf, removePodAndWait } from "../../components/capture/pods";
import { kubernetes, type Kubernetes } from "../../components/node/kubernetes";
import { patchNode, readNode, renewAnnotation } from "../../components/node/node";
import { startCluster, type Cluster } from "../../sandbox/cluster";
import { startApiProxy, type ApiProxy } from "../faults/apiProxy";

const NAMESPACE = "kamino-capture";

let directory: string;
let cluster: Cluster;
let proxy: ApiProxy;
let clients: Kubernetes;
/** How many answers to a POST of pods are lost from now on. */
let lost = 0;
/** What happens before a PATCH is carried out. */
let beforePatch: (() => Promise<void>) | undefined;

beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "kamino-writes-"));
    cluster = await startCluster(join(directory, "cluster"));
    proxy = await startApiProxy(cluster, directory, {
        before: ({ method }) => (method === "PATCH" ? beforePatch?.() : undefined),
        after: ({ method, path }) => {
            if (method === "POST" && path.endsWith("/pods") && lost > 0) {
                lost--;
                throw new Error("the connection breaks off");
            }
        },
    });
    clients = await kubernetes({ kubeconfig: proxy.kubeconfig });
    await ensureNamespace(clients, NAMESPACE, "privileged");
    await clients.core.createNode({ body: { metadata: { name: "node-1" } } });
}, 180_000);

afterAll(async () => {
    await proxy?.close();
    await cluster?.stop();
    rmSync(directory, { recursive: true, force: true });
});

const pod = (name: string) =>
    podOf(
        { name, namespace: NAMESPACE },
        { node: "node-1", version: "2026.1122.0412" },
        { activeDeadlineSeconds: 60, containers: [{ name: "clean", image: "busybox:1.37.0" }] },
    );
const create = (name: string) => createPod(clients, pod(name), "the cleaning pod", "look at it");

test("a pod whose creation was carried out and not answered is the capture's", async () => {
    lost = 1;
    await create("lost-answer");
    const { metadata } = await clients.core.readNamespacedPod({ name: "lost-answer", namespace: NAMESPACE });
    expect(metadata?.annotations).toMatchObject({ "kamino/node": "node-1" });
    expect(lost).toBe(0);
});

test.each([0, 1])(
    "a pod of the same name that was there before is not, whether or not answers are lost: %i",
    async (answers) => {
        const place = { name: "there-before", namespace: NAMESPACE };
        await removePodAndWait(clients, place);
        await create("there-before");
        lost = answers;
        await expect(create("there-before")).rejects.toThrow(
            /^the cleaning pod kamino-capture\/there-before cannot be created: .*already exists.*; look at it$/,
        );
    },
);

test("an annotation is renewed where it is, and a late request does not bring it back", async () => {
    const value = async () => (await readNode(clients, "node-1"))?.metadata?.annotations?.[JOURNAL];
    const journal = (text: string | null) =>
        patchNode(clients, "node-1", { metadata: { annotations: { [JOURNAL]: text } } });
    await renewAnnotation(clients, "node-1", JOURNAL, () => "late");
    expect(await value()).toBeUndefined();
    await journal("first");
    await renewAnnotation(clients, "node-1", JOURNAL, (text) => `${text}, renewed`);
    expect(await value()).toBe("first, renewed");

    beforePatch = async () => {
        beforePatch = undefined;
        await journal(null);
    };
    await renewAnnotation(clients, "node-1", JOURNAL, () => "late");
    expect(await value()).toBeUndefined();
});
