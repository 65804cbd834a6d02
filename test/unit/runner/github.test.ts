// What GitHub gets of a report, against a small server that keeps issues and comments as GitHub does.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { keepTokenFile } from "../../../runner/github/tokenFile";
import { call, gitHubFrom } from "../../../runner/github/api";
import { commentOnPullRequest, reviewOf, updateIssue as update } from "../../../runner/github/review";
import { programDigest } from "../../../runner/github/program";
import { renderReport } from "../../../runner/report";
import { GitHubServer } from "./gitHubServer";

let server: GitHubServer;

beforeEach(async () => {
    server = await GitHubServer.start();
});
afterEach(() => server.stop());

const github = (run = "100") =>
    gitHubFrom({ GITHUB_TOKEN: "t", GITHUB_REPOSITORY: "o/r", GITHUB_API_URL: server.url, GITHUB_RUN_ID: run });

const NIGHT = { program: "0123abcd", now: new Date("2026-11-22T04:00:00Z") };
const later = (days: number) => ({ ...NIGHT, now: new Date(NIGHT.now.getTime() + days * 24 * 3_600_000) });
const updateIssue = (to: ReturnType<typeof github>, report: string, facts = NIGHT) => update(to, report, facts);
const reviewedRun = async (of: ReturnType<typeof github>, stack: string, facts = NIGHT) =>
    (await reviewOf(of, stack, facts)).run;

const line = { pool: "pool1", node: "n", rebootNeededAt: "", from: "1.1.1", restore: [], explanation: "" };
const reportOf = (version: string, diff = "diff", stack = "prod") =>
    renderReport({
        ...{ stack, mode: "preview", succeeded: true, diff },
        summary: {
            ...{
                errors: [],
                isBehind: false,
                warnings: [],
                violations: { mandatory: [], advisory: [] },
                pools: [{ ...line, to: version }],
            },
            changes: version === "1.1.1" ? [] : [{ op: "update", type: "t", name: version, digest: "d" }],
        },
    } as const).text;

test("a pull request has one comment for each stack, whatever the number of runs", async () => {
    await commentOnPullRequest(github(), reportOf("2.2.2"), 7);
    await commentOnPullRequest(github(), reportOf("2.2.2", "diff", "other--stack"), 7);
    await commentOnPullRequest(github(), reportOf("3.3.3"), 7);
    expect(server.comments).toHaveLength(2);
    expect(server.comments[0].body).toContain("1.1.1 → **3.3.3**");
});

test("what GitHub fails to answer is asked again, a change of an issue too", async () => {
    await updateIssue(github(), reportOf("2.2.2"));
    server.failures = 1;
    await updateIssue(github(), reportOf("3.3.3"));
    expect(server.issues[0].body).toContain("3.3.3");
    server.failures = 1;
    await call(github(), "PATCH", "issues/1", { body: "changed" });
    expect(server.issues[0].body).toBe("changed");
});

test("a comment whose answer is an error is not sent again: it may be there", async () => {
    server.failures = 1;
    await expect(call(github(), "POST", "issues/7/comments", { body: "one" })).rejects.toThrow(
        "GitHub answered 502 to POST issues/7/comments",
    );
    expect(server.comments).toHaveLength(0);
});

test("a pending bump opens one issue; the next nights update it, and the finished bump closes it", async () => {
    await updateIssue(github(), reportOf("1.1.1"));
    expect(server.issues).toHaveLength(0);
    await updateIssue(github(), reportOf("2.2.2"));
    await updateIssue(github(), reportOf("3.3.3"));
    expect(server.issues).toHaveLength(1);
    expect(server.issues[0]).toMatchObject({ title: "prod: a bump of pool1 is pending", labels: ["kamino-bump"] });
    expect(server.issues[0].body).toContain("3.3.3");
    await updateIssue(github(), reportOf("1.1.1"));
    expect(server.issues[0].state).toBe("closed");
    await updateIssue(github(), reportOf("4.4.4"));
    expect(server.issues).toHaveLength(2);
});

