// What holds a pool, as the runner and the metrics see it: each reason has its word, and only some need a person.
import { describe, expect, it, test } from "vitest";
import { decide, type NoChoice } from "../../../components/selection/decide";
import { whyNone } from "../../../components/selection/explain";
import {
    NEEDS_PERSON,
    heldBy,
    heldReason,
    needsPerson,
    outcomeLine,
    parseOutcomeLine,
    type SelectionOutcome,
} from "../../../components/selection/held";
import { IMAGE, choice, image, node, question } from "./facts";

const capture = { node: "x", version: "2026.1120.0000", cordoned: true };
const verdict = { kind: "rejected", version: IMAGE } as const;

const KINDS: [string, NoChoice, boolean][] = [
    ["pinned", { kind: "pinned" }, false],
    ["configured", { kind: "configured", node: "n" }, false],
    ["tooFew", { kind: "tooFew", fits: 1, needed: 2 }, false],
    ["noSpare", { kind: "noSpare", node: "n", others: 2, inService: 1, needed: 2 }, false],
    ["unfinished", { kind: "unfinished", capture: { ...capture, state: "running" } }, false],
    ["unfinished", { kind: "unfinished", capture: { ...capture, state: "dead" } }, false],
    ["unusable", { kind: "unfinished", capture: { ...capture, state: "unusable" } }, true],
    ["failed", { kind: "failed", node: "n", version: IMAGE }, true],
    ["notAgain", { kind: "notAgain", node: "n", verdict }, false],
    ["canary", { kind: "canary", node: "n", canary: { pool: "pool2" }, day: "2026-11-22" }, false],
    ["needsCopy", { kind: "needsCopy", node: "n", why: "kamino:capture" }, true],
];

describe("what holds a pool", () => {
    it.each(KINDS)("is called %s", (reason, noChoice, person) => {
        expect([heldReason(noChoice), needsPerson(noChoice)]).toEqual([reason, person]);
    });

    it("is a journal that no capture wrote before what ends by itself, but not before a pin", () => {
        const unusable = [{ ...capture, state: "unusable" } as const];
        const tooFew = { kind: "tooFew", fits: 1, needed: 2 } as const;
        expect([heldBy(tooFew, unusable), heldBy(undefined, unusable)]).toEqual(["unusable", "unusable"]);
        expect([heldBy({ kind: "pinned" }, unusable), heldBy(tooFew, []), heldBy(undefined, [])]).toEqual([
            ...["pinned", "tooFew", "none"],
        ]);
    });

    it("has no word that no test knows", () => {
        expect(Object.keys(NEEDS_PERSON).sort()).toEqual([...new Set(KINDS.map(([reason]) => reason))].sort());
    });
});

test("why nothing was taken is what holds the pool, with the counts; nothing where a node was taken or a version is pinned", () => {
    const built = { history: [choice(IMAGE)], gallery: [image(IMAGE)] };
    const why = (nodes: Parameters<typeof decide>[0], about: object) => {
        const asked = question({ ...built, ...about });
        return whyNone(decide(nodes, asked), asked.facts);
    };
    const old = node("b", { needed: "2026-11-01T00:00:00Z" });
    expect(why([node("a"), old], { rules: { minimumCandidates: 2 } })).toBe(
        "1 of the 2 nodes that minimumCandidates wants (2 nodes: 1 not newer than the image, 1 fits)",
    );
    expect(why([old], {})).toBe("(1 node: 1 not newer than the image)");
    expect([why([node("a"), old], {}), why([node("a")], { pin: IMAGE })]).toEqual(["", ""]);
});

describe("the line for the event log", () => {
    const outcome: SelectionOutcome = { pool: "pool1", held: "tooFew", why: "1 of 2 (a | b)", rejected: [IMAGE] };

    it("is read as it was written", () => expect(parseOutcomeLine(outcomeLine(outcome))).toEqual(outcome));

    it.each(["", "pool1: unchanged", "kamino selection: {", 'kamino selection: {"pool":1}', "kamino selection: null"])(
        "is no other: %j",
        (line) => expect(parseOutcomeLine(line)).toBeUndefined(),
    );

    it("gives a CI service no command, whoever wrote what is in it", () => {
        const { why } = parseOutcomeLine(outcomeLine({ ...outcome, why: "\n::error::x ##vso[task.x]" }))!;
        expect(why).not.toMatch(/##vso|^::/m);
    });
});
