// How a preview's reads of the cluster meet what passes in a moment, against an API server of this process.
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { listNodes, listWholeNodes } from "../../../components/node/nodeList";

const TABLE = {
    columnDefinitions: [{ name: "Status" }],
    rows: [{ cells: ["Ready"], object: { metadata: { name: "node" } } }],
};
const LIST = { metadata: {}, items: [{ metadata: { name: "node" } }] };

let server: Server;
let cluster: ReturnType<typeof clusterAt>;
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
    cluster = clusterAt((server.address() as AddressInfo).port);
});
afterAll(() => {
    server.closeAllConnections();
    server.close();
});
beforeEach(() => {
    [troubles, asked] = [[], 0];
});

function clusterAt(port: number) {
    const config = new KubeConfig();
    const address = `http://127.0.0.1:${port}`;
    config.loadFromClusterAndUser({ name: "c", server: address, skipTLSVerify: true }, { name: "u" });
    return { config, server: address };
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
        await expect(listNodes(clusterAt(port))).rejects.toThrow(
            `the Kubernetes API server at http://127.0.0.1:${port} cannot be reached: `,
        );
    });
});
