// Versions and moments: one name for each minute, in the order of time.
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { compareVersions, momentOf, parseVersion, sameVersion, versionOf } from "../../../components/core/version";

describe("the name of a version", () => {
    test.each([
        ["2026-11-22T04:12:59Z", "2026.1122.0412"],
        ["2026-11-22T06:12:09+02:00", "2026.1122.0412"],
        ["2026-01-02T00:05:00Z", "2026.0102.0005"],
        ["2025-12-31T23:30:00-01:00", "2026.0101.0030"],
    ])("of a node patched at %s is %s", (moment, version) => expect(versionOf(new Date(moment))).toBe(version));

    it("is refused for what is not a date, and for a year without four digits", () => {
        expect(() => versionOf(new Date("never"))).toThrow(RangeError);
        expect(() => versionOf(new Date("0999-01-01T00:00:00Z"))).toThrow(RangeError);
    });

    test.each(["", "1.2", "1.2.3.4", "v1.2.3", "1.2.-3", "1.2.2147483648", "99999999999.1.1", "1.2.3\n", "latest"])(
        "is not %j",
        (text) => expect(parseVersion(text)).toBeUndefined(),
    );
});

describe("the order of versions", () => {
    const moments = fc.date({ min: new Date("2000-01-01"), max: new Date("9999-12-31"), noInvalidDate: true });

    it("is the order of time, to the minute", () => {
        const minute = (date: Date) => Math.floor(date.getTime() / 60_000);
        fc.assert(
            fc.property(moments, moments, (a, b) => {
                const order = Math.sign(compareVersions(versionOf(a), versionOf(b)));
                expect(order).toBe(Math.sign(minute(a) - minute(b)));
            }),
        );
    });

    it("gives the moment back, to the minute", () => {
        fc.assert(
            fc.property(moments, (date) => {
                expect(momentOf(versionOf(date))?.getTime()).toBe(Math.floor(date.getTime() / 60_000) * 60_000);
            }),
        );
    });

    it("takes names of the earlier form as the beginning of their day", () => {
        const sorted = ["2025.12.31", "2026.0102.0005", "2026.01.03", "2026.1121.2359", "2026.11.22", "2026.1122.0412"];
        expect([...sorted].reverse().sort(compareVersions)).toEqual(sorted);
    });

    it("puts what is not a version first, then versions that are not named by a moment", () => {
        const sorted = ["", "1.0.5", "9999999.1.1", "2025.12.31", "2026.0102.0005"];
        expect([...sorted].reverse().sort(compareVersions)).toEqual(sorted);
    });

    it("is one order, whatever forms are mixed", () => {
        const number = fc.oneof(fc.nat(40), fc.nat(2400), fc.constantFrom(2025, 2026, 1301));
        const names = fc.tuple(fc.constantFrom(1, 2025, 2026), number, number).map((parts) => parts.join("."));
        fc.assert(
            fc.property(names, names, names, (a, b, c) => {
                expect(Math.sign(compareVersions(a, b))).toBe(0 - Math.sign(compareVersions(b, a)));
                expect(compareVersions(a, b) === 0).toBe(sameVersion(a, b));
                return !(compareVersions(a, b) < 0 && compareVersions(b, c) < 0) || compareVersions(a, c) < 0;
            }),
        );
    });

    it("does not care for leading zeros, which Azure may drop", () => {
        expect(sameVersion("2026.0102.0005", "2026.102.5")).toBe(true);
        expect(sameVersion("", "")).toBe(false);
        // The same moment, and yet two names.
        expect(sameVersion("2026.11.22", "2026.1122.0000")).toBe(false);
    });
});

describe("the moment of a version", () => {
    test.each([
        ["2026.1122.0412", "2026-11-22T04:12:00.000Z"],
        ["2026.102.5", "2026-01-02T00:05:00.000Z"],
        ["2026.11.22", "2026-11-22T00:00:00.000Z"],
    ])("%s is %s", (version, moment) => expect(momentOf(version)?.toISOString()).toBe(moment));

    test.each([
        "1.0.5",
        "2026.0230.0000",
        "2026.1122.2460",
        "2026.1122.2400",
        "2026.13.01",
        "2026.0.1",
        "2026.1399.0000",
    ])("%s says none", (version) => expect(momentOf(version)).toBeUndefined());
});
