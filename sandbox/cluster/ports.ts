// Free ports on the loopback address.
import { createServer, type AddressInfo } from "node:net";

/**
 * Ports that are free at this moment, all different. Another program may take one before it is used: callers try again
 * with new ones when an address turns out to be in use.
 */
export async function freePorts(count: number): Promise<number[]> {
    const servers = await Promise.all(
        Array.from({ length: count }, async () => {
            const server = createServer();
            await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
            return server;
        }),
    );
    const ports = servers.map((server) => (server.address() as AddressInfo).port);
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    return ports;
}
