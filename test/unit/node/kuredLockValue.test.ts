// kured's lock as text: every case that was tried with the real kured 1.7 to 1.23, and what this program may write into
// each.
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import {
    LOCK_TTL_MS,
    RENEW_LOCK_MS,
    entryOf,
    isExpired,
    lockHolder,
    readLock,
    releaseLock,
    takeLock,
    type LockEntry,
} from "../../../components/node/kuredLockValue";
import { NODE_NAME_FORMAT } from "../../../components/node/nodeName";

const NOW = new Date("2026-11-25T13:57:34.123Z");
const MINE = entryOf("kamino/pool1", NOW, "456789");
const NOTHING = new Set<string>();

/** An entry as kured writes it, with nine decimals. */
function entry(nodeID: string, minutesAgo: number, ttlMinutes: number, unschedulable = false): LockEntry {
    const created = new Date(NOW.getTime() - minutesAgo * 60_000).toISOString().replace("Z", "346645Z");
    return { nodeID, metadata: { unschedulable }, created, TTL: ttlMinutes * 60e9 };
}
const single = (one: LockEntry) => JSON.stringify(one);
const several = (maxOwners: number, ...locks: LockEntry[]) => JSON.stringify({ maxOwners, locks });

const node = (name = "node-b") => entry(name, 2, 0);
const other = entry("kamino/pool2", 1, 5);
const left = entry("kamino/pool2", 9, 5);
const acquired = (value: string) => ({ kind: "acquired", value });
const held = (...by: LockEntry[]) => ({ kind: "held", by });
const unusable = { kind: "unusable" };

describe("our entry", () => {
    it("is what kured writes, by a name that is not a node's, for a bounded time, and never says unschedulable", () => {
        expect(JSON.stringify(MINE)).toBe(
            '{"nodeID":"kamino/pool1","metadata":{"unschedulable":false},"created":"2026-11-25T13:57:34.123456789Z","TTL":300000000000}',
        );
        expect(NODE_NAME_FORMAT.test(lockHolder("pool1"))).toBe(false);
        expect(LOCK_TTL_MS).toBeGreaterThan(5 * RENEW_LOCK_MS);
    });
});

