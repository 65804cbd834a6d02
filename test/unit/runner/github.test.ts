// What GitHub is told of a report, against a small server that keeps issues and comments as GitHub does.
import { createServer, type IncomingMessage, type Server } from "node:http";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { keepTokenFile } from "../../../runner/federatedToken";
import { comment, gitHubFrom, issue, reviewedRun } from "../../../runner/github";
import { report } from "../../../runner/report";

interface Kept {
    number: number;
    title?: string;
    body: string;
    state?: string;
    labels: string[];
}

let server: Server;
let url: string;
let issues: Kept[];
let comments: { id: number; body: string }[];
let tokens: number;

beforeEach(async () => {
    [issues, comments, tokens] = [[], [], 0];
    server = createServer((request, response) => {
        void answer(request).then((body) => {
            response.statusCode = body === undefined ? 404 : 200;
            response.end(JSON.stringify(body ?? { message: "Not Found" }));
        });
    });
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => server.close());

async function answer(request: IncomingMessage): Promise<unknown> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
        chunks.push(chunk as Buffer);
    }
    const body = (chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : {}) as Partial<Kept>;
    const call = `${request.method} ${request.url?.split("?")[0].replace("/repos/o/r", "")}`;
    const [, number] = /\/(\d+)$/.exec(call) ?? [];
    if (request.headers.authorization !== "Bearer t") return undefined;
    if (call === "GET /token") return { value: `token ${++tokens} ${request.url?.split("audience=")[1]}` };
    if (call === "GET /issues") {
        const open = issues.filter(({ state }) => state !== "closed");
        return open.map((one) => ({ ...one, labels: one.labels.map((name) => ({ name })) }));
    }
    if (call === "POST /issues") return issues.push({ number: issues.length + 1, ...body } as Kept);
    if (call.startsWith("PATCH /issues/comments/")) return Object.assign(comments[Number(number) - 1], body);
    if (call.startsWith("PATCH /issues/")) return Object.assign(issues[Number(number) - 1], body);
    if (call === "GET /issues/7/comments") return comments;
    if (call === "POST /issues/7/comments") return comments.push({ id: comments.length + 1, body: body.body ?? "" });
    return undefined;
}

const github = (run = "100") =>
    gitHubFrom({ GITHUB_TOKEN: "t", GITHUB_REPOSITORY: "o/r", GITHUB_API_URL: url, GITHUB_RUN_ID: run });

const line = { pool: "pool1", node: "n", patched: "", from: "1.1.1", restore: [], explanation: "" };
const reportOf = (version: string, diff = "diff", stack = "prod") =>
    report({
        ...{ stack, mode: "preview", succeeded: true, diff },
        summary: {
            ...{ errors: [], violations: { mandatory: [], advisory: [] }, pools: [{ ...line, to: version }] },
            changes: version === "1.1.1" ? [] : [{ op: "update", type: "t", name: version }],
        },
    } as const).text;

test("a pull request has one comment for each stack, whatever the number of runs", async () => {
    await comment(github(), reportOf("2.2.2"), 7);
    await comment(github(), reportOf("2.2.2", "diff", "other--stack"), 7);
    await comment(github(), reportOf("3.3.3"), 7);
    expect(comments).toHaveLength(2);
    expect(comments[0].body).toContain("1.1.1 → **3.3.3**");
});

test("a bump that waits opens one issue, which the next nights update and a bump done closes", async () => {
    await issue(github(), reportOf("1.1.1"));
    expect(issues).toHaveLength(0);
    await issue(github(), reportOf("2.2.2"));
    await issue(github(), reportOf("3.3.3"));
    expect(issues).toHaveLength(1);
    expect(issues[0]).toMatchObject({ title: "prod: a bump of pool1 waits", labels: ["kamino-bump"] });
    expect(issues[0].body).toContain("3.3.3");
    await issue(github(), reportOf("1.1.1"));
    expect(issues[0].state).toBe("closed");
    await issue(github(), reportOf("4.4.4"));
    expect(issues).toHaveLength(2);
});

test("a review holds while the changes stay the same, and the plan is that of the run that was reviewed", async () => {
    await issue(github("100"), reportOf("2.2.2", "ready 15h"));
    expect(await reviewedRun(github(), "prod")).toBeUndefined();
    issues[0].labels.push("kamino-reviewed");
    await issue(github("101"), reportOf("2.2.2", "ready 16h"));
    expect(await reviewedRun(github(), "prod")).toBe("100");
    expect(await reviewedRun(github(), "other")).toBeUndefined();
});

test("when the changes change the review is gone", async () => {
    await issue(github("100"), reportOf("2.2.2"));
    issues[0].labels.push("kamino-reviewed", "urgent");
    await issue(github("101"), reportOf("3.3.3"));
    expect(issues[0].labels).toEqual(["kamino-bump", "urgent"]);
    expect(await reviewedRun(github(), "prod")).toBeUndefined();
});

test("a refusal of GitHub is one line with what was asked, and without the token", async () => {
    const wrong = { ...github(), token: "hunter2" };
    await expect(issue(wrong, reportOf("2.2.2"))).rejects.toThrow(/^GitHub answered 404 to GET issues.*: Not Found$/);
});

test("a token file is written at once and renewed", async () => {
    const scratch = mkdtempSync(join(tmpdir(), "kamino-test-"));
    const env = {
        ...{
            ACTIONS_ID_TOKEN_REQUEST_URL: `${url}/token?v=1`,
            ACTIONS_ID_TOKEN_REQUEST_TOKEN: "t",
            ARM_USE_OIDC: "true",
        },
        ...{ ARM_CLIENT_ID: "c", ARM_TENANT_ID: "x" },
    };
    const kept = await keepTokenFile(env, scratch, 50);
    try {
        const file = kept?.env.AZURE_FEDERATED_TOKEN_FILE ?? "";
        expect(kept?.env).toMatchObject({ AZURE_CLIENT_ID: "c", AZURE_TENANT_ID: "x" });
        expect(readFileSync(file, "utf8")).toMatch(/^token 1 api%3A%2F%2FAzureADTokenExchange$/);
        await expect.poll(() => readFileSync(file, "utf8"), { timeout: 5000 }).toMatch(/^token [2-9]/);
    } finally {
        kept?.stop();
        rmSync(scratch, { recursive: true });
    }
    expect(await keepTokenFile({}, scratch)).toBeUndefined();
});
