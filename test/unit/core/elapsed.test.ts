// How long something takes, as a person reads it.
import { expect, test } from "vitest";
import { elapsedOf } from "../../../components/core/duration";

const [SECOND, MINUTE, HOUR] = [1000, 60_000, 3_600_000];

test.each<[number, number | undefined, string]>([
    [4 * MINUTE + 10 * SECOND, 12 * MINUTE, "4m 10s of about 12m"],
    [4 * MINUTE + 10 * SECOND, undefined, "4m 10s"],
    [14 * MINUTE, 12 * MINUTE + 20 * SECOND, "14m 0s, usually about 12m"],
    [12 * MINUTE, 12 * MINUTE, "12m 0s of about 12m"],
    [3 * SECOND, 45 * SECOND, "3s of about 45s"],
    [3 * SECOND, 100 * SECOND, "3s of about 2m"],
    [0, 54 * MINUTE, "0s of about 54m"],
    [HOUR, HOUR + 5 * MINUTE, "1h 0m of about 1h 5m"],
    [HOUR, HOUR - 10 * SECOND, "1h 0m, usually about 1h 0m"],
])("%s milliseconds, usually %s: %s", (milliseconds, usual, said) => {
    expect(elapsedOf(milliseconds, usual)).toBe(said);
});
