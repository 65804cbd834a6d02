// A run whose terminal or reader goes away: it stops as for any other signal, and leaves nothing behind.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { scripts } from "../../../package.json";

let directory: string;

/** Stands for an update that is under way: it stops when it gets SIGINT, as the engine does, and goes on to print. */
const PULUMI = `#!/bin/sh
[ "$1" = up ] || exit 1
trap 'echo INT >>"$HOME/signals"; echo stopping; echo stopping >&2; sleep 0.3; echo stopped; exit 1' INT
echo "Updating (prod):"
while :; do echo "working"; sleep 0.05; done
`;

beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "kamino-test-"));
    mkdirSync(join(directory, "tmp"));
    writeFileSync(join(directory, "pulumi"), PULUMI, { mode: 0o755 });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** An up, once pulumi is under way. */
async function startUp() {
    const [node, ...script] = scripts.up.split(" ");
    const report = join(directory, "report.md");
    const args = [...script, "--stack", "prod", "--plan", join(directory, "plan.json"), "--report", report];
    const child = spawn(node, args, {
        cwd: join(__dirname, "..", "..", ".."),
        env: { PATH: `${directory}:${process.env.PATH}`, HOME: directory, TMPDIR: join(directory, "tmp") },
        stdio: ["ignore", "pipe", "pipe"],
    });
    const said: string[] = [];
    child.stderr.on("data", (data) => said.push(String(data)));
    await new Promise<void>((done) => {
        child.stdout.on("data", (data) => /working/.test(String(data)) && done());
    });
    expect(readdirSync(join(directory, "tmp"))).toHaveLength(1);
    return { child, ended: once(child, "exit") as Promise<[number | null, string | null]>, said: () => said.join("") };
}

function expectStopped(): void {
    expect(readFileSync(join(directory, "signals"), "utf8")).toBe("INT\n");
    expect(readFileSync(join(directory, "report.md"), "utf8")).toMatch(/^## prod: up failed/);
    expect(readdirSync(join(directory, "tmp"))).toEqual([]);
}

test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
    "%s stops pulumi, once, and the run ends when it has",
    async (signal) => {
        const { child, ended, said } = await startUp();
        child.kill(signal);
        expect(await ended).toEqual([1, null]);
        expect(said()).toContain(`${signal}: stopping; a capture that is under way first restores its node.`);
        expectStopped();
    },
);

test("the end of the terminal stops it just so, although nobody reads any more what it prints", async () => {
    const { child, ended } = await startUp();
    child.stdout.destroy();
    child.stderr.destroy();
    child.kill("SIGHUP");
    expect(await ended).toEqual([1, null]);
    expectStopped();
});

test("a reader that has read enough ends nothing", async () => {
    const { child, ended } = await startUp();
    child.stdout.destroy();
    child.stderr.destroy();
    await new Promise((done) => setTimeout(done, 500));
    expect(child.exitCode).toBeNull();
    child.kill("SIGTERM");
    expect(await ended).toEqual([1, null]);
    expectStopped();
});
