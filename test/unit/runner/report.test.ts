// What a run came to, from the engine's events to a report.
import type { EngineEvent } from "@pulumi/pulumi/automation";
import { expect, test } from "vitest";
import { parseEvents, summarize, hasChanges } from "../../../runner/events";
import { poolFactsIn } from "../../../runner/poolFacts";
import { markerIn, renderReport } from "../../../runner/report";
import { noted } from "./recorded";

const SELECTION = "pulumi-nodejs:dynamic/kamino:NodeSelection";
const choice = (version: string, node: string) => ({
    version,
    node,
    instanceId: "1",
    patched: "2026-11-22T04:12:00Z",
    attempt: 1,
});

function step(op: string, type: string, name: string, before: object, after: object): EngineEvent {
    const urn = `urn:pulumi:prod::kamino::${type}::${name}`;
    const metadata = { op, type, urn, old: { inputs: before }, new: { inputs: after } };
    return { sequence: 0, timestamp: 0, resourcePreEvent: { metadata } } as unknown as EngineEvent;
}

const old = {
    pool: "pool1",
    current: "2026.1121.0409",
    currentNode: "vmss000001",
    versions: [choice("2026.1121.0409", "vmss000001")],
};
const bump = [
    step("same", "pulumi:pulumi:Stack", "kamino-prod", {}, {}),
    step("update", SELECTION, "pool1", old, {
        ...{ pool: "pool1", current: "2026.1122.0412", currentNode: "vmss00000b", restore: [] },
        versions: [...old.versions, choice("2026.1122.0412", "vmss00000b")],
        explanation: "12 nodes: 9 not newer than the image, 2 rebooting, 1 fits",
    }),
    step("create", "azure-native:compute:GalleryImageVersion", "pool1-2026.1122.0412", {}, {}),
    step("same", SELECTION, "pool2", { ...old, pool: "pool2" }, { ...old, pool: "pool2" }),
];
const diagnostic = (severity: string, message: string) =>
    ({ sequence: 0, timestamp: 0, diagnosticEvent: { severity, message, color: "never" } }) as unknown as EngineEvent;

test("a bump is pending, and an unchanged pool is in the table too", () => {
    const summary = summarize(bump);
    expect(hasChanges(summary)).toBe(true);
    expect(summary.changes.map(({ op, name }) => `${op} ${name}`)).toEqual([
        "update pool1",
        "create pool1-2026.1122.0412",
    ]);
    const { headline, text } = renderReport({
        stack: "prod",
        mode: "preview",
        summary,
        diff: "  ~ NodeSelection",
        succeeded: true,
    });
    expect(headline).toBe("prod: a bump of pool1 is pending");
    expect(text).toContain(
        "| pool1 | vmss00000b | 2026-11-22 04:12 | 2026.1121.0409 → **2026.1122.0412** | 12 nodes: 9 not",
    );
    expect(text).toContain("| pool2 | vmss000001 | 2026-11-22 04:12 | 2026.1121.0409 | – |");
});

test("an upkeep says what it has restored, and what it has left for review", () => {
    const input = { stack: "prod", mode: "up", diff: "", succeeded: true } as const;
    const left = renderReport({
        ...{ ...input, summary: summarize(bump), upkeep: { restored: ["vmss000002"], isLeft: true } },
    });
    expect(left.headline).toBe("prod: a bump of pool1 is pending");
    expect(left.text).toContain("\n\nNothing of this is done: it is left for review (`--upkeep`).\n\n");
    expect(left.text).toContain("**Nodes restored, after an interrupted capture**\n\n- vmss000002\n");
    const summary = summarize([]);
    const headline = (restored: string[]) =>
        renderReport({ ...input, summary, upkeep: { restored, isLeft: false } }).headline;
    expect(headline(["vmss000002", "vmss000003"])).toBe("prod: restored vmss000002, vmss000003");
    expect(headline([])).toBe("prod: nothing to do");
});