describe("taking the lock", () => {
    test.each<[string, string | undefined, number, ReturnType<typeof takeLock> | object]>([
        // One owner.
        ["nothing there", undefined, 1, acquired(single(MINE))],
        ["a node of kured's, without an end (L1)", single(node()), 1, held(node())],
        ["another's, within its TTL (L2, O2, O6)", single(entry("x/y", 2, 30)), 1, held(entry("x/y", 2, 30))],
        ["an expired one of a node: its kured has yet to free it", single(entry("b", 9, 5)), 1, held(entry("b", 9, 5))],
        ["a nodeID and nothing else (L3)", '{"nodeID":"kamino"}', 1, held({ nodeID: "kamino" })],
        ["no JSON (L4, O7)", "node-b", 1, unusable],
        ["an empty text", "", 1, unusable],
        ["JSON that is not an object", "[]", 1, unusable],
        ["null", "null", 1, unusable],
        ["a TTL as text (L9, O9)", '{"nodeID":"b","TTL":"30m"}', 1, unusable],
        ["a created that is not a time", '{"nodeID":"b","created":"yesterday","TTL":1}', 1, unusable],
        ["a TTL that numbers cannot carry", '{"nodeID":"b","TTL":9223372036854775807}', 1, unusable],
        ["a list where one is expected (L5, O8)", several(2, node()), 1, unusable],
        ["an empty list where one is expected: kured waits for ever", several(2), 1, unusable],
        ["another pool's, alive", single(other), 1, held(other)],
        ["another pool's, of a run that died", single(left), 1, acquired(single(MINE))],
        [
            "unschedulable of a foreign one is not copied (T1, O2)",
            single({ ...left, metadata: { unschedulable: true } }),
            1,
            acquired(single(MINE)),
        ],
        ["the same pool's, by another run", single(entry("kamino/pool1", 1, 5)), 1, held(entry("kamino/pool1", 1, 5))],
        // Several owners.
        [
            "the same pool's, by another run, while a place is free",
            several(2, entry("kamino/pool1", 1, 5)),
            2,
            held(entry("kamino/pool1", 1, 5)),
        ],
        [
            "the same pool's, by another run, as a single one where a list is expected",
            single(entry("kamino/pool1", 1, 5)),
            2,
            held(entry("kamino/pool1", 1, 5)),
        ],
        [
            "the same pool's, of a run that died, while a place is free, is kept as any other",
            several(2, entry("kamino/pool1", 9, 5)),
            2,
            acquired(several(2, entry("kamino/pool1", 9, 5), MINE)),
        ],
        ["nothing there, several may", undefined, 2, acquired(several(2, MINE))],
        ["an empty list", several(2), 2, acquired(several(2, MINE))],
        ["a null list, as Go writes an empty one", '{"maxOwners":2,"locks":null}', 2, acquired(several(2, MINE))],
        ["one of two places free (M1, O3)", several(2, node()), 2, acquired(several(2, node(), MINE))],
        ["both taken (M2)", several(2, node(), node("c")), 2, held(node(), node("c"))],
        [
            "both taken, one by an expired node (M4)",
            several(2, entry("b", 9, 5), node("c")),
            2,
            held(entry("b", 9, 5), node("c")),
        ],
        ["both taken, one by a run that died", several(2, left, node("c")), 2, acquired(several(2, node("c"), MINE))],
        [
            "an expired one while a place is free is kept",
            several(3, entry("b", 9, 5), left),
            3,
            acquired(several(3, entry("b", 9, 5), left, MINE)),
        ],
        ["a single one where a list is expected stays (M3)", single(node()), 2, acquired(several(2, node(), MINE))],
        [
            "fewer places than before",
            several(3, node("a"), node("b"), node("c")),
            2,
            held(node("a"), node("b"), node("c")),
        ],
        [
            "more places than before",
            several(2, node("a"), node("b")),
            3,
            acquired(several(3, node("a"), node("b"), MINE)),
        ],
        [
            "the same pool's, with others', by another run, while a place is free",
            several(2, entry("kamino/pool2+pool1", 1, 5)),
            2,
            held(entry("kamino/pool2+pool1", 1, 5)),
        ],
        [
            "other pools', while a place is free: a name that begins alike is another",
            several(2, entry("kamino/pool10+pool2", 1, 5)),
            2,
            acquired(several(2, entry("kamino/pool10+pool2", 1, 5), MINE)),
        ],
        ["no JSON, several may", "{", 2, unusable],
        ["a list of something else", '{"maxOwners":2,"locks":["node-b"]}', 2, unusable],
        ["a list that is not a list", '{"maxOwners":2,"locks":{}}', 2, unusable],
    ])("%s", (_, value, concurrency, outcome) => {
        expect(takeLock(value, concurrency, MINE, NOTHING, NOW)).toEqual(outcome);
    });

    test.each([1, 2])("again renews one's own entry, of --concurrency=%d, and adds none", (concurrency) => {
        const first = takeLock(undefined, concurrency, MINE, NOTHING, NOW);
        const value = first.kind === "acquired" ? first.value : "";
        const later = entryOf("kamino/pool1", new Date(NOW.getTime() + RENEW_LOCK_MS), "000001");
        expect(takeLock(value, concurrency, later, new Set([MINE.created]), NOW)).toEqual(
            acquired(concurrency === 1 ? single(later) : several(2, later)),
        );
    });

    test.each([1, 2])("for more pools and for fewer changes one's own entry, of --concurrency=%d", (concurrency) => {
        const of = (...pools: string[]) => entryOf(lockHolder(...pools), NOW, `00000${pools.length}`);
        const written = new Set<string>();
        let value: string | undefined;
        for (const mine of [of("pool1"), of("pool1", "pool2"), of("pool1", "pool2", "pool3"), of("pool2")]) {
            const attempt = takeLock(value, concurrency, mine, written, NOW);
            expect(attempt).toEqual(acquired(concurrency === 1 ? single(mine) : several(2, mine)));
            written.add(mine.created);
            value = attempt.kind === "acquired" ? attempt.value : undefined;
        }
        expect(releaseLock(value, written)).toBeNull();
    });
});

