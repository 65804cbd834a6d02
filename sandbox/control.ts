// Lets other processes (the shell's `sandbox` command, the demo) act on a running sandbox: JSON over HTTP on the
// loopback address, with a token that only this run's environment holds.
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type Actors, commands } from "./commands";

/** A listening control server. */
export interface Control {
    /** How `sandbox/cli.ts` finds it. */
    readonly env: NodeJS.ProcessEnv;
    close(): Promise<void>;
}

/** Starts it for the sandbox that has this folder. */
export async function startControl(directory: string, actors: Actors): Promise<Control> {
    const token = randomBytes(24).toString("hex");
    const server = createServer((request, response) => {
        const answer = (status: number, body: unknown) =>
            response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
        if (request.headers.authorization !== `Bearer ${token}`) {
            return void answer(401, { error: "wrong token" });
        }
        run(request, actors).then(
            (result) => answer(200, result ?? null),
            (error: unknown) => answer(400, { error: error instanceof Error ? error.message : String(error) }),
        );
    });
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    return {
        env: {
            KAMINO_SANDBOX: directory,
            KAMINO_SANDBOX_URL: `http://127.0.0.1:${port}`,
            KAMINO_SANDBOX_TOKEN: token,
        },
        close: () =>
            new Promise((resolve) => {
                server.close(() => resolve());
                server.closeAllConnections();
            }),
    };
}

async function run(request: IncomingMessage, actors: Actors): Promise<unknown> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
        chunks.push(chunk as Buffer);
    }
    const { command, values } = JSON.parse(Buffer.concat(chunks).toString("utf8")) as {
        command: string;
        values: Record<string, string>;
    };
    const found = commands.find(({ name }) => name === command);
    if (!found) {
        throw new Error(`there is no command ${command}`);
    }
    return found.run(actors, values);
}
