// Stands between a run and its API server: sees each request before it is carried out and after, answers in its place,
// or is away.
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { Agent, createServer, request as forward } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import { createAuthority } from "../../sandbox/authority";
import type { Cluster } from "../../sandbox/cluster";
import type { Call, Watcher } from "./calls";

/** A proxy in front of one cluster's API server. */
export interface ApiProxy {
    /** A kubeconfig file that leads through the proxy, as the cluster's administrator. */
    readonly kubeconfig: string;
    /** Refuses connections for a time, as an API server that restarts does. In milliseconds. */
    away(milliseconds: number): void;
    close(): Promise<void>;
}

/** Starts one. The watcher sees each call; while it waits, the call waits. */
export async function startApiProxy(cluster: Cluster, directory: string, watcher: Watcher): Promise<ApiProxy> {
    const admin = new KubeConfig();
    admin.loadFromFile(cluster.kubeconfig);
    const user = admin.getCurrentUser();
    const pem = (data = "") => Buffer.from(data, "base64").toString();
    const upstream = new Agent({
        ca: readFileSync(cluster.caFile),
        cert: pem(user?.certData),
        key: pem(user?.keyData),
        keepAlive: true,
    });
    const authority = await createAuthority("kamino API proxy CA");
    const own = await authority.server(["localhost"], ["127.0.0.1"]);
    let awayUntil = 0;
    const server = createServer({ cert: own.certificate, key: own.key }, (request, response) => {
        if (Date.now() < awayUntil) {
            request.socket.destroy();
            return;
        }
        void pass(request, response, cluster.server, upstream, watcher).catch(() => request.socket.destroy());
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const kubeconfig = join(directory, "proxied.kubeconfig");
    writeFileSync(
        kubeconfig,
        kubeconfigFor(`https://127.0.0.1:${(server.address() as AddressInfo).port}`, authority.certificate),
        { mode: 0o600 },
    );
    return {
        kubeconfig,
        away: (milliseconds) => {
            awayUntil = Date.now() + milliseconds;
            server.closeAllConnections();
        },
        close: async () => {
            server.close();
            server.closeAllConnections();
            upstream.destroy();
            await once(server, "close");
        },
    };
}

async function pass(
    request: IncomingMessage,
    response: ServerResponse,
    server: string,
    agent: Agent,
    watcher: Watcher,
): Promise<void> {
    const path = (request.url ?? "").split("?")[0];
    const call: Call = { service: "Kubernetes", method: request.method ?? "GET", path };
    const body = await collect(request);
    await watcher.before(call);
    const onward = forward(new URL(request.url ?? "", server), {
        agent,
        method: request.method,
        headers: { ...request.headers, host: new URL(server).host },
    });
    onward.end(body);
    const [answer] = (await once(onward, "response")) as [IncomingMessage];
    const answered = await collect(answer);
    await watcher.after(call);
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    response.end(answered);
}

async function collect(stream: IncomingMessage): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) {
        chunks.push(chunk as Buffer);
    }
    return Buffer.concat(chunks);
}

function kubeconfigFor(server: string, certificate: string): string {
    return JSON.stringify({
        ...{ apiVersion: "v1", kind: "Config", "current-context": "proxied" },
        clusters: [
            {
                name: "proxied",
                cluster: { server, "certificate-authority-data": Buffer.from(certificate).toString("base64") },
            },
        ],
        users: [{ name: "proxied", user: {} }],
        contexts: [{ name: "proxied", context: { cluster: "proxied", user: "proxied" } }],
    });
}