describe("giving the lock back", () => {
    const own = new Set([MINE.created]);
    test.each<[string, string | undefined, string | null | undefined]>([
        ["one's own removes the annotation", single(MINE), null],
        ["the last of a list removes it as well: an empty list blocks a kured of one owner", several(2, MINE), null],
        ["one of a list keeps the others (M1)", several(2, node(), MINE), several(2, node())],
        ["one's own for several pools", single({ ...MINE, nodeID: "kamino/pool1+pool2" }), null],
        ["nothing there", undefined, undefined],
        ["a node's", single(node()), undefined],
        ["another run's of the same pool", single(entry("kamino/pool1", 1, 5)), undefined],
        ["another pool's in a list", several(2, other), undefined],
        ["no JSON", "{", undefined],
    ])("%s", (_, value, written) => {
        expect(releaseLock(value, own)).toBe(written);
    });
});

describe("an entry has expired", () => {
    test.each<[string, LockEntry, boolean]>([
        ["never without a TTL", { nodeID: "b", created: "2020-01-01T00:00:00Z" }, false],
        ["never with TTL 0", entry("b", 1e6, 0), false],
        ["not within its TTL", entry("b", 29, 30), false],
        ["after its TTL", entry("b", 31, 30), true],
        ["with a TTL and no beginning, as Go's zero time is long ago", { nodeID: "b", TTL: 1 }, true],
        ["not when it was made by a clock ahead", entry("b", -3, 1), false],
    ])("%s", (_, one, expired) => expect(isExpired(one, NOW)).toBe(expired));
});

describe("whatever is in the annotation", () => {
    const entries = fc.record(
        {
            nodeID: fc.oneof(fc.constantFrom("node-a", "node-b", "kamino/pool1", "kamino/pool2"), fc.string()),
            metadata: fc.record({ unschedulable: fc.boolean() }),
            created: fc
                .date({ noInvalidDate: true, min: new Date("2000-01-01"), max: new Date("2030-01-01") })
                .map((date) => date.toISOString()),
            TTL: fc.constantFrom(0, 1, 300e9, 1800e9),
        },
        { requiredKeys: ["nodeID"] },
    );
    const values = fc.oneof(
        fc.constant(undefined),
        fc.json(),
        entries.map(single),
        fc
            .tuple(fc.integer({ min: 1, max: 4 }), fc.array(entries, { maxLength: 4 }))
            .map(([most, locks]) => several(most, ...locks)),
    );

    it("others' entries that live are never lost, never more than there may be, and what is written can be read and given back", () => {
        fc.assert(
            fc.property(values, fc.integer({ min: 1, max: 3 }), (value, concurrency) => {
                const attempt = takeLock(value, concurrency, MINE, NOTHING, NOW);
                if (attempt.kind !== "acquired") {
                    return;
                }
                const before = readLock(value);
                const after = readLock(attempt.value);
                if (before === "unusable" || after === "unusable") {
                    throw new Error("what cannot be read must not be written");
                }
                const mayGo = (one: LockEntry) => one.nodeID.startsWith("kamino/") && isExpired(one, NOW);
                const plain = (some: LockEntry[]) => some.map((one) => JSON.stringify(one));
                expect(plain(after.entries)).toEqual(
                    expect.arrayContaining(plain(before.entries.filter((one) => !mayGo(one)))),
                );
                expect(after.entries.length).toBeLessThanOrEqual(concurrency);
                expect(after.maxOwners).toBe(concurrency > 1 ? concurrency : undefined);
                const back = releaseLock(attempt.value, new Set([MINE.created]));
                const rest = readLock(back ?? undefined);
                expect(rest === "unusable" ? rest : plain(rest.entries)).toEqual(plain(after.entries.slice(0, -1)));
            }),
            { numRuns: 500 },
        );
    });
});