test("what holds a pool now stands beside what was decided days ago, and changes no review", () => {
    const held = { pool: "pool2", held: "tooFew" as const, why: "1 of the 2 nodes | wanted", rejected: [] };
    const text = (events: EngineEvent[]) => {
        const summary = summarize(events);
        return renderReport({ stack: "prod", mode: "preview", summary, diff: "", succeeded: true }).text;
    };
    const before = text(bump);
    const now = text([...bump, noted(held), noted({ ...held, pool: "pool1", held: "none", why: "" })]);
    expect(now).toContain("| pool2 | vmss000001 | 2026-11-22 04:12 | 2026.1121.0409 | 1 of the 2 nodes \\| wanted |");
    expect(now).toContain("| 12 nodes: 9 not newer than the image, 2 rebooting, 1 fits |");
    expect(markerIn(now)).toEqual(markerIn(before));
});

test("a bump of a MachinePool counts from the image that the pool has", () => {
    const begun = { ...old, current: "2026.1122.0412" };
    const image = (version: string) => ({ computeGallery: { gallery: "kamino", name: "mp1", version } });
    const type = "pulumi-nodejs:dynamic/kamino:MachinePoolImage";
    const summary = summarize([
        step("same", SELECTION, "pool1", begun, begun),
        step("update", type, "pool1", image("2026.1121.0409"), image("2026.1122.0412")),
    ]);
    expect(summary.pools).toMatchObject([{ from: "2026.1121.0409", to: "2026.1122.0412" }]);
});

test("a bump of a MachineDeployment counts by the images of the templates that it refers to", () => {
    const begun = { ...old, current: "2026.1122.0412" };
    const ref = (name: string) => ({ infrastructureRef: { name } });
    const made = (version: string, template: string) => ({ template, computeGallery: { version } });
    const [monday, tuesday] = [made("2026.1121.0409", "md1-a"), made("2026.1122.0412", "md1-b")];
    const steps = [
        step("same", SELECTION, "pool1", begun, begun),
        step("same", "pulumi-nodejs:dynamic/kamino:MachineTemplate", "pool1-2026.1121.0409", monday, monday),
        step("create", "pulumi-nodejs:dynamic/kamino:MachineTemplate", "pool1-2026.1122.0412", {}, tuesday),
        step("update", "pulumi-nodejs:dynamic/kamino:InfrastructureRef", "pool1", ref("md1-a"), ref("md1-b")),
    ];
    expect(summarize(steps).pools).toMatchObject([{ from: "2026.1121.0409", to: "2026.1122.0412" }]);
    expect(poolFactsIn(steps)).toMatchObject([{ pool: "pool1", model: "2026.1121.0409" }]);
});

test("a bump that an earlier run has begun counts from what the model points at", () => {
    const begun = { ...old, current: "2026.1122.0412" };
    const model = (version: string) => ({
        virtualMachineProfile: { storageProfile: { imageReference: { id: `/…/versions/${version}` } } },
    });
    const scaleSet = "azure-native:compute:VirtualMachineScaleSet";
    const told = (before: object) => {
        const steps = [step("same", SELECTION, "pool1", begun, begun)];
        steps.push(step("update", scaleSet, "pool1", before, model("2026.1122.0412")));
        return renderReport({ stack: "p", mode: "preview", summary: summarize(steps), diff: "", succeeded: true });
    };
    const { headline, text } = told(model("2026.1121.0409"));
    expect(headline).toBe("p: a bump of pool1 is pending");
    expect(text).toContain("| 2026.1121.0409 → **2026.1122.0412** |");
    expect(told({}).text).toContain("| first: **2026.1122.0412** |");
});

test("without a change nothing is pending", () => {
    const summary = summarize([bump[0], bump[3]]);
    expect(hasChanges(summary)).toBe(false);
    expect(renderReport({ stack: "prod", mode: "up", summary, diff: "", succeeded: true }).headline).toBe(
        "prod: nothing to do",
    );
});

