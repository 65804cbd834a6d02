// TypeScript without a build step: what runs is what the sources say, also from a bundle that was kept.
import { execFileSync } from "node:child_process";
import {
    cpSync,
    existsSync,
    mkdirSync,
    mkdtempSync,
    readFileSync,
    readdirSync,
    rmSync,
    symlinkSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { repository } from "../../../sandbox/engine/paths";

const LOADER = join("components", "engine", "typescript.cjs");
let project: string;
const cache = () => join(project, "node_modules", ".cache", "kamino");

const run = () =>
    execFileSync(process.execPath, ["--require", `./${LOADER}`, "index.ts"], {
        cwd: project,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
    }).trim();

function write(file: string, text: string) {
    writeFileSync(join(project, file), text);
}

/** The file that V8's code is kept in. */
const codeOf = () =>
    join(
        cache(),
        readdirSync(cache()).find((file) => !file.endsWith(".js"))!,
    );

/** Takes esbuild away: what runs after that was kept. */
const withoutCompiler = () => rmSync(join(project, "node_modules", "esbuild"));

beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), "kamino typescript "));
    mkdirSync(join(project, "node_modules"));
    cpSync(join(repository, "components/engine"), join(project, "components/engine"), { recursive: true });
    for (const name of ["esbuild", "@esbuild"]) {
        symlinkSync(join(repository, "node_modules", name), join(project, "node_modules", name));
    }
    write("index.ts", `import { text } from "./text"; const said: string = text; console.log(said);`);
    write("text.ts", `export const text: string = "one";`);
});

afterEach(() => rmSync(project, { recursive: true, force: true }));

test("a file and what it imports run as they are, the second time from what was kept", () => {
    expect(run()).toBe("one");
    withoutCompiler();
    expect(run()).toBe("one");
});

test("a changed file is compiled anew, and one that is changed back as well", () => {
    for (const text of ["one", "two", "one"]) {
        write("text.ts", `export const text: string = "${text}";`);
        expect(run()).toBe(text);
    }
});

test("other packages than those that a bundle was made with make it stale", () => {
    expect(run()).toBe("one");
    withoutCompiler();
    write("node_modules/.package-lock.json", "{}");
    expect(run).toThrow(/Cannot find module 'esbuild'/);
});

test("a bundle that is damaged or gone is made anew", () => {
    expect(run()).toBe("one");
    readdirSync(cache()).forEach((file) => write(`node_modules/.cache/kamino/${file}`, "{"));
    expect(run()).toBe("one");
    readdirSync(cache())
        .filter((file) => file.endsWith(".js"))
        .forEach((file) => rmSync(join(cache(), file)));
    expect(run()).toBe("one");
});

test("V8's code is kept, and used for the source alone that it was made from", () => {
    expect(run()).toBe("one");
    const first = readFileSync(codeOf());
    // As long as before, which is all that V8 itself looks at.
    write("text.ts", `export const text: string = "two";`);
    expect(run()).toBe("two");
    writeFileSync(codeOf(), first);
    expect(run()).toBe("two");
    expect(readFileSync(codeOf()).equals(first)).toBe(false);
});

test("V8's code that is damaged is made anew", () => {
    expect(run()).toBe("one");
    const good = readFileSync(codeOf());
    writeFileSync(codeOf(), good.subarray(0, good.length - 8));
    expect(run()).toBe("one");
    expect(readFileSync(codeOf()).length).toBe(good.length);
});

test("what is loaded has what Node gives each module", () => {
    write(
        "text.ts",
        `export const text = [typeof require.resolve("esbuild"), __filename, typeof require.cache].join(" ");`,
    );
    expect(run()).toBe(`string ${join(project, "index.ts")} object`);
});

test("a package that is imported later is loaded then, also from what was kept", () => {
    write("text.ts", `export const text = typeof import("esbuild").then((late) => console.log(typeof late.build));`);
    expect(run()).toBe("object\nfunction");
    expect(run()).toBe("object\nfunction");
});

test("where nothing can be written it runs all the same", () => {
    write("node_modules/.cache", "a file where the folder would be");
    expect(run()).toBe("one");
    expect(existsSync(cache())).toBe(false);
});

test("what does not compile says where", () => {
    write("text.ts", `export const text = ;`);
    expect(run).toThrow(/text\.ts:1:20: ERROR: Unexpected ";"/);
});
