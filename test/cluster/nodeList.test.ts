// The list of nodes from a real API server: one request tells names, marks, readiness, and what kured wrote last.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PatchStrategy, setHeaderOptions } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { REBOOT_IN_PROGRESS, REBOOT_NEEDED } from "../../components/node/kured";
import { kubernetes } from "../../components/node/kubernetes";
import { listNodes } from "../../components/node/nodeList";
import { patchNode } from "../../components/node/node";
import { startCluster, type Cluster } from "../../sandbox/cluster";
import { apiOf, type Api } from "../../sandbox/nodes/api";

describe("the list of nodes", { timeout: 120_000 }, () => {
    let folder: string;
    let cluster: Cluster;
    let api: Api;

    beforeAll(async () => {
        folder = mkdtempSync(join(tmpdir(), "kamino-list-"));
        cluster = await startCluster(join(folder, "cluster"));
        api = apiOf(cluster.kubeconfig);
        await api.core.createNode({ body: { metadata: { name: "n", labels: { a: "b" } } } });
        await api.core.createNode({ body: { metadata: { name: "quiet" } } });
        const now = new Date();
        const ready = { type: "Ready", status: "True", lastTransitionTime: now, lastHeartbeatTime: now };
        const options = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
        await api.core.patchNodeStatus({ name: "n", body: { status: { conditions: [ready] } } }, options);
    }, 180_000);

    afterAll(async () => {
        await cluster?.stop();
        rmSync(folder, { recursive: true, force: true });
    });

    const list = async (name = "n") => {
        const { nodes } = await listNodes(await kubernetes({ kubeconfig: cluster.kubeconfig }));
        return nodes.find((node) => node.name === name);
    };

    /** The node, once the API server lists it so: it answers from a cache that may be a moment behind. */
    const listed = (expected: object) =>
        vi.waitFor(
            async () => {
                const found = await list();
                expect(found).toMatchObject(expected);
                return found;
            },
            { timeout: 20_000 },
        );

    /** Writes as kured does: its user agent makes it the manager of the fields. */
    const asKured = (body: object) =>
        api.core.patchNode(
            { name: "n", body, fieldManager: "kured" },
            setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
        );

    test("tells what a reboot of kured's leaves, and that its cordon is the last thing that counts", async () => {
        await listed({ labels: { a: "b" }, ready: true, cordoned: false, deleting: false });
        expect(await list("quiet")).toMatchObject({ ready: false });
        expect((await list())?.kuredWroteAt).toBeUndefined();

        const needed = new Date().toISOString().replace(/\.\d+Z$/, "Z");
        const annotations = { [REBOOT_NEEDED]: needed, [REBOOT_IN_PROGRESS]: needed };
        await asKured({ metadata: { annotations } });
        const seen = (await listed({ annotations }))?.kuredWroteAt;
        expect(Math.abs(seen!.getTime() - Date.parse(needed))).toBeLessThan(5000);

        // Days later its turn comes.
        await sleep(2100);
        await asKured({ spec: { unschedulable: true } });
        const cordoned = await listed({ cordoned: true });
        expect(cordoned!.kuredWroteAt!.getTime()).toBeGreaterThan(seen!.getTime());

        // It is back: kured uncordons it and takes its mark away. A capture of ours then changes it as well.
        await sleep(2100);
        await asKured({ spec: { unschedulable: null } });
        await asKured({ metadata: { annotations: { [REBOOT_IN_PROGRESS]: null } } });
        const clients = await kubernetes({ kubeconfig: cluster.kubeconfig });
        await patchNode(clients, "n", {
            metadata: { annotations: { "kamino/x": "y" } },
            spec: { unschedulable: true },
        });
        await patchNode(clients, "n", {
            metadata: { annotations: { "kamino/x": null } },
            spec: { unschedulable: null },
        });
        const freed = await listed({ cordoned: false, annotations: { [REBOOT_NEEDED]: needed } });
        expect(freed!.annotations).not.toHaveProperty(REBOOT_IN_PROGRESS);
        expect(freed!.kuredWroteAt).toEqual(cordoned!.kuredWroteAt);
    });
});
