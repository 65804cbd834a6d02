// How clients use their connections to an API server, against a server of this process.
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { CoreV1Api } from "@kubernetes/client-node";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { isUnanswered, oneLine } from "../../../components/core/errors";
import { withRetries } from "../../../components/core/retry";
import { KeepAliveKubeConfig } from "../../../components/node/keepAlive";
import { kubernetes } from "../../../components/node/kubernetes";
import { createAuthority, type Authority } from "../../../sandbox/authority";

let folder: string;
let authority: Authority;
let server: Server;
let port: number;
/** What the API server has seen: its connections, and the client that each has signed in as. */
let connections: TLSSocket[] = [];
let clients: string[] = [];
/** How many requests it has had, and how long the next ones have to wait. */
let requests: number;
let delayMs: number;
/** How many of the next requests it takes and never answers. */
let unanswered: number;

beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "kamino-"));
    authority = await createAuthority("test");
    const { certificate, key } = await authority.server(["localhost"], ["127.0.0.1"]);
    const tls = { cert: certificate, key, ca: authority.certificate, requestCert: true, rejectUnauthorized: false };
    server = createServer(tls, (_request, response) => {
        requests++;
        if (unanswered > 0) {
            unanswered--;
            return;
        }
        response.setHeader("Content-Type", "application/json");
        const answer = JSON.stringify({ apiVersion: "v1", kind: "Node", metadata: { name: "node" } });
        setTimeout(() => response.end(answer), delayMs);
    });
    server.on("secureConnection", (socket: TLSSocket) => {
        connections.push(socket);
        clients.push(String(socket.getPeerCertificate().subject?.CN));
    });
    // Longer than a client keeps it.
    server.keepAliveTimeout = 60_000;
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
});
afterAll(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
});
beforeEach(() => {
    [connections, clients, requests, delayMs, unanswered] = [[], [], 0, 0, 0];
});

/** Path of a new kubeconfig whose user is this. */
function kubeconfig(name: string, user: object): string {
    const path = join(folder, name);
    const certificate = join(folder, "ca.crt");
    writeFileSync(certificate, authority.certificate);
    const config = {
        ...{ apiVersion: "v1", kind: "Config", "current-context": "it" },
        clusters: [
            { name: "it", cluster: { server: `https://127.0.0.1:${port}`, "certificate-authority": certificate } },
        ],
        users: [{ name: "it", user }],
        contexts: [{ name: "it", context: { cluster: "it", user: "it" } }],
    };
    writeFileSync(path, JSON.stringify(config));
    return path;
}

/** Clients by such a kubeconfig. */
function clusterFor(name: string, user: object) {
    return kubernetes({ kubeconfig: kubeconfig(name, user) });
}

function write(name: string, text: string): string {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
}

test("one connection carries one request after the other, of all clients of a cluster", async () => {
    const { core, apps } = await clusterFor("several", { token: "one" });
    await core.readNode({ name: "node" });
    await core.readNode({ name: "node" });
    await apps.readNamespacedDaemonSet({ name: "kured", namespace: "kube-system" });
    expect(requests).toBe(3);
    expect(connections).toHaveLength(1);
});

test("requests side by side have a connection each", async () => {
    const { core } = await clusterFor("side-by-side", { token: "one" });
    await Promise.all([core.readNode({ name: "node" }), core.readNode({ name: "node" })]);
    expect(connections).toHaveLength(2);
});

test("a request after the API server has closed an idle connection goes over a new one", async () => {
    const { core } = await clusterFor("closed", { token: "one" });
    await core.readNode({ name: "node" });
    server.closeIdleConnections();
    // A request that goes out before the client has heard of it is lost, and sent again.
    await withRetries(() => core.readNode({ name: "node" }));
    expect(connections).toHaveLength(2);
});

test("a certificate that has been renewed is used from then on", async () => {
    const [first, second] = [await authority.client("first"), await authority.client("second")];
    const files = {
        "client-certificate": write("client.crt", first.certificate),
        "client-key": write("client.key", first.key),
    };
    const { core } = await clusterFor("renewed", files);
    await core.readNode({ name: "node" });
    write("client.crt", second.certificate);
    write("client.key", second.key);
    await core.readNode({ name: "node" });
    await core.readNode({ name: "node" });
    expect(clients).toEqual(["first", "second"]);
});

/** The same, with connections that may lie idle for a fifth of a second. */
function impatient(name: string): CoreV1Api {
    const config = new KeepAliveKubeConfig(200);
    config.loadFromFile(kubeconfig(name, { token: "one" }));
    return config.makeApiClient(CoreV1Api);
}

test("a connection that lies idle for too long is closed", async () => {
    const core = impatient("given-up");
    await core.readNode({ name: "node" });
    const [connection] = connections;
    expect(connection.destroyed).toBe(false);
    await vi.waitFor(() => expect(connection.destroyed).toBe(true));
    await core.readNode({ name: "node" });
    expect(connections).toHaveLength(2);
});

test("an answer may take longer than a connection may lie idle", async () => {
    delayMs = 600;
    const { metadata } = await impatient("slow").readNode({ name: "node" });
    expect(metadata?.name).toBe("node");
    expect(connections).toHaveLength(1);
});

test("a request that is taken and never answered is given up, and the next one goes over a new connection", async () => {
    const config = new KeepAliveKubeConfig(8_000, 200);
    config.loadFromFile(kubeconfig("unanswered", { token: "one" }));
    const core = config.makeApiClient(CoreV1Api);
    unanswered = 1;
    const error: unknown = await core.readNode({ name: "node" }).catch((reason: unknown) => reason);
    expect(isUnanswered(error)).toBe(true);
    expect(oneLine(error)).toMatch(/^the Kubernetes API server took a request and did not answer it in time; /);
    unanswered = 1;
    const { metadata } = await withRetries(() => core.readNode({ name: "node" }));
    expect([metadata?.name, requests, connections.length]).toEqual(["node", 3, 3]);
});

test("an idle connection does not keep the process from ending", async () => {
    const { core } = await clusterFor("idle", { token: "one" });
    await core.readNode({ name: "node" });
    const handles = process.getActiveResourcesInfo().filter((name) => name === "TLSWrap");
    expect(handles).toEqual([]);
});
