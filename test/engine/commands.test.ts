// The command lines that the language host makes of what the engine asks for.
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { pluginCommand, programCommand, runtimeOptions } from "../../sandbox/plugins/language-nodejs/commands";

const programDirectory = path.join(__dirname, "program");

const run = {
    project: "tiny",
    stack: "test",
    organization: "organization",
    pwd: programDirectory,
    rootDirectory: programDirectory,
    programDirectory,
    entryPoint: ".",
    args: [],
    config: { "tiny:text": "one" },
    configSecretKeys: ["tiny:word"],
    dryRun: false,
    parallel: 16,
    monitorAddress: "127.0.0.1:1",
    engineAddress: "127.0.0.1:2",
    options: runtimeOptions({}),
};

describe("runtime options", () => {
    test("compile TypeScript unless told not to", () => {
        expect(runtimeOptions({})).toEqual({ typescript: true, nodeargs: [], tsconfig: undefined });
        expect(runtimeOptions({ typescript: false }).typescript).toBe(false);
    });

    test("split Node's arguments as a shell would", () => {
        const { nodeargs } = runtimeOptions({ nodeargs: `--require esbuild-register --title "a b"` });
        expect(nodeargs).toEqual(["--require", "esbuild-register", "--title", "a b"]);
    });

    test.each([{ typescript: "no" }, { nodeargs: true }, { tsconfig: 1 }])(
        "name the one that makes no sense: %j",
        (it) => {
            expect(() => runtimeOptions(it)).toThrow(`runtime option ${Object.keys(it)[0]} must be`);
        },
    );
});

describe("a program's command", () => {
    test("runs the SDK's launcher with the engine's addresses, after Node's own arguments", () => {
        const { args, env, cwd } = programCommand(
            { ...run, options: runtimeOptions({ nodeargs: "--trace-warnings" }) },
            {},
        );
        expect(args[0]).toBe("--trace-warnings");
        expect(args[1]).toMatch(/@pulumi\/pulumi\/cmd\/run\/index\.js$/);
        expect(args).toContain("--monitor=127.0.0.1:1");
        expect(args).toContain("--engine=127.0.0.1:2");
        expect(args).not.toContain("--dry-run");
        expect(args.at(-1)).toBe(".");
        expect(cwd).toBe(programDirectory);
        expect(env.PULUMI_CONFIG).toBe(`{"tiny:text":"one"}`);
        expect(env.PULUMI_CONFIG_SECRET_KEYS).toBe(`["tiny:word"]`);
    });

    test("says when it is only a preview", () => {
        expect(programCommand({ ...run, dryRun: true }, {}).args).toContain("--dry-run");
    });

    test("cannot be made for a program without the SDK, and says what to do", () => {
        expect(() => programCommand({ ...run, programDirectory: "/" }, {})).toThrow(
            "@pulumi/pulumi is not installed for the program in /: run npm ci there",
        );
    });
});

describe("a policy pack's command", () => {
    test("runs in the pack's folder, with the engine's address ahead of the pack", () => {
        const pluginDirectory = path.join(__dirname, "policies");
        const { args, cwd, env } = pluginCommand({
            kind: "analyzer",
            pwd: "/",
            pluginDirectory,
            args: ["127.0.0.1:2"],
            env: ["A=b=c", "EMPTY="],
            options: runtimeOptions({}),
        });
        expect(args[0]).toMatch(/cmd\/run-policy-pack\/index\.js$/);
        expect(args.slice(1)).toEqual(["127.0.0.1:2", pluginDirectory]);
        expect(cwd).toBe(pluginDirectory);
        expect(env).toMatchObject({ A: "b=c", EMPTY: "" });
    });
});
