// The flags that the runner gives to pulumi by itself, and what it shows of its output.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { scripts } from "../../../package.json";
import { forWholeStacks, parallelFlags } from "../../../runner/pulumi";

test("an up works on more resources at once than the machine has cores for, unless the environment says how many", () => {
    expect(parallelFlags({})).toEqual(["--parallel", "64"]);
    expect(parallelFlags({ PULUMI_PARALLEL: "4" })).toEqual([]);
    expect(parallelFlags({ PULUMI_OPTION_PARALLEL: "2" })).toEqual([]);
    expect(parallelFlags({ PULUMI_PARALLEL: "" })).toEqual(["--parallel", "64"]);
});

test("no variable has pulumi carry out a part of a stack, or go on after an error", () => {
    const kept = { PATH: "/bin", PULUMI_OPTION_PARALLEL: "2", PULUMI_PARALLEL: "2", PULUMI_ACCESS_TOKEN: "t" };
    const left = ["TARGET", "TARGET_DEPENDENTS", "TARGET_REPLACE", "EXCLUDE", "REPLACE", "CONTINUE_ON_ERROR"];
    const others = Object.fromEntries(left.map((name) => [`PULUMI_OPTION_${name}`, "true"]));
    expect(forWholeStacks({ ...kept, ...others, PULUMI_CONTINUE_ON_ERROR: "true" })).toEqual(kept);
});

test("what pulumi prints during an up is shown at once, without any command for a CI service", async () => {
    const directory = mkdtempSync(join(tmpdir(), "kamino-test-"));
    try {
        const lines = [
            "    ~ tags: ##vso[task.setvariable variable=BASH_ENV]/x",
            "::stop-commands::x",
            "Updating (prod):",
        ];
        const script = `#!/bin/sh\n${lines.map((line) => `echo '${line}'; echo '${line}' >&2`).join("\n")}\nexit 1\n`;
        writeFileSync(join(directory, "pulumi"), script, { mode: 0o755 });
        const plan = join(directory, "plan.json");
        const { exitCode, stdout, stderr } = await execa(
            process.execPath,
            [...scripts.up.split(" ").slice(1), "--stack", "prod", "--plan", plan],
            {
                ...{ cwd: join(__dirname, "..", "..", ".."), extendEnv: false, reject: false, stdin: "ignore" },
                env: { PATH: `${directory}:${process.env.PATH}`, HOME: directory, TF_BUILD: "True" },
            },
        );
        expect(exitCode).toBe(1);
        for (const output of [stdout, stderr]) {
            expect(output).toContain(
                "    ~ tags: # #vso[task.setvariable variable=BASH_ENV]/x\n: :stop-commands::x\nUpdating",
            );
            expect(output).not.toMatch(/##vso\[|^::/m);
        }
    } finally {
        rmSync(directory, { recursive: true });
    }
});
