// The way from a program that knows Azure's public endpoints alone to the local Azure: a proxy for HTTPS, which leads
// there and nowhere else.
import { createServer, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { PUBLIC_HOSTS } from "../azure/http/signIn";

/** A listening proxy. */
export interface AzureProxy {
    /** For HTTPS_PROXY. */
    readonly url: string;
    /** Hosts that were asked for and refused. */
    readonly refused: string[];
    close(): Promise<void>;
}

/** Starts a proxy that leads Azure's public names to the local Azure at this URL, and refuses all others. */
export async function startProxy(azureUrl: string): Promise<AzureProxy> {
    const refused: string[] = [];
    const sockets = new Set<Socket>();
    const server = createServer((_request, response) => response.writeHead(501).end());
    server.on("connection", (socket) => {
        sockets.add(socket);
        socket.once("close", () => sockets.delete(socket));
    });
    server.on("connect", (request, socket: Socket) => {
        const host = request.url ?? "";
        if (PUBLIC_HOSTS.some((name) => host === `${name}:443`)) {
            tunnel(socket, Number(new URL(azureUrl).port));
        } else {
            refused.push(host);
            socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
        }
    });
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
    return {
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        refused,
        close: () => close(server, sockets),
    };
}

function tunnel(socket: Socket, port: number): void {
    const azure = connect(port, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
        azure.pipe(socket).pipe(azure);
    });
    azure.on("error", () => socket.destroy()).on("close", () => socket.destroy());
    socket.on("error", () => azure.destroy()).on("close", () => azure.destroy());
}

function close(server: Server, sockets: Set<Socket>): Promise<void> {
    return new Promise((resolve) => {
        server.close(() => resolve());
        sockets.forEach((socket) => socket.destroy());
    });
}
