// How a preview's reads of the cluster meet what passes in a moment, against an API server of this process.
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { kubernetes, type Kubernetes } from "../../../components/node/kubernetes";
import { listNodes, listWholeNodes } from "../../../components/node/nodeList";

const TABLE = {
    columnDefinitions: [{ name: "Status" }],
    rows: [{ cells: ["Ready"], object: { metadata: { name: "node" } } }],
};
const LIST = { metadata: {}, items: [{ metadata: { name: "node" } }] };

let folder: string;
let server: Server;
let cluster: Kubernetes;
/** What the next requests get in place of an answer. */
let troubles: ((response: ServerResponse) => void)[] = [];
let asked: number;

/** As the API server refuses. */
function status(code: number, message: string) {
    return (response: ServerResponse) =>
        void response
            .writeHead(code, { "Content-Type": "application/json" })
            .end(JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", message, code }));
}

beforeAll(async () => {
    server = createServer((request, response) => {
        asked++;
        const trouble = troubles.shift();
        if (trouble) {
            trouble(response);
        } else {
            const answer = request.headers.accept?.includes("as=Table") ? TABLE : LIST;
            response.setHeader("Content-Type", "application/json");
            response.end(JSON.stringify(answer));
        }
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    folder = mkdtempSync(join(tmpdir(), "kamino-"));
    cluster = await clusterAt((server.address() as AddressInfo).port);
});
afterAll(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
});
beforeEach(() => {
    [troubles, asked] = [[], 0];
});

async function clusterAt(port: number): Promise<Kubernetes> {
    const kubeconfig = join(folder, `${port}`);
    const config = {
        ...{ apiVersion: "v1", kind: "Config", "current-context": "it" },
        clusters: [{ name: "it", cluster: { server: `http://127.0.0.1:${port}`, "insecure-skip-tls-verify": true } }],
        users: [{ name: "it", user: {} }],
        contexts: [{ name: "it", context: { cluster: "it", user: "it" } }],
    };
    writeFileSync(kubeconfig, JSON.stringify(config));
    return await kubernetes({ kubeconfig });
}

describe("a list of nodes", () => {
    const lists = {
        "as a table": async () => (await listNodes(cluster)).nodes.map(({ name }) => name),
        "as whole objects": async () => (await listWholeNodes(cluster)).map(({ metadata }) => metadata?.name),
    };
    const passing = {
        "is throttled": status(429, "too many requests"),
        "meets an API server that is not ready yet": status(503, "apiserver not ready"),
        "loses its connection": (response: ServerResponse) => void response.destroy(),
    };
    const cases = Object.entries(lists).flatMap(([form, list]) =>
        Object.entries(passing).map(([what, trouble]) => [form, what, { list, trouble }] as const),
    );

    test.each(cases)("%s that %s is asked for again", async (_form, _what, { list, trouble }) => {
        troubles = [trouble];
        expect(await list()).toEqual(["node"]);
        expect(asked).toBe(2);
    });

    test("that is refused is not asked for again", async () => {
        troubles = [status(403, "nodes is forbidden")];
        await expect(listNodes(cluster)).rejects.toThrow("nodes is forbidden");
        expect(asked).toBe(1);
    });

    test("of an API server where nobody listens fails in one line, with its address", async () => {
        const other = createServer().listen(0, "127.0.0.1");
        await once(other, "listening");
        const { port } = other.address() as AddressInfo;
        other.close();
        await expect(listNodes(await clusterAt(port))).rejects.toThrow(
            `the Kubernetes API server at http://127.0.0.1:${port} cannot be reached: `,
        );
    });
});
