// kured's lock: what a kured makes of each value that it may find, as the real one was seen to do.
import { describe, expect, test } from "vitest";
import { acquire, goNanoTime, holding, release, type LockRequest } from "../../sandbox/nodes/kuredLock";

const NOW = new Date("2026-11-25T13:40:00.000Z");
const MINUTE = 60_000;
const NANO_MINUTE = 60_000_000_000;
const alone: LockRequest = { nodeID: "node-a", unschedulable: false, concurrency: 1, ttlMs: 0, now: NOW };
const two: LockRequest = { ...alone, concurrency: 2 };

const entry = (nodeID: string, TTL = 0, created = "2026-11-25T13:34:06.875346646Z") => ({
    nodeID,
    metadata: { unschedulable: false },
    created,
    TTL,
});
const text = (value: unknown) => JSON.stringify(value);
const OLD = "2026-11-25T13:00:00Z";

describe("the single form", () => {
    test("is written with nanoseconds in created and TTL", () => {
        const result = acquire(undefined, { ...alone, unschedulable: true, ttlMs: 30 * MINUTE });
        expect(result.held && result.value).toMatch(
            /^\{"nodeID":"node-a","metadata":\{"unschedulable":true\},"created":"2026-11-25T13:40:00(\.\d{1,9})?Z","TTL":1800000000000\}$/,
        );
    });

    test.each([
        ["a foreign node's that does not expire", text(entry("node-b")), "held"],
        ["somebody's without a TTL", text({ nodeID: "kamino" }), "held"],
        ["a foreign one whose TTL is not over", text(entry("kamino/pool1", 10 * NANO_MINUTE)), "held"],
        ["a foreign one whose TTL is over", text(entry("kamino/pool1", NANO_MINUTE, OLD)), "taken"],
        ["what is not JSON", "held by me", "held"],
        ["a TTL in words", '{"nodeID":"x","TTL":"30m"}', "held"],
        ["the form with several holders", text({ maxOwners: 2, locks: [] }), "held"],
        ["the node's own", text(entry("node-a")), "its own"],
    ])("%s is %s", (_what, value, outcome) => {
        const result = acquire(value, alone);
        expect(result.held ? (result.value === undefined ? "its own" : "taken") : "held").toBe(outcome);
    });

    test("is removed by its holder alone", () => {
        expect(release(text(entry("node-a")), alone)).toBeNull();
        expect(release(text(entry("node-b")), alone)).toBeUndefined();
        expect(release(undefined, alone)).toBeUndefined();
    });

    test("names the holder until its TTL is over", () => {
        expect(holding(text(entry("node-a")), alone)?.nodeID).toBe("node-a");
        expect(holding(text(entry("node-a", NANO_MINUTE, OLD)), alone)).toBeUndefined();
        expect(holding(text(entry("node-b")), alone)).toBeUndefined();
    });
});

describe("the form with several holders", () => {
    const holders = (value: string | undefined) => {
        const result = acquire(value, two);
        if (!result.held) {
            return "held";
        }
        return (JSON.parse(result.value ?? "{}") as { locks?: { nodeID: string }[] }).locks?.map(
            ({ nodeID }) => nodeID,
        );
    };

    test.each([
        ["nothing", undefined, ["node-a"]],
        ["an empty list", text({ maxOwners: 2, locks: [] }), ["node-a"]],
        ["one holder", text({ maxOwners: 2, locks: [entry("kamino/p")] }), ["kamino/p", "node-a"]],
        ["one expired holder", text({ maxOwners: 2, locks: [entry("x", 1, OLD)] }), ["x", "node-a"]],
        ["two holders", text({ maxOwners: 2, locks: [entry("kamino/p"), entry("node-b")] }), "held"],
        ["two holders, one expired", text({ maxOwners: 2, locks: [entry("x", 1, OLD), entry("b")] }), ["node-a", "b"]],
        ["the single form, which it overwrites", text(entry("kamino/p")), ["node-a"]],
    ])("after %s", (_what, value, expected) => {
        expect(holders(value)).toEqual(expected);
    });

    test("loses its own entry alone, and stays when it is empty", () => {
        const value = text({ maxOwners: 2, locks: [entry("node-a"), entry("kamino/p")] });
        expect(JSON.parse(release(value, two) ?? "")).toEqual({ maxOwners: 2, locks: [entry("kamino/p")] });
        expect(release(text({ maxOwners: 2, locks: [entry("node-a")] }), two)).toBe('{"maxOwners":2,"locks":[]}');
        expect(release(text({ maxOwners: 2, locks: [entry("kamino/p")] }), two)).toBeUndefined();
    });
});

test("a moment has nine decimals at most, without trailing zeros", () => {
    for (let i = 0; i < 200; i++) {
        expect(goNanoTime(NOW)).toMatch(/^2026-11-25T13:40:00(\.\d{0,8}[1-9])?Z$/);
    }
});
