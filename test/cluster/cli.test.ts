// The `sandbox` command, run as people run it: from another process, in the sandbox's environment.
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";

const repository = resolve(__dirname, "..", "..");

describe("the sandbox command", { timeout: 60_000 }, () => {
    let sandbox: Sandbox;
    let node: string;
    const run = (...args: string[]) =>
        execa("sandbox", args, { cwd: tmpdir(), env: sandbox.env, reject: false, all: true });

    beforeAll(async () => {
        sandbox = await startSandbox({ pools: [{ name: "blue", capacity: 2 }] });
        node = sandbox.azure.vms()[0].nodeName;
    }, 180_000);
    afterAll(() => sandbox?.stop());

    test("tells what it can do", async () => {
        const { all, exitCode } = await run("--help");
        expect(exitCode).toBe(0);
        for (const name of ["status", "patch NODE", "scale POOL COUNT", "disk NODE [FILE]"]) {
            expect(all).toContain(name);
        }
    });

    test("patches a node, with a negative offset too, and shows it", async () => {
        const patched = await run(
            "patch",
            node,
            "--level",
            "2026.11.22",
            "--at",
            "2026-11-22T04:12:00Z",
            "--offset",
            "-90",
        );
        expect(patched.all).toContain(`${node} has patch level 2026.11.22 and is back`);
        const { all } = await run("status");
        expect(all).toMatch(new RegExp(`${node} .* True .*2026-11-22 04:14Z .*2026.11.22 .*2026-11-22T02:42:00-01:30`));
    });

    test("shows what is on a disk", async () => {
        expect((await run("disk", node)).all).toContain("/etc/os-patch-level");
        expect((await run("disk", node, "etc/os-patch-level")).all).toBe("2026.11.22");
        // On this machine there is one.
        expect((await run("disk", node, "../../../../../../proc/version")).all).toMatch(/there is no file/);
    });

    test("scales a pool by its name", async () => {
        const { all } = await run("scale", "blue", "3");
        expect(all?.match(/running/g)).toHaveLength(3);
    });

    test("says what is wrong in one line", async () => {
        for (const args of [
            ["patch", "nobody"],
            ["scale", "green", "1"],
            ["scale", "blue", "many"],
            ["fly"],
            ["patch"],
            ["status", "--loud"],
        ]) {
            const { all, exitCode } = await run(...args);
            expect(exitCode, args.join(" ")).toBe(1);
            expect(all?.trim().split("\n"), args.join(" ")).toHaveLength(1);
            expect(all).toMatch(/^sandbox: /);
        }
    });

    test("ends with Ctrl-C and leaves nothing, also in the middle of a command", async () => {
        const program =
            `import("execa").then(({ execa }) => execa("sleep", ["60"], { reject: false }));` +
            `require(${JSON.stringify(join(repository, "sandbox/sandbox.ts"))}).startSandbox().then((it) => console.log(it.directory))`;
        const other = execa(process.execPath, ["-r", "esbuild-register", "-e", program], {
            cwd: repository,
            reject: false,
        });
        const directory = await new Promise<string>((found) =>
            other.stdout.once("data", (line: Buffer) => found(String(line).trim())),
        );
        expect(existsSync(directory)).toBe(true);
        other.kill("SIGINT");
        expect((await other).signal).toBe("SIGINT");
        expect(existsSync(directory)).toBe(false);
    });
});
