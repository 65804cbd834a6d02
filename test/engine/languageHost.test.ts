// The Node language host and the dynamic provider, under the real engine.
import * as fs from "node:fs";
import * as path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { newRunDirectory, removeRunDirectories, tinyStack } from "./stack";

afterAll(removeRunDirectories);

describe("a program on the sandbox's engine", () => {
    test("is previewed, created, left alone and destroyed", async () => {
        const { stack, journal } = await tinyStack({ text: "one" });

        const preview = await stack.preview("--diff");
        expect(preview.exitCode).toBe(0);
        expect(preview.changes).toEqual(["create tiny-test", "create note"]);
        expect(journal()).not.toContain("create begins one");

        const up = (await stack.up()).orFail();
        expect(up.summary).toEqual({ create: 2 });
        expect(journal()).toContain("create ends one");
        expect(await stack.outputs()).toMatchObject({
            text: "one",
            nodeArguments: ["--require", "../../../components/engine/typescript.cjs"],
        });

        expect((await stack.up()).changes).toEqual([]);
        // The reference to the stack itself has news: the update before.
        expect((await stack.refresh()).orFail().summary).toEqual({ same: 2, update: 1 });

        expect((await stack.destroy()).orFail().changes).toEqual(["delete note", "delete tiny-test"]);
        expect(await stack.resources()).toEqual([]);
    });

    test("prints no warning, least of all about where its plugins were found", async () => {
        const { stack } = await tinyStack({ text: "one" });
        const preview = (await stack.preview()).orFail();
        expect(preview.messages("warning")).toEqual([]);
        expect(preview.output).not.toMatch(/plugin|PATH/i);
    });

    test("runs a resource's afterCreate hook in an update and not in a preview", async () => {
        const { stack, journal } = await tinyStack({ text: "one" });
        (await stack.preview()).orFail();
        expect(journal()).not.toContain("afterCreate note");
        (await stack.up()).orFail();
        expect(journal()).toContain("afterCreate note");
    });

    test("has the whole configuration in its dynamic provider, secrets decrypted", async () => {
        const { stack, journal } = await tinyStack(
            { text: "one" },
            { word: "said", "azure-native:clientSecret": "hidden" },
        );
        const preview = (await stack.preview()).orFail();
        expect(journal()).toContain("configure word=said secret=hidden");
        expect(preview.output).not.toContain("hidden");
        (await stack.up()).orFail();
        expect((await stack.run("stack", "export")).stdout).not.toContain("hidden");
    });

    test("reads its own last outputs and those of another stack", async () => {
        const runDirectory = newRunDirectory();
        const first = await tinyStack({ text: "one" }, {}, runDirectory, "first");
        (await first.stack.up()).orFail();
        expect(await first.stack.outputs()).toMatchObject({ before: "nothing" });
        await first.stack.configure({ text: "two" });
        (await first.stack.up()).orFail();
        expect(await first.stack.outputs()).toMatchObject({ before: "one" });

        const second = await tinyStack({ text: "x", reference: "organization/tiny/first" }, {}, runDirectory, "second");
        (await second.stack.up()).orFail();
        expect(await second.stack.outputs()).toMatchObject({ before: "two" });
    });

    test("ends with its own message alone when it cannot go on", async () => {
        const { stack } = await tinyStack({ text: "one", fail: true });
        const preview = await stack.preview();
        expect(preview.exitCode).not.toBe(0);
        expect(preview.messages("error")).toEqual(["the configuration says fail"]);
        expect(preview.output).not.toMatch(/^\s+at /m);
    });

    test("says what the dynamic provider's check refuses, and which resource's property", async () => {
        const { stack } = await tinyStack({ text: "refused" });
        const preview = await stack.preview();
        expect(preview.exitCode).not.toBe(0);
        expect(preview.messages("error").join()).toMatch(/resource 'note': property text .* this text is refused/);
    });

    test("says in one line why a resource could not be created", async () => {
        const { stack } = await tinyStack({ text: "broken" });
        const up = await stack.up();
        expect(up.exitCode).not.toBe(0);
        expect(up.messages("error")).toContain("the note cannot be written");
        expect(up.output).not.toMatch(/^\s+at /m);
    });

    test("answers --json with nothing but JSON", async () => {
        const { stack } = await tinyStack({ text: "one" });
        const plan = (await stack.preview("--json")).orFail().json<{ steps: { op: string }[] }>();
        expect(plan.steps.map((step) => step.op)).toEqual(["create", "read", "create"]);
    });

    test("does what a saved plan says, and nothing when that would be something else", async () => {
        const { stack, runDirectory, journal } = await tinyStack({ text: "one" });
        const plan = path.join(runDirectory, "plan.json");
        (await stack.preview("--save-plan", plan)).orFail();

        await stack.configure({ text: "another" });
        const other = await stack.up("--plan", plan);
        expect(other.exitCode).not.toBe(0);
        expect(other.output).toMatch(/violates plan/);
        expect(journal().join()).not.toContain("create begins");

        await stack.configure({ text: "one" });
        (await stack.up("--plan", plan)).orFail();
        expect(journal()).toContain("create ends one");
    });

    test("is held to a policy pack", async () => {
        const pack = path.join(__dirname, "policies");
        const { stack } = await tinyStack({ text: "forbidden" });
        const refused = await stack.preview("--policy-pack", pack);
        expect(refused.exitCode).not.toBe(0);
        expect(refused.output).toContain("this note says forbidden");

        await stack.configure({ text: "allowed" });
        expect((await stack.preview("--policy-pack", pack)).exitCode).toBe(0);
    });

    test("leaves its own folder as it was", async () => {
        const { stack } = await tinyStack({ text: "one" });
        const before = fs.readdirSync(path.join(__dirname, "program"));
        (await stack.up()).orFail();
        expect(fs.readdirSync(path.join(__dirname, "program"))).toEqual(before);
    });
});
