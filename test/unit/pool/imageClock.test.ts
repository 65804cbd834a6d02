// What is said while Azure makes an image version, and how long that took.
import * as pulumi from "@pulumi/pulumi";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ImageClock } from "../../../components/pool/imageClock";
import { usualImageSeconds } from "../../../components/pool/imageTimes";

const WHAT = "pool1: Azure is making image 2026.1122.0412";

let said: string[];

beforeEach(() => {
    said = [];
    vi.useFakeTimers();
    vi.spyOn(pulumi.log, "info").mockImplementation((message, _resource, _stream, ephemeral) => {
        said.push(`${message}${ephemeral ? "" : " for good"}`);
        return Promise.resolve();
    });
});
afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
});

test("each minute it says for how long, of how long it usually takes", () => {
    const clock = new ImageClock(WHAT, 110);
    clock.begin();
    vi.advanceTimersByTime(125_000);
    clock.end();
    vi.advanceTimersByTime(600_000);
    expect(said).toEqual(
        ["0s of about 2m", "1m 0s of about 2m", "2m 0s, usually about 2m"].map((each) => `${WHAT} (${each})`),
    );
});

test("what is usual is left out where no run has seen it", () => {
    const clock = new ImageClock(WHAT);
    clock.begin();
    expect(said).toEqual([`${WHAT} (0s)`]);
    clock.end();
});

test("of a version that was there before nothing is said", () => {
    new ImageClock(WHAT, 3000).end();
    expect(said).toEqual([]);
});

test.each<[string | undefined, number | undefined]>([
    ['{"pool1":3300,"pool2":60}', 3300],
    ['{"pool2":60}', undefined],
    ['{"pool1":"3300"}', undefined],
    ['{"pool1":0}', undefined],
    ["null", undefined],
    ["no JSON", undefined],
    ["", undefined],
    [undefined, undefined],
])("what is usual for pool1 by the variable %s: %s seconds", (value, seconds) => {
    expect(usualImageSeconds({ KAMINO_IMAGE_SECONDS: value }, "pool1")).toBe(seconds);
});