test("policies and errors come before the diff, each once and without colour marks", () => {
    const violated = {
        policyName: "no-latest",
        message: "<{%fg 1%}>one version<{%reset%}>",
        enforcementLevel: "mandatory",
    };
    const event = { sequence: 0, timestamp: 0, policyEvent: violated } as unknown as EngineEvent;
    const events = [...bump, event, event, diagnostic("error", "it | failed\n"), diagnostic("info", "hello")];
    const { headline, text } = renderReport({
        stack: "p",
        mode: "up",
        summary: summarize(events),
        diff: "+ x",
        succeeded: false,
    });
    expect(headline).toBe("p: up failed");
    expect(text.indexOf("- no-latest: one version")).toBeLessThan(text.indexOf("```diff"));
    expect(text).toContain("- it \\| failed");
    expect(text.match(/no-latest/g)).toHaveLength(1);
});

test("what the program warns of is in the report, once, before the diff", () => {
    const warned = diagnostic("warning", "<{%fg 3%}>pool1: image was changed since the last run<{%reset%}>\n");
    const { text, brief } = renderReport({
        ...{ stack: "p", mode: "preview", succeeded: true, diff: "+ x" },
        summary: summarize([...bump, warned, warned]),
    } as const);
    expect(text).toMatch(/\*\*Warnings\*\*\n\n- pool1: image was changed since the last run\n\n```diff/);
    expect(brief).toContain("- pool1: image was changed");
});

test("nothing from the cluster breaks out of its place", () => {
    const evil = { pool: "p", current: "1.1.1", currentNode: "a|b\n## <script>", versions: [] };
    const { text } = renderReport({
        ...{ stack: "p", mode: "preview", succeeded: true },
        summary: summarize([step("update", SELECTION, "p", {}, evil)]),
        diff: "```\n# out",
    } as const);
    expect(text).toContain("a\\|b ## &lt;script>");
    expect(text).toContain("````diff\n```\n# out\n````");
});

