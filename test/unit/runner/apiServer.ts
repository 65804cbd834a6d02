// An API server of this process: the way to it for a client.
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { KubeConfig } from "@kubernetes/client-node";

/** Has the server listen on this machine, and points the configuration at it. */
export async function listenAs(config: KubeConfig, server: Server): Promise<void> {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    config.loadFromClusterAndUser(
        { name: "c", server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
        { name: "u" },
    );
}
