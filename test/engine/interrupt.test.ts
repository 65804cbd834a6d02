// What is left of a run that is interrupted or killed: no process, and a stack that can go on.
import * as fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { removeRunDirectories, tinyStack, type TinyStack } from "./stack";

afterAll(removeRunDirectories);

const delay = 4000;

test("one Ctrl-C lets a resource that is being created be finished and kept", async () => {
    const tiny = await tinyStack({ text: "one", delay });
    const up = await atWork(tiny);
    up.interrupt();
    const outcome = await up.outcome;

    expect(outcome.exitCode).not.toBe(0);
    expect(outcome.output).toContain("^C received; cancelling");
    expect(tiny.journal()).toContain("create ends one");
    expect(processesOf(tiny)).toEqual([]);
    expect((await tiny.stack.preview()).orFail().changes).toEqual([]);
});

test("a second Ctrl-C reaches the dynamic provider as SIGINT and ends the run at once", async () => {
    const tiny = await tinyStack({ text: "one", delay: 60_000 });
    const up = await atWork(tiny);
    up.interrupt();
    await up.said("cancelling");
    up.interrupt();
    const outcome = await up.outcome;

    expect(outcome.exitCode).not.toBe(0);
    expect(tiny.journal()).toContain("SIGINT");
    expect(tiny.journal()).not.toContain("create ends one");
    expect(processesOf(tiny)).toEqual([]);
    expect((await tiny.stack.preview()).orFail().changes).toEqual(["create note"]);
});

test("an engine that is killed takes its plugins and the program with it", async () => {
    const tiny = await tinyStack({ text: "one", delay: 60_000 });
    const up = await atWork(tiny);
    up.kill();
    await up.outcome;

    for (let tries = 0; processesOf(tiny).length > 0 && tries < 50; tries++) {
        await sleep(100);
    }
    expect(processesOf(tiny)).toEqual([]);
    // The lock of the run that was killed is still there.
    expect((await tiny.stack.up("--skip-preview")).output).toMatch(/lock/);
    await tiny.stack.configure({ delay: 0 });
    (await tiny.stack.run("cancel", "--yes")).orFail();
    (await tiny.stack.up("--skip-preview")).orFail();
});

/** Starts `up` and resolves once the dynamic provider is in the middle of creating the note. */
async function atWork(tiny: TinyStack) {
    const up = tiny.stack.start("up", "--skip-preview");
    while (!tiny.journal().includes("create begins one")) {
        await Promise.race([sleep(50), up.outcome.then((outcome) => outcome.orFail())]);
    }
    const expected = ["pulumi up", "pulumi-language-nodejs", "cmd/run", "pulumi-resource-pulumi-nodejs"];
    const programs = expected.map((name) => expect.stringContaining(name) as string);
    expect(processesOf(tiny)).toEqual(expect.arrayContaining(programs));
    return up;
}

/** The command lines of all processes whose environment names the stack's run directory. */
function processesOf(tiny: TinyStack): string[] {
    const ids = fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    return ids.flatMap((id) => {
        try {
            const own = fs.readFileSync(`/proc/${id}/environ`, "utf8").includes(tiny.runDirectory);
            return own ? [fs.readFileSync(`/proc/${id}/cmdline`, "utf8").replaceAll("\0", " ")] : [];
        } catch {
            return []; // It ended while we looked.
        }
    });
}
