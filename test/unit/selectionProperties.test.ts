// What holds for any cluster, hostile ones included: selection never crashes, never believes, counts everything, and comes to rest.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decide, undecided, type Decision } from "../../components/selection/choose";
import { freshLine, lastingLine } from "../../components/selection/explain";
import { prune } from "../../components/selection/history";
import { CLOCK_SKEW_MS, REBOOT_IN_PROGRESS, REBOOT_NEEDED, readReboot } from "../../components/selection/kured";
import type { PoolNode } from "../../components/selection/rules";
import { compareVersions, sameVersion, versionOf } from "../../components/versions";
import { NOW, choice, image, node, question } from "./selectionFacts";

const recent = fc.date({ min: new Date("2026-11-01"), max: NOW, noInvalidDate: true });
const future = fc.date({
    min: new Date(NOW.getTime() + CLOCK_SKEW_MS + 1000),
    max: new Date("9998-01-01"),
    noInvalidDate: true,
});
const seconds = (date: Date) => date.toISOString().replace(/\.\d+Z$/, "Z");

/** The moment as a node with that offset writes it. */
function withOffset(date: Date, minutes: number): string {
    const local = seconds(new Date(date.getTime() + minutes * 60_000)).slice(0, -1);
    const two = (value: number) => String(value).padStart(2, "0");
    return `${local}${minutes < 0 ? "-" : "+"}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
}

const offset = fc.integer({ min: -720, max: 840 });
const hostile = fc.oneof(
    fc.string({ unit: "binary", maxLength: 60 }),
    fc.string({ maxLength: 5 }).map((text) => text.repeat(20_000)),
    future.map(seconds),
    fc.tuple(future, offset).map(([date, minutes]) => withOffset(date, minutes)),
    // Wrong calendars, two offsets, other digits, something before or after.
    recent.map((date) => seconds(date).replace(/^2026/, "1448")),
    recent.map((date) => `${seconds(date)}+02:00`),
    recent.map((date) => `${withOffset(date, 120)}+02:00`),
    recent.map((date) => seconds(date).replace(/-\d\dT/, "-32T")),
    recent.map((date) => seconds(date).replace(/\d/g, (digit) => String.fromCharCode(0x660 + Number(digit)))),
    fc
        .tuple(recent, fc.constantFrom("\u0000", "\n", " ", "\u202e", "'; rm -rf /"))
        .map(([date, junk]) => seconds(date) + junk),
    fc.constantFrom(
        "",
        "null",
        "NaN",
        "Infinity",
        "0",
        "__proto__",
        "-271821-04-20T00:00:00Z",
        "+275760-09-13T00:00:00Z",
    ),
);

const names = fc.uniqueArray(fc.integer({ min: 0, max: 99 }), { minLength: 1, maxLength: 12 });
const anyNode = (name: string) =>
    fc
        .record({
            patched: fc.oneof(
                fc.tuple(recent, offset).map(([date, minutes]) => withOffset(date, minutes)),
                fc.constant(null),
            ),
            readySince: recent.map(seconds),
            ready: fc.boolean(),
            cordoned: fc.boolean(),
            rebooting: fc.boolean(),
            instance: fc.nat(999),
        })
        .map(({ rebooting, ...rest }) =>
            node(name, { ...rest, annotations: rebooting ? { [REBOOT_IN_PROGRESS]: "x" } : {} }),
        );
const pool = names.chain((numbers) => fc.tuple(...numbers.map((number) => anyNode(`node-${number}`))));

const versions = fc.uniqueArray(recent.map(versionOf), { maxLength: 6 });
const settings = fc.record({
    prefer: fc.constantFrom("newest" as const, "longest-ready" as const),
    minimumCandidates: fc.integer({ min: 1, max: 3 }),
    maximumImageAge: fc.constantFrom(undefined, "1h", "3d"),
    minimumReadyTime: fc.constantFrom("0s", "1h", "5d"),
});

/** A pool's past: versions in the gallery, the latest of which may have failed or never have been made. */
const past = fc
    .tuple(versions, fc.constantFrom("made", "failed", "missing"), fc.nat(5))
    .map(([some, fate, liveIndex]) => {
        const sorted = [...some].sort(compareVersions);
        const history = sorted.map((version, index) => choice(version, `node-${index}`));
        const gallery = sorted.map((version) => image(version));
        const last = gallery.at(-1);
        if (last && fate === "failed") {
            last.state = "Failed";
        }
        return {
            history,
            gallery: fate === "missing" ? gallery.slice(0, -1) : gallery,
            live: sorted.slice(0, -1)[liveIndex],
        };
    });

/** Shows that a decision can be told as well, in one line. */
function told(decision: Decision, asked: ReturnType<typeof question>): string {
    const line =
        freshLine("pool1", decision, asked.facts, asked.facts.newest) + lastingLine(decision, asked.facts.newest);
    expect(line.split("\n")).toHaveLength(1);
    return line;
}

describe("hostile annotations", () => {
    it("are never chosen, never crash, and are each counted under a reason", () => {
        fc.assert(
            fc.property(fc.array(hostile, { minLength: 1, maxLength: 8 }), settings, (annotations, rules) => {
                const nodes = annotations.map((patched, index) => node(`bad-${index}`, { patched }));
                // Some ten characters may happen to be a date; that is then a date and nothing hostile.
                fc.pre(annotations.every((each) => !(readReboot(each, NOW) instanceof Date)));
                const asked = question({
                    history: [choice("2026.0101.0000")],
                    gallery: [image("2026.0101.0000")],
                    rules,
                });
                const decision = decide(nodes, asked);
                const { fallen = {}, total } = decision.verdict ?? {};
                expect(decision.chosen).toBeUndefined();
                expect((fallen.unusable ?? 0) + (fallen.future ?? 0)).toBe(annotations.length);
                expect(total).toBe(annotations.length);
                told(decision, asked);
            }),
            { numRuns: 300 },
        );
    });

    it("take nothing from a good node beside them", () => {
        fc.assert(
            fc.property(fc.array(hostile, { maxLength: 5 }), (annotations) => {
                const nodes = [...annotations.map((patched, index) => node(`bad-${index}`, { patched })), node("good")];
                fc.pre(annotations.every((each) => !(readReboot(each, NOW) instanceof Date)));
                expect(decide(nodes, question()).chosen?.node.name).toBe("good");
            }),
        );
    });

    it("on other keys, and labels, change nothing but what they mean", () => {
        const words = fc.dictionary(fc.string(), fc.string({ unit: "binary" }));
        fc.assert(
            fc.property(words, words, (annotations, labels) => {
                const odd = {
                    ...node("good"),
                    labels,
                    annotations: { ...annotations, [REBOOT_NEEDED]: "2026-11-22T04:12:09Z" },
                };
                expect(() =>
                    decide([odd], question({ rules: { ignoreAnnotations: ["toString", "__proto__"] } })),
                ).not.toThrow();
            }),
        );
    });
});

describe("a choice", () => {
    it("does not depend on the order in which nodes come", () => {
        fc.assert(
            fc.property(
                pool.chain((nodes) =>
                    fc.tuple(fc.constant(nodes), fc.shuffledSubarray(nodes, { minLength: nodes.length })),
                ),
                past,
                settings,
                ([nodes, shuffled], before, rules) => {
                    const asked = question({ ...before, rules });
                    const one = { ...decide(nodes, asked), verdict: undefined };
                    const other = { ...decide(shuffled, asked), verdict: undefined };
                    expect(other).toEqual(one);
                },
            ),
        );
    });

    it("is never a moment in the future, never at or before the newest image, and is what was taken from the node", () => {
        fc.assert(
            fc.property(pool, past, settings, (nodes, before, rules) => {
                const asked = question({ ...before, rules });
                const { chosen } = decide(nodes, asked);
                if (chosen) {
                    expect(compareVersions(chosen.choice.version, asked.facts.newest)).toBeGreaterThan(0);
                    expect(Date.parse(chosen.choice.patched)).toBeLessThanOrEqual(NOW.getTime() + CLOCK_SKEW_MS);
                    expect(chosen.choice.instanceId).toMatch(/^\d+$/);
                }
            }),
        );
    });

    it("is among the nodes whose details were asked for", () => {
        fc.assert(
            fc.property(pool, past, settings, (nodes, before, rules) => {
                const asked = question({ ...before, rules });
                const wanted = undecided(
                    nodes.map((each): PoolNode => ({ ...each, details: undefined })),
                    asked,
                );
                const read = nodes.map((each) => (wanted.includes(each.name) ? each : { ...each, details: undefined }));
                expect(decide(read, asked).chosen?.choice).toEqual(decide(nodes, asked).chosen?.choice);
            }),
        );
    });
});

describe("carrying a decision out", () => {
    it("and asking again, before or after the image is made, gives the same versions", () => {
        fc.assert(
            fc.property(pool, past, settings, (nodes, before, rules) => {
                const first = decide(nodes, question({ ...before, rules }));
                // Before: the run stopped right after the selection was recorded.
                const again = decide(nodes, question({ ...before, history: first.versions, rules }));
                expect(again.versions).toEqual(first.versions);
                expect(again.current).toBe(first.current);

                const made = first.versions.map(({ version, attempt }) => image(version, { attempt }));
                const gallery = [
                    ...before.gallery.filter(({ version }) => !made.some((each) => sameVersion(each.version, version))),
                    ...made,
                ];
                const after = decide(
                    nodes,
                    question({
                        gallery,
                        history: first.versions,
                        live: before.live,
                        rules: { ...rules, maximumImageAge: undefined },
                    }),
                );
                if (first.chosen && first.current === first.chosen.choice.version && rules.prefer === "newest") {
                    expect([after.current, after.versions]).toEqual([first.current, first.versions]);
                }
            }),
            { numRuns: 300 },
        );
    });

    it("never drops the live version, the current one or the pinned one", () => {
        fc.assert(
            fc.property(pool, past, fc.nat(5), (nodes, before, pinIndex) => {
                const usable = before.gallery.filter(({ state }) => state === "Succeeded");
                const pin = usable[pinIndex]?.version;
                const { versions: kept, current } = decide(nodes, question({ ...before, pin, maxHistory: 2 }));
                const has = (version: string) => kept.some((each) => each.version === version);
                for (const version of [before.live, pin].filter((each) => each !== undefined)) {
                    expect(has(version)).toBe(true);
                }
                expect(current === "" || has(current)).toBe(true);
                expect(kept.length).toBeLessThanOrEqual(2 + 2);
                expect([...kept].sort((a, b) => compareVersions(a.version, b.version))).toEqual(kept);
            }),
        );
    });

    it("prunes to what is wanted, the newest first", () => {
        fc.assert(
            fc.property(versions, fc.integer({ min: 2, max: 5 }), (some, most) => {
                const kept = prune(
                    some.map((each) => choice(each)),
                    most,
                    [],
                ).map(({ version }) => version);
                expect(kept).toEqual([...some].sort(compareVersions).slice(-most));
            }),
        );
    });
});
