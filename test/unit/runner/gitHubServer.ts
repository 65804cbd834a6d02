// A small server that keeps issues and comments of the repository o/r as GitHub does, for whoever has the token "t".
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** An issue as it is kept. */
export interface Kept {
    number: number;
    title?: string;
    body: string;
    state?: string;
    labels: string[];
}

/** What the server has been told. */
export class GitHubServer {
    readonly issues: Kept[] = [];
    readonly comments: { id: number; body: string }[] = [];
    /** How many further requests get 502, with a page of HTML, in place of an answer. */
    failures = 0;
    private tokens = 0;
    private readonly server = createServer((request, response) => {
        if (this.failures > 0) {
            this.failures--;
            response.writeHead(502, { "Content-Type": "text/html" }).end("<h1>Unicorn!</h1>");
            return;
        }
        void this.answer(request).then((body) => {
            response.statusCode = body === undefined ? 404 : 200;
            response.end(JSON.stringify(body ?? { message: "Not Found" }));
        });
    });

    static async start(): Promise<GitHubServer> {
        const started = new GitHubServer();
        await new Promise<void>((ready) => started.server.listen(0, "127.0.0.1", ready));
        return started;
    }

    get url(): string {
        return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    }

    stop(): void {
        this.server.close();
        this.server.closeAllConnections();
    }

    private async answer(request: IncomingMessage): Promise<unknown> {
        const chunks: Buffer[] = [];
        for await (const chunk of request) {
            chunks.push(chunk as Buffer);
        }
        const body = (chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : {}) as Partial<Kept>;
        const url = new URL(request.url ?? "", "http://github");
        const call = `${request.method} ${url.pathname.replace("/repos/o/r", "")}`;
        const [, number] = /\/(\d+)$/.exec(call) ?? [];
        if (request.headers.authorization !== "Bearer t") {
            return undefined;
        }
        if (call === "GET /token") {
            return { value: `token ${++this.tokens} ${url.searchParams.get("audience")}` };
        }
        if (call === "GET /issues") {
            return page(this.open(url.searchParams.get("labels") ?? ""), url);
        }
        if (call === "POST /issues") {
            return this.issues.push({ number: this.issues.length + 1, ...body } as Kept);
        }
        if (call.startsWith("PATCH /issues/comments/")) {
            return Object.assign(this.comments[Number(number) - 1], body);
        }
        if (call.startsWith("PATCH /issues/")) {
            return Object.assign(this.issues[Number(number) - 1], body);
        }
        if (call === "GET /issues/7/comments") {
            return page(this.comments, url);
        }
        if (/^POST \/issues\/\d+\/comments$/.test(call)) {
            return this.comments.push({ id: this.comments.length + 1, body: body.body ?? "" });
        }
        return undefined;
    }

    private open(label: string) {
        return this.issues
            .filter(({ state, labels }) => state !== "closed" && labels.includes(label))
            .map((one) => ({ ...one, labels: one.labels.map((name) => ({ name })) }));
    }
}

function page<T>(items: T[], { searchParams }: URL): T[] {
    const size = Number(searchParams.get("per_page") ?? 30);
    const first = (Number(searchParams.get("page") ?? 1) - 1) * size;
    return items.slice(first, first + size);
}
