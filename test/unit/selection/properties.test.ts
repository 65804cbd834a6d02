// What holds for any cluster: a choice does not depend on chance, what is chosen has proved itself, and a decision
// comes to rest.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decide, contenders } from "../../../components/selection/decide";
import { prune } from "../../../components/selection/history";
import { CLOCK_SKEW_MS, REBOOT_IN_PROGRESS } from "../../../components/node/kured";
import type { PoolNode } from "../../../components/selection/rules";
import { compareVersions, sameVersion, versionOf } from "../../../components/core/version";
import { offset, recent, seconds, settings, withOffset } from "./arbitraries";
import { NOW, choice, image, node, question } from "./facts";

const names = fc.uniqueArray(fc.integer({ min: 0, max: 99 }), { minLength: 1, maxLength: 12 });
const anyNode = (name: string) =>
    fc
        .record({
            needed: fc.oneof(
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
                    const one = { ...decide(nodes, asked), screening: undefined };
                    const other = { ...decide(shuffled, asked), screening: undefined };
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
                    expect(Date.parse(chosen.choice.rebootNeededAt)).toBeLessThanOrEqual(NOW.getTime() + CLOCK_SKEW_MS);
                    expect(chosen.choice.instanceId).toMatch(/^\d+$/);
                }
            }),
        );
    });

    it("is among the nodes whose details were asked for", () => {
        fc.assert(
            fc.property(pool, past, settings, (nodes, before, rules) => {
                const asked = question({ ...before, rules });
                const wanted = contenders(
                    nodes.map((each): PoolNode => ({ ...each, details: undefined })),
                    asked,
                );
                const read = nodes.map((each) => (wanted.includes(each.name) ? each : { ...each, details: undefined }));
                expect(decide(read, asked).chosen?.choice).toEqual(decide(nodes, asked).chosen?.choice);
            }),
        );
    });
});

/**
 * What is decided, or undefined where an image of the very minute has failed and the history, which was cut off before
 * the image was deleted, does not have it any more: that is refused.
 */
function decideAgain(...asked: Parameters<typeof decide>): ReturnType<typeof decide> | undefined {
    try {
        return decide(...asked);
    } catch (error) {
        expect(String(error)).toContain("failed in Azure and is not among those that this stack keeps");
        expect(asked[1].gallery.some(({ state }) => state === "Failed")).toBe(true);
        return undefined;
    }
}

describe("carrying a decision out", () => {
    it("and asking again, before or after the image is made, gives the same versions", () => {
        fc.assert(
            fc.property(pool, past, settings, (nodes, before, rules) => {
                const first = decide(nodes, question({ ...before, rules }));
                // Before: the run stopped right after the selection was recorded.
                const again = decideAgain(nodes, question({ ...before, history: first.versions, rules }));
                expect(again?.versions ?? first.versions).toEqual(first.versions);
                expect(again?.current ?? first.current).toBe(first.current);

                const made = first.versions.map(({ version, attempt }) => image(version, { attempt }));
                const gallery = [
                    ...before.gallery.filter(({ version }) => !made.some((each) => sameVersion(each.version, version))),
                    ...made,
                ];
                const after = decideAgain(
                    nodes,
                    question({
                        gallery,
                        history: first.versions,
                        live: before.live,
                        rules: { ...rules, maximumImageAgeMs: undefined },
                    }),
                );
                if (
                    after &&
                    first.chosen &&
                    first.current === first.chosen.choice.version &&
                    rules.prefer === "newest"
                ) {
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
