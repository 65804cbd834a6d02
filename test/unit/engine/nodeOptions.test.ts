// NODE_OPTIONS by which every Node process below preloads what makes Pulumi's SDK start sooner.
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { withStartup } from "../../../components/engine/nodeOptions";

test("the options that are there already stay, and nothing is added twice", () => {
    const env = withStartup({ NODE_OPTIONS: "--max-old-space-size=512" });
    expect(env.NODE_OPTIONS).toMatch(/^--max-old-space-size=512 --require ".*components\/engine\/startup\.cjs"$/);
    expect(withStartup(env)).toBe(env);
});

test("a Node process takes them", () => {
    const code = `console.log(Object.keys(require.cache).some((file) => file.endsWith("startup.cjs")))`;
    const env = withStartup(process.env);
    expect(execFileSync(process.execPath, ["--eval", code], { env, encoding: "utf8" }).trim()).toBe("true");
});