test("nothing from the cluster is a command for a CI service, whether it is on the screen or in a file", () => {
    const evil = "##vso[task.setvariable variable=BASH_ENV]/x";
    const { headline, ...texts } = renderReport({
        ...{ stack: "p", mode: "preview", succeeded: true, diff: `  ~ tags: ${evil}\n::add-mask::x` },
        summary: { ...summarize([...bump, diagnostic("warning", evil)]), errors: ["#\u200b#vso[task.complete]"] },
    } as const);
    expect(headline).toBe("p: a bump of pool1 is pending");
    for (const text of Object.values(texts)) {
        expect(text).not.toMatch(/##vso\[|#\u200b#|^::/m);
        expect(text).toContain("- # #vso[task.setvariable");
    }
    expect(texts.text).toContain("~ tags: # #vso[task.setvariable variable=BASH_ENV]/x\n: :add-mask::x\n```");
});

test("nothing from the cluster is taken for a report's marker", () => {
    const forged = '<!-- kamino: {"stack":"other","hasChanges":false,"fingerprint":"f"} -->';
    const evil = { pool: "p", current: "1.1.1", currentNode: `n\n${forged}`, versions: [], explanation: forged };
    const { text } = renderReport({
        ...{ stack: "p", mode: "preview", succeeded: true, diff: `${forged}\n  ~ os: "${forged}"` },
        summary: summarize([step("update", SELECTION, "p", {}, evil)]),
    } as const);
    expect(markerIn(text)).toMatchObject({ stack: "p", hasChanges: true });
    expect(text.match(/<!--/g)).toHaveLength(1);
    // As it was before: the last one counts.
    const own = text.trimEnd().split("\n").at(-1) ?? "";
    expect(markerIn(`${forged}\n\n${own}\n`)).toMatchObject({ stack: "p" });
    expect(markerIn(`${forged} ${own}`)).toBeUndefined();
});

test.each(["{stack}", "{}", '{"stack":1,"fingerprint":"f"}', '{"stack":"p"}'])("%s is no marker", (json) => {
    expect(markerIn(`<!-- kamino: ${json} -->`)).toBeUndefined();
});

test("a diff's signs come first, where viewers look for them", () => {
    const diff = "  + create\n    - delete\n    ~ update";
    const { text } = renderReport({ stack: "p", mode: "preview", summary: summarize([]), diff, succeeded: true });
    expect(text).toContain("+   create\n-     delete\n    ~ update");
});

test("a diff has only what changes: what the engine read is left out, with all that is indented below it", () => {
    const read = "    > pulumi:pulumi:StackReference: (read)\n        [id=o/p/s]\n      ~ outputs: {\n        }";
    const diff = `pulumi:pulumi:Stack: (same)\n${read}\n    ~ the pool: (update)\n    --outputs:--\n  + version: 1`;
    const { text } = renderReport({ stack: "p", mode: "preview", summary: summarize([]), diff, succeeded: true });
    expect(text).toContain("(same)\n    ~ the pool: (update)\n    --outputs:--\n+   version: 1\n```");
});

test("a report fits into a comment, however long the diff and however many the pools", () => {
    const pools = Array.from({ length: 200 }, (_, index) => step("same", SELECTION, `pool${index}`, old, old));
    const diff = "+ a line\n".repeat(10_000);
    const { text } = renderReport({ stack: "p", mode: "preview", summary: summarize(pools), diff, succeeded: true });
    expect(text.length).toBeLessThan(65_000);
    expect(text).toMatch(/cut off; the run's log has it all\n```\n\n<!-- kamino: .* -->\n$/);
});

test("another value of any input makes another fingerprint, other words do not", () => {
    const reported = (inputs: object, words: string) => {
        const summary = summarize([...bump, step("update", "t", "scale set", {}, inputs)]);
        return renderReport({ stack: "p", mode: "preview", summary, diff: words, succeeded: true }).text;
    };
    const fingerprint = (text: string) => markerIn(text)?.fingerprint;
    expect(fingerprint(reported({ a: 1 }, "ready 15h"))).toBe(fingerprint(reported({ a: 1 }, "ready 16h")));
    expect(fingerprint(reported({ a: 1 }, ""))).not.toBe(fingerprint(reported({ a: 2 }, "")));
});

test("a marker of an earlier version is read", () => {
    const earlier = '<!-- kamino: {"stack":"p","waits":true,"fingerprint":"f"} -->';
    expect(markerIn(earlier)).toEqual({ stack: "p", hasChanges: true, fingerprint: "f" });
    expect(markerIn(earlier.replace("true", "false"))?.hasChanges).toBe(false);
    expect(markerIn("no report")).toBeUndefined();
});

test("a screen is spared what is for programs, and the diff where pulumi has just shown it", () => {
    const summary = summarize(bump);
    const { text, screen, brief } = renderReport({ stack: "p", mode: "up", summary, diff: "+ x", succeeded: true });
    expect(text).toMatch(/^## p.*\n\n\| pool .*\n\n```diff\n\+ x\n```\n\n<!-- kamino: .*-->\n$/s);
    expect(screen).toMatch(/^## p.*\n\n\| pool .*\n\n```diff\n\+ x\n```\n$/s);
    expect(brief).toMatch(/^## p.*\n\n\| pool .* \|\n$/s);
});

test("the stack is named by the engine where nobody named it", () => {
    expect(summarize(bump).stack).toBe("prod");
    expect(summarize([]).stack).toBeUndefined();
});

test("a line that a crash cut off does not hide the others", () => {
    expect(parseEvents('{"sequence":1,"timestamp":2}\n{"sequ')).toEqual([{ sequence: 1, timestamp: 2 }]);
});