test("until it is reviewed an issue has the newest plan; a review holds while the changes stay the same, and so does its plan", async () => {
    await updateIssue(github("99"), reportOf("2.2.2", "ready 14h"));
    await updateIssue(github("100"), reportOf("2.2.2", "ready 15h"));
    expect(server.issues[0].body).toContain("ready 15h");
    expect(await reviewedRun(github(), "prod")).toBeUndefined();
    server.issues[0].labels.push("kamino-reviewed");
    await updateIssue(github("101"), reportOf("2.2.2", "ready 16h"));
    expect(await reviewedRun(github(), "prod")).toBe("100");
    expect(server.issues[0].body).toContain("ready 15h");
    expect(await reviewedRun(github(), "other")).toBeUndefined();
});

test("a plan that text from the cluster names is not the reviewed one, whatever its diff looks like", async () => {
    const forged = `<!-- kamino-plan: 666 made ${NIGHT.now.toISOString()} by ${NIGHT.program} -->`;
    await updateIssue(github("100"), reportOf("2.2.2", `${forged}\n  ~ os: ${forged}`));
    server.issues[0].labels.push("kamino-reviewed");
    expect(await reviewedRun(github(), "prod")).toBe("100");
    // An issue of an earlier version may still have it before the real one.
    server.issues[0].body = `${forged}\r\n${server.issues[0].body.replaceAll("\n", "\r\n")}`;
    expect(await reviewedRun(github(), "prod")).toBe("100");
});

test("each stack has its own issue, also where a repository has hundreds of comments and issues", async () => {
    const other = { body: "not ours", labels: ["kamino-bump"] };
    server.issues.push(...Array.from({ length: 150 }, (_, index) => ({ number: index + 1, ...other })));
    for (const stack of ["prod", "test", "prod"]) {
        await updateIssue(github(), reportOf("2.2.2", "diff", stack));
    }
    expect(server.issues.slice(150).map(({ title }) => title)).toEqual([
        "prod: a bump of pool1 is pending",
        "test: a bump of pool1 is pending",
    ]);
});

test("when the changes change the review is gone", async () => {
    await updateIssue(github("100"), reportOf("2.2.2"));
    server.issues[0].labels.push("kamino-reviewed", "urgent");
    await updateIssue(github("101"), reportOf("3.3.3"));
    expect(server.issues[0].labels).toEqual(["kamino-bump", "urgent"]);
    expect(await reviewedRun(github(), "prod")).toBeUndefined();
});

test.each([
    [
        "another program made it, such as one with another version of an SDK",
        { ...later(1), program: "ffff0000" },
        "another version of the program made it",
    ],
    ["it is so old that GitHub is about to delete it", later(25.1), "it is more than 25 days old"],
])("a reviewed plan is replaced, and the issue says so, where %s", async (_what, facts, why) => {
    // Comments are kept of issue 7 alone.
    server.issues.push(...Array.from({ length: 6 }, (_, index) => ({ number: index + 1, body: "", labels: [] })));
    await updateIssue(github("100"), reportOf("2.2.2"));
    server.issues[6].labels.push("kamino-reviewed", "urgent");
    await updateIssue(github("101"), reportOf("2.2.2"), later(25));
    expect(await reviewedRun(github(), "prod", later(25))).toBe("100");
    expect(await reviewOf(github(), "prod", facts)).toEqual({ pending: true, outdated: why });
    await updateIssue(github("102"), reportOf("2.2.2"), facts);
    expect(server.issues[6].labels).toEqual(["kamino-bump", "urgent"]);
    expect(server.issues[6].body).toContain(
        `<!-- kamino-plan: 102 made ${facts.now.toISOString()} by ${facts.program} -->`,
    );
    expect(server.comments.map(({ body }) => body)).toEqual([
        `The plan that was reviewed is replaced, and not carried out: ${why}. Review it again, and add the label \`kamino-reviewed\`.`,
    ]);
    server.issues[6].labels.push("kamino-reviewed");
    expect(await reviewedRun(github(), "prod", facts)).toBe("102");
    await updateIssue(github("103"), reportOf("2.2.2"), facts);
    expect(server.comments).toHaveLength(1);
});

