// How many requests it takes to look at some of a real cluster's nodes more closely.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { HOSTNAME } from "../../components/node/nodeList";
import { readNodes, type Nodes } from "../../components/selection/readNodes";
import type { PoolNode } from "../../components/selection/rules";
import { startCluster, type Cluster } from "../../sandbox/cluster";
import { apiOf, type Api } from "../../sandbox/nodes/api";
import { startApiProxy, type ApiProxy } from "../faults/apiProxy";

const SCALE_SET = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachineScaleSets/pool1";

describe("details of nodes", { timeout: 120_000 }, () => {
    let folder: string;
    let cluster: Cluster;
    let api: Api;
    let proxy: ApiProxy;
    let asked: string[] = [];
    let nodes: Nodes;
    let inPool: PoolNode[];

    const nameOf = (index: number) => `pool1-00000${index}`;

    beforeAll(async () => {
        folder = mkdtempSync(join(tmpdir(), "kamino-read-"));
        cluster = await startCluster(join(folder, "cluster"));
        api = apiOf(cluster.kubeconfig);
        for (let index = 0; index < 5; index++) {
            const name = nameOf(index);
            // One says nothing of its host.
            const labels = index === 4 ? undefined : { [HOSTNAME]: name };
            const spec = { providerID: `azure://${SCALE_SET}/virtualMachines/${index}` };
            await api.core.createNode({ body: { metadata: { name, labels }, spec } });
        }
        proxy = await startApiProxy(cluster, folder, {
            before: ({ method, path }) => void asked.push(`${method} ${path.replace("/api/v1/", "")}`),
            after: () => undefined,
        });
        nodes = await readNodes({ kubeconfig: proxy.kubeconfig });
        inPool = await nodes.ofPool({ scaleSetId: SCALE_SET, computerNamePrefix: "pool1-" });
    }, 180_000);

    afterAll(async () => {
        await proxy?.close();
        await cluster?.stop();
        rmSync(folder, { recursive: true, force: true });
    });

    beforeEach(() => {
        asked = [];
    });

    const detailsOf = async (...indexes: number[]) => {
        const found = await nodes.withDetails(inPool, indexes.map(nameOf));
        return found.map(({ name, details }) => [name, details?.providerID.split("/").at(-1)]);
    };

    test("of one node are a GET of it, and are known from then on", async () => {
        expect((await detailsOf(0))[0]).toEqual([nameOf(0), "0"]);
        expect(asked).toEqual([`GET nodes/${nameOf(0)}`]);
        await detailsOf(0);
        expect(asked).toHaveLength(1);
    });

    test("of several are one list; one that has no such label is read by itself, one that has gone is left out", async () => {
        await api.core.deleteNode({ name: nameOf(1) });
        expect(await detailsOf(0, 1, 2, 3, 4)).toEqual([0, 2, 3, 4].map((index) => [nameOf(index), String(index)]));
        expect(asked.sort()).toEqual(["GET nodes", `GET nodes/${nameOf(1)}`, `GET nodes/${nameOf(4)}`]);
    });
});
