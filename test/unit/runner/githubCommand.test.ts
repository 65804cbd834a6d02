// `npm run github`, as the workflows call it: the command itself, against a small server that does as GitHub does.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { scripts } from "../../../package.json";
import { renderReport } from "../../../runner/report";
import { GitHubServer } from "./gitHubServer";

let server: GitHubServer;
let directory: string;
let file: string;
let output: string;

beforeAll(async () => {
    server = await GitHubServer.start();
    directory = mkdtempSync(join(tmpdir(), "kamino test "));
    [file, output] = ["report.md", "output"].map((name) => join(directory, name));
    writeFileSync(output, "");
});
afterAll(() => {
    server.stop();
    rmSync(directory, { recursive: true, force: true });
});

function github(args: string[], env: NodeJS.ProcessEnv = {}) {
    const action = { GITHUB_TOKEN: "t", GITHUB_REPOSITORY: "o/r", GITHUB_API_URL: server.url, GITHUB_RUN_ID: "100" };
    // The script of package.json without npm around it, which takes longer to start than all of this.
    const [node, ...script] = scripts.github.split(" ");
    return execa(node, [...script, ...args], {
        cwd: join(__dirname, "..", "..", ".."),
        env: { PATH: process.env.PATH, HOME: directory, GITHUB_OUTPUT: output, ...action, ...env },
        ...{ extendEnv: false, reject: false, all: true, stdin: "ignore" },
    } as const);
}

/** A report of a pending bump, or of no changes. */
function write(pending: boolean): void {
    const line = { pool: "pool1", node: "n", rebootNeededAt: "", from: "1.1.1", restore: [], explanation: "" };
    const summary = {
        ...{ isBehind: false, errors: [], warnings: [], violations: { mandatory: [], advisory: [] } },
        pools: [{ ...line, to: pending ? "2.2.2" : "1.1.1" }],
        changes: pending ? [{ op: "update", type: "t", name: "pool1", digest: "d" }] : [],
    };
    writeFileSync(file, renderReport({ stack: "prod", mode: "preview", summary, diff: "diff", succeeded: true }).text);
}

test("one night after the other: an issue, its review, the plan of the next up, the end", async () => {
    const isFine = { exitCode: 0, all: "" };
    write(true);
    expect(await github(["issue", "--report", file])).toMatchObject(isFine);
    expect(await github(["issue", "--report", file])).toMatchObject(isFine);
    expect(server.issues).toHaveLength(1);

    expect(await github(["reviewed", "--stack", "prod"])).toMatchObject({ exitCode: 0, all: "No plan is reviewed." });
    server.issues[0].labels.push("kamino-reviewed");
    const reviewed = await github(["reviewed", "--stack", "prod"], { GITHUB_RUN_ID: "101" });
    expect(reviewed).toMatchObject({ exitCode: 0, all: "The plan of run 100 is reviewed." });
    expect(readFileSync(output, "utf8")).toBe("run=\npending=true\nrun=100\npending=true\n");

    write(false);
    expect(await github(["issue", "--report", file])).toMatchObject(isFine);
    expect(server.issues).toMatchObject([{ state: "closed" }]);
}, 60_000);

test("a pull request gets its comment", async () => {
    write(true);
    expect(await github(["comment", "--report", file, "--pull-request", "7"])).toMatchObject({ exitCode: 0 });
    expect(server.comments).toMatchObject([{ body: readFileSync(file, "utf8") }]);
});

test.each([
    [["comment"], {}, "use: comment --report FILE --pull-request N | issue --report FILE | reviewed --stack NAME"],
    [["reviewed", "--stack", "prod"], { GITHUB_TOKEN: "" }, "GITHUB_TOKEN and GITHUB_REPOSITORY are not set"],
    [["issue", "--report", "no-such-file"], {}, "no such file"],
    [["reviewed", "--stack", "prod"], { GITHUB_TOKEN: "hunter2" }, "GitHub answered 404 to GET issues"],
])("%j with %j is refused in one line", async (args, env, message) => {
    const { exitCode, all } = await github(args, env);
    expect(exitCode).toBe(1);
    expect(all).toContain(message);
    expect(all).not.toMatch(/\n|hunter2/);
});