test("the plan in an issue of an earlier version is read, and of another program: it is made anew", async () => {
    await updateIssue(github("100"), reportOf("2.2.2"));
    const [issue] = server.issues;
    issue.body = issue.body.replace(/<!-- kamino-plan: .*/, "<!-- kamino-plan: 100 -->");
    issue.labels.push("kamino-reviewed");
    expect(await reviewOf(github(), "prod", NIGHT)).toEqual({
        pending: true,
        outdated: "another version of the program made it",
    });
});

test("a change is pending from its issue to its end, reviewed or not", async () => {
    expect(await reviewOf(github(), "prod", NIGHT)).toEqual({ pending: false });
    await updateIssue(github("100"), reportOf("2.2.2"));
    expect(await reviewOf(github(), "prod", NIGHT)).toEqual({ pending: true });
    server.issues[0].labels.push("kamino-reviewed");
    expect(await reviewOf(github(), "prod", NIGHT)).toEqual({ pending: true, run: "100" });
});

test("another source or another version of a package is another program, and nothing else is", () => {
    const project = mkdtempSync(join(tmpdir(), "kamino-test-"));
    const digest = (change: Record<string, string>) => {
        for (const [name, text] of Object.entries(change)) {
            mkdirSync(dirname(join(project, name)), { recursive: true });
            writeFileSync(join(project, name), text);
        }
        return programDigest(project);
    };
    try {
        const first = digest({
            "index.ts": "1",
            "components/a/b.ts": "1",
            "package-lock.json": "{}",
            "policies/all.ts": "1",
        });
        expect(first).toMatch(/^[0-9a-f]{16}$/);
        expect(digest({ "docs/a.md": "1", "policies/node_modules/x.js": "1", "Pulumi.prod.yaml": "1" })).toBe(first);
        const digests = [
            "components/a/b.ts",
            "components/c.sh",
            "package-lock.json",
            "index.ts",
            "policies/all.ts",
        ].map((name) => digest({ [name]: "2" }));
        expect(new Set([first, ...digests]).size).toBe(6);
    } finally {
        rmSync(project, { recursive: true });
    }
});

test("a refusal of GitHub is one line with what was asked, and without the token", async () => {
    const wrong = { ...github(), token: "hunter2" };
    await expect(updateIssue(wrong, reportOf("2.2.2"))).rejects.toThrow(
        /^GitHub answered 404 to GET issues.*: Not Found$/,
    );
});

test("a token file is written at once and renewed", async () => {
    const scratch = mkdtempSync(join(tmpdir(), "kamino-test-"));
    const env = {
        ...{
            ACTIONS_ID_TOKEN_REQUEST_URL: `${server.url}/token?v=1`,
            ACTIONS_ID_TOKEN_REQUEST_TOKEN: "t",
            ARM_USE_OIDC: "true",
        },
        ...{ ARM_CLIENT_ID: "c", ARM_TENANT_ID: "x" },
    };
    const kept = await keepTokenFile(env, scratch, 50);
    try {
        const file = kept?.env.AZURE_FEDERATED_TOKEN_FILE ?? "";
        expect(kept?.env).toMatchObject({ AZURE_CLIENT_ID: "c", AZURE_TENANT_ID: "x" });
        expect(readFileSync(file, "utf8")).toMatch(/^token 1 api:\/\/AzureADTokenExchange$/);
        await expect.poll(() => readFileSync(file, "utf8"), { timeout: 5000 }).toMatch(/^token [2-9]/);
    } finally {
        await kept?.stop();
        rmSync(scratch, { recursive: true, maxRetries: 5 });
    }
    expect(await keepTokenFile({}, scratch)).toBeUndefined();
});
