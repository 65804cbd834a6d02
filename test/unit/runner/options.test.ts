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

test("an up may be asked to do only what needs no review", () => {
    expect(readOptions(["up", "--upkeep"], { KAMINO_PLAN: "" })).toEqual({ mode: "up", upkeep: true });
    expect(() => readOptions(["up", "--upkeep"], { KAMINO_PLAN: "p.json" })).toThrow("--upkeep makes its own plan");
});

test("metrics go where flags or the environment say", () => {
    const env = { KAMINO_METRICS_FILE: "a.prom", KAMINO_METRICS_PUSH: "https://someone:hidden@push/gateway/" };
    expect(readOptions(["up", "--metrics-file", "b.prom"], env)).toEqual({
        ...{ mode: "up", metricsFile: "b.prom", metricsPush: env.KAMINO_METRICS_PUSH },
    });
});

test.each(["ftp://push", "push:9091", "http://", "http://someone:hidden@push?a=b", "http://push#a"])(
    "a push to %s is refused without repeating it",
    (url) => {
        const message = "--metrics-push (KAMINO_METRICS_PUSH) must be the URL of a Pushgateway";
        expect(() => readOptions(["up", "--metrics-push", url], {})).toThrow(message);
        expect(() => readOptions(["up"], { KAMINO_METRICS_PUSH: url })).not.toThrow("hidden");
    },
);

test("packages go to the folder that a flag or the environment names, which a preview does not mind", () => {
    const env = { KAMINO_PACKAGES: "lists" };
    expect(readOptions(["up", "--packages", "others"], env)).toEqual({ mode: "up", packages: "others" });
    expect(readOptions(["preview"], env)).toEqual({ mode: "preview", packages: "lists" });
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
    [["preview", "--upkeep"], "--upkeep is for up"],
    [["up", "--upkeep", "--plan", "p.json"], "--upkeep makes its own plan"],
    [["up", "--upkeep", "--retake", "pool1"], "--upkeep takes no new image"],
    [["up", "--retake"], "argument missing"],
    [["up", "--metrics-file", "metrics.txt"], '--metrics-file must end in .prom, not "metrics.txt"'],
    [["up", "--save-plan", "p.json"], "--save-plan is for preview"],
    [["preview", "--packages", "lists"], "--packages is for up"],
])("%j is refused in one line", (args, message) => {
    expect(() => readOptions(args, {})).toThrow(message);
    expect(() => readOptions(args, {})).not.toThrow("\n");
});
