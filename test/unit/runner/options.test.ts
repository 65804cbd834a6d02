// The runner's command line.
import { expect, test } from "vitest";
import { readOptions } from "../../../runner/options";

test("a mode is all that is needed", () => {
    expect(readOptions(["preview"], {})).toEqual({ mode: "preview" });
    expect(readOptions(["up"], {})).toEqual({ mode: "up" });
});

test("flags win over the environment, and empty variables are as good as none", () => {
    const env = { KAMINO_STACK: "one", KAMINO_PLAN: "", KAMINO_REPORT: "r.md" };
    expect(readOptions(["up", "--stack", "two"], env)).toEqual({ mode: "up", stack: "two", report: "r.md" });
});

test("a new image may be asked for, with or without a question", () => {
    expect(readOptions(["up", "--retake", "pool1"], {})).toMatchObject({ retake: "pool1", yes: false });
    expect(readOptions(["up", "--retake", "pool1", "--yes"], {})).toMatchObject({ retake: "pool1", yes: true });
});

test("--help asks for the usage", () => {
    expect(readOptions(["--help"], {})).toBeUndefined();
});

test.each([
    [[], "one mode"],
    [["destroy"], 'not "destroy"'],
    [["up", "preview"], 'not "up preview"'],
    [["up", "--stak", "dev"], "Unknown option '--stak'"],
    [["preview", "--plan", "p.json"], "--plan is for up"],
    [["up", "--retake", "pool1", "--plan", "p.json"], "--retake makes its own plan"],
    [["up", "--retake"], "argument missing"],
    [["up", "--save-plan", "p.json"], "--save-plan is for preview"],
])("%j is refused in one line", (args, message) => {
    expect(() => readOptions(args, {})).toThrow(message);
    expect(() => readOptions(args, {})).not.toThrow("\n");
});
