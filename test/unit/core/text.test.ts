// Shortening texts.
import fc from "fast-check";
import { expect, test } from "vitest";
import { truncate } from "../../../components/core/text";

test.each([
    ["short", 5, "short"],
    ["longer", 5, "long…"],
    ["", 0, ""],
    ["longer", 0, "…"],
])("%j in %i characters is %j", (text, longest, expected) => {
    expect(truncate(text, longest)).toBe(expected);
});

test("a truncated text stays as it is when it is truncated again, and is never longer than it may be", () => {
    fc.assert(
        fc.property(fc.string(), fc.integer({ min: 1, max: 40 }), (text, longest) => {
            const once = truncate(text, longest);
            expect(once.length).toBeLessThanOrEqual(longest);
            expect(truncate(once, longest)).toBe(once);
        }),
    );
});
