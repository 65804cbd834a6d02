// Whoever may write nodes may write anything: hostile annotations and names are never believed, crash nothing, and are
// counted.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decide, contenders } from "../../../components/selection/decide";
import { CLOCK_SKEW_MS, REBOOT_NEEDED, readReboot } from "../../../components/node/kured";
import { offset, recent, seconds, settings, told, withOffset } from "./arbitraries";
import { NOW, choice, image, node, question } from "./facts";

const future = fc.date({
    min: new Date(NOW.getTime() + CLOCK_SKEW_MS + 1000),
    max: new Date("9998-01-01"),
    noInvalidDate: true,
});
const written = fc.tuple(recent, offset).map(([date, minutes]) => withOffset(date, minutes));

/**
 * Moments that a clock may show, written as no clock of a node writes them: each way with a name, for the test that
 * tells them all.
 */
const HOSTILE: Record<string, fc.Arbitrary<string>> = {
    "any text": fc.string({ unit: "binary", maxLength: 60 }),
    huge: fc.string({ minLength: 1, maxLength: 5 }).map((text) => text.repeat(20_000)),
    "huge, and a moment at first": written.map((text) => text + " ".repeat(250_000)),
    "in the future": future.map(seconds),
    "in the future, with an offset": fc.tuple(future, offset).map(([date, minutes]) => withOffset(date, minutes)),
    "in a Hijri year": written.map((text) => text.replace(/^\d{4}/, "1448")),
    "in a Persian year": written.map((text) => text.replace(/^\d{4}/, "1405")),
    "in a Buddhist year": written.map((text) => text.replace(/^\d{4}/, "2569")),
    "in a year of Reiwa": written.map((text) => text.replace(/^\d{4}/, "0008")),
    "in a year of six digits": written.map((text) => `+00${text}`),
    "in a week": recent.map((date) => seconds(date).replace(/-\d\d-\d\dT/, "-W47-7T")),
    "on a numbered day": recent.map((date) => seconds(date).replace(/-\d\d-\d\dT/, "-326T")),
    "on day 32": written.map((text) => text.replace(/-\d\dT/, "-32T")),
    "on a 30th of February": written.map((text) => text.replace(/-\d\d-\d\dT/, "-02-30T")),
    "in month 13": written.map((text) => text.replace(/-\d\d-/, "-13-")),
    "at hour 24": written.map((text) => text.replace(/T\d\d/, "T24")),
    "at second 60": written.map((text) => text.replace(/(T\d\d:\d\d):\d\d/, "$1:60")),
    "with an offset after a Z": fc
        .tuple(recent, offset)
        .map(([date, o]) => seconds(date) + withOffset(date, o).slice(19)),
    "with two offsets": fc.tuple(written, written).map(([text, other]) => text + other.slice(19)),
    "with a Z after an offset": written.map((text) => `${text}Z`),
    "with an offset of days": written.map((text) => `${text.slice(0, 19)}+99:00`),
    "without an offset": written.map((text) => text.slice(0, 19)),
    "in other digits": written.map((text) =>
        text.replace(/\d/g, (digit) => String.fromCharCode(0x660 + Number(digit))),
    ),
    "with something before, in or after it": fc
        .tuple(
            written,
            fc.nat(25),
            fc.constantFrom("\u0000", "\u001b[31m", "\n", "\t", " ", "\u202e", "\u2028", "'; rm -rf /"),
        )
        .map(([text, at, junk]) => text.slice(0, at) + junk + text.slice(at)),
    "what other programs write": fc.constantFrom(
        "",
        "null",
        "NaN",
        "Infinity",
        "0",
        "__proto__",
        "-271821-04-20T00:00:00Z",
        "+275760-09-13T00:00:00Z",
    ),
};
const hostile = fc.oneof(...Object.values(HOSTILE));

describe("hostile annotations", () => {
    it.each(Object.entries(HOSTILE))("%s: not one is believed", (_how, annotations) => {
        fc.assert(
            fc.property(annotations, (needed) => {
                expect(["unusable", "future"]).toContain(readReboot(needed, NOW));
                const { chosen, screening } = decide([node("bad", { needed })], question());
                expect(chosen).toBeUndefined();
                expect(Object.values(screening?.rejected ?? {})).toEqual([1]);
            }),
        );
    });

    it("are never chosen, never crash, and are each counted under a reason", () => {
        fc.assert(
            fc.property(fc.array(hostile, { minLength: 1, maxLength: 8 }), settings, (annotations, rules) => {
                const nodes = annotations.map((needed, index) => node(`bad-${index}`, { needed }));
                // Some ten characters may happen to be a date; that is then a date and nothing hostile.
                fc.pre(annotations.every((each) => !(readReboot(each, NOW) instanceof Date)));
                const asked = question({
                    history: [choice("2026.0101.0000")],
                    gallery: [image("2026.0101.0000")],
                    rules,
                });
                const decision = decide(nodes, asked);
                const { rejected = {}, total } = decision.screening ?? {};
                expect(decision.chosen).toBeUndefined();
                expect((rejected.unusable ?? 0) + (rejected.future ?? 0)).toBe(annotations.length);
                expect(total).toBe(annotations.length);
                told(decision, asked);
            }),
            { numRuns: 300 },
        );
    });

    it("take nothing from a good node beside them", () => {
        fc.assert(
            fc.property(fc.array(hostile, { maxLength: 5 }), (annotations) => {
                const nodes = [...annotations.map((needed, index) => node(`bad-${index}`, { needed })), node("good")];
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

describe("a node with a hostile name", () => {
    const badName = fc
        .tuple(
            fc.string({ unit: "binary", maxLength: 8 }),
            fc.constantFrom("/", "..", "\n", " ", ";", "$(", "%2f", "A", "?", "\u0000", "é"),
            fc.string(),
        )
        .map((parts) => parts.join(""));

    it("is never chosen, its details are never asked for, and it is counted", () => {
        fc.assert(
            fc.property(badName, (name) => {
                const nodes = [node(name), node("good")];
                const asked = question();
                const decision = decide(nodes, asked);
                expect(decision.chosen?.node.name).toBe("good");
                expect(decision.screening?.rejected).toEqual({ badName: 1 });
                expect(
                    contenders(
                        nodes.map((each) => ({ ...each, details: undefined })),
                        asked,
                    ),
                ).toEqual(["good"]);
                told(decision, asked);
                // Naming it in the configuration helps nothing.
                expect(decide(nodes, question({ node: name })).chosen).toBeUndefined();
            }),
        );
    });
});
