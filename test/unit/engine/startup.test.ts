// The parts of Pulumi's SDK that are loaded when they are first used: not before, and then all of them.
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { repository } from "../../../sandbox/engine/paths";

/** Runs code in a process of its own, and gives what it prints as JSON. */
function run<T>(code: string, preload = ["--require", "./components/engine/startup.cjs"], env = process.env): T {
    const args = [...preload, "--eval", code];
    const stdio = ["ignore" as const, "pipe" as const, "pipe" as const];
    return JSON.parse(execFileSync(process.execPath, args, { cwd: repository, env, encoding: "utf8", stdio })) as T;
}

test("the SDK loads neither TypeScript's compiler nor npm's library, which make up most of it", () => {
    const loaded = `
        require("@pulumi/pulumi");
        const heavy = /node_modules.(typescript|@npmcli.arborist).|pulumi.automation.localWorkspace/;
        console.log(JSON.stringify(Object.keys(require.cache).filter((file) => heavy.test(file))));`;
    expect(run(loaded)).toEqual([]);
    expect(run<string[]>(loaded, []).length).toBeGreaterThan(10);
});

test("the SDK has the same parts as without", () => {
    const parts = `
        const { automation, runtime } = require("@pulumi/pulumi");
        console.log(JSON.stringify([Object.keys(automation), Object.keys(runtime), typeof automation.LocalWorkspace.create]));`;
    expect(run(parts)).toEqual(run(parts, []));
});

test("a function is taken apart as without", () => {
    const text = `
        const { runtime } = require("@pulumi/pulumi");
        const captured = { name: "pool1" };
        runtime.serializeFunction(() => captured.name, {}).then(({ text }) => console.log(JSON.stringify(text)));`;
    expect(run<string>(text)).toContain("pool1");
    expect(run(text)).toEqual(run(text, []));
});

test("a promise gets its stack trace only where the SDK would show it", () => {
    const code = `
        const { debuggablePromise } = require("@pulumi/pulumi/runtime/debuggable");
        const promise = Promise.resolve();
        debuggablePromise(promise, "test");
        console.log(JSON.stringify([/\\n +at /.test(promise._debugStackTrace), Error.stackTraceLimit]));`;
    expect(run(code)).toEqual([false, 10]);
    expect(run(code, undefined, { ...process.env, PULUMI_DEBUG_PROMISE_LEAKS: "1" })).toEqual([true, 10]);
});
