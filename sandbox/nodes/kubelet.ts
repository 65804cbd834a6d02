// The one thing that the API server asks of a kubelet here: what a container has printed (`kubectl logs`).
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Cluster } from "../cluster";

/** A listening kubelet. */
export interface KubeletServer {
    readonly port: number;
    close(): Promise<void>;
}

/** Starts it. Only the API server's certificate is let in. */
export async function startKubelet(
    { certificate, key, ca }: Cluster["kubelet"],
    log: (namespace: string, pod: string) => string,
): Promise<KubeletServer> {
    const server = createServer(
        { cert: certificate, key, ca, requestCert: true, rejectUnauthorized: true },
        (request, response) => {
            const url = new URL(request.url ?? "/", "https://kubelet");
            const [, call, namespace, pod] = url.pathname.split("/").map(decodeURIComponent);
            if (call !== "containerLogs") {
                response.writeHead(404).end("the sandbox's kubelet knows logs only\n");
                return;
            }
            const lines = log(namespace, pod).split(/(?<=\n)/);
            const tail = url.searchParams.get("tailLines");
            response
                .writeHead(200, { "Content-Type": "text/plain" })
                .end(lines.slice(tail === null ? 0 : -Number(tail) || lines.length).join(""));
        },
    );
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
    return {
        port: (server.address() as AddressInfo).port,
        close: () =>
            new Promise((resolve) => {
                server.close(() => resolve());
                server.closeAllConnections();
            }),
    };
}
