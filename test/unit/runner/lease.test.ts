// How a pod acquires its schedule's lease where the API server is away for a moment, against one of this process.
import { createServer, type Server, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { KubeConfig, type V1Lease } from "@kubernetes/client-node";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { acquireLease } from "../../../runner/lease";
import type { Pod } from "../../../runner/pod";
import { listenAs } from "./apiServer";

const pod: Pod = {
    ...{ name: "run-1", namespace: "kamino", lease: "schedule", report: "report" },
    ...{ serviceAccount: "/nowhere", server: "https://nowhere" },
};

let server: Server;
const config = new KubeConfig();
let lease: V1Lease;
/** What the first requests of a method get; the request has been done before, if `after` says so. */
let troubles: { method: string; after?: boolean; answer: (response: ServerResponse) => void }[];

const throttled = (response: ServerResponse) => status(response, 429);
const lost = (response: ServerResponse) => void response.destroy();

function status(response: ServerResponse, code: number) {
    response.writeHead(code, { "Content-Type": "application/json" });
    response.end(JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", code }));
}

/** As the API server replaces an object: only the version that was read. */
function replace(wanted: V1Lease): boolean {
    const version = lease.metadata?.resourceVersion;
    if (wanted.metadata?.resourceVersion !== version) {
        return false;
    }
    lease = { ...wanted, metadata: { ...wanted.metadata, resourceVersion: String(Number(version) + 1) } };
    return true;
}

beforeAll(async () => {
    server = createServer((request, response) => {
        void (async () => {
            const body = await text(request);
            const index = troubles.findIndex(({ method }) => method === request.method);
            const [trouble] = index < 0 ? [] : troubles.splice(index, 1);
            if (trouble && !trouble.after) {
                return trouble.answer(response);
            }
            // No pod is left.
            if (request.url?.includes("/pods/")) {
                return status(response, 404);
            }
            const done = request.method === "GET" || replace(JSON.parse(body) as V1Lease);
            if (trouble) {
                return trouble.answer(response);
            }
            if (!done) {
                return status(response, 409);
            }
            response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(lease));
        })();
    });
    await listenAs(config, server);
});
afterAll(() => {
    server.closeAllConnections();
    server.close();
});
beforeEach(() => {
    troubles = [];
    lease = {
        apiVersion: "coordination.k8s.io/v1",
        kind: "Lease",
        metadata: { name: "schedule", resourceVersion: "1" },
        spec: {},
    };
});

const holder = () => lease.spec?.holderIdentity;

test.each([
    ["reading it is throttled", { method: "GET", answer: throttled }],
    [
        "the connection is lost while reading it, as in a pod whose network has just come up",
        { method: "GET", answer: lost },
    ],
    ["writing it is throttled", { method: "PUT", answer: throttled }],
    ["the answer to writing it is lost", { method: "PUT", answer: lost, after: true }],
])("a lease is acquired and released although %s", async (_what, trouble) => {
    troubles = [trouble];
    const acquired = await acquireLease(config, pod);
    expect(holder()).toBe("run-1");
    troubles = [trouble];
    await acquired.release();
    expect(holder()).toBeUndefined();
});

test("a lease that another pod acquires at the same moment is not acquired", async () => {
    const other = { ...lease, spec: { holderIdentity: "run-2" } };
    troubles = [
        {
            method: "PUT",
            answer: (response) => {
                replace(other);
                status(response, 409);
            },
        },
    ];
    await expect(acquireLease(config, pod)).rejects.toThrow("another run has just started; this one was not started");
    expect(holder()).toBe("run-2");
});

/** Acquires the lease of a holder whose pod has gone. */
async function acquireAfter(name: string, dead: string) {
    lease = { ...lease, spec: { ...lease.spec, holderIdentity: dead } };
    return await acquireLease(config, { ...pod, name });
}

test("who died with the lease is known until an update went through, also to runs after one that failed before its own", async () => {
    const second = await acquireAfter("run-2", "run-1");
    expect(second.deadHolders).toEqual(["run-1"]);
    await second.release();
    expect([holder(), lease.metadata?.annotations]).toEqual([undefined, { "kamino/dead-holders": "run-1" }]);
    const third = await acquireLease(config, { ...pod, name: "run-3" });
    expect(third.deadHolders).toEqual(["run-1"]);
    const fourth = await acquireAfter("run-4", "run-3");
    expect(fourth.deadHolders).toEqual(["run-1", "run-3"]);
    fourth.forgetDead();
    await fourth.release();
    expect(lease.metadata?.annotations).toEqual({});
    expect((await acquireLease(config, { ...pod, name: "run-5" })).deadHolders).toEqual([]);
});

test("an annotation that no run wrote is not taken for names, and what others have annotated stays", async () => {
    const annotations = { "kamino/dead-holders": "Laptop,a b,,run-0", team: "x" };
    lease = { ...lease, metadata: { ...lease.metadata, annotations } };
    const acquired = await acquireLease(config, pod);
    expect(acquired.deadHolders).toEqual(["run-0"]);
    acquired.forgetDead();
    await acquired.release();
    expect(lease.metadata?.annotations).toEqual({ team: "x" });
});
