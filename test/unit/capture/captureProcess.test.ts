// Whether the capture that a journal tells of is at work, on clocks that this test turns.
import { mock } from "node:test";
import { describe, expect, test } from "vitest";
import { hasGone, ownProcess, watchCapture } from "../../../components/capture/captureProcess";
import { ABANDONED_AFTER_MS, HEARTBEAT_MS, type Journal } from "../../../components/capture/journal";
import { stopClock } from "../clock";

const NOBODY = 2 ** 30;
const SECOND = 1000;

// Other systems do not tell what makes a process's number unique.
describe.skipIf(process.platform !== "linux")("a process", () => {
    test("that is at work here has not gone, and one that has ended has", () => {
        expect(hasGone(ownProcess())).toBe(false);
        expect(hasGone({ ...ownProcess(), process: NOBODY })).toBe(true);
    });

    test("of a host that has this one's name, or has started anew since, may be at work", () => {
        const { space, ...named } = { ...ownProcess(), process: NOBODY };
        expect(hasGone(named)).toBe(false);
        const [boot, numbers] = space!.split("/");
        expect(hasGone({ ...named, space: `${boot.replace(/./, boot.startsWith("0") ? "1" : "0")}/${numbers}` })).toBe(
            false,
        );
        expect(hasGone({ ...named, space: `${boot}/pid:[1]` })).toBe(false);
    });
});

describe("a capture", () => {
    stopClock(new Date("2026-11-22T05:00:00Z"));

    const elsewhere: Journal = {
        ...{ pool: "pool1", version: "2026.1122.0412", resourceGroup: "rg", namespace: "kamino-capture" },
        ...{ cordoned: false, host: "elsewhere", process: 4, heartbeatAt: "" },
    };

    /** What is found by watching, and after how long; `beats` says how many heartbeats there were at a moment. */
    async function watch(
        beats: (elapsed: number) => number | undefined,
        { limit, clockOff = 0, of = elsewhere }: { limit?: number; clockOff?: number; of?: Journal } = {},
    ): Promise<{ fate: string; seconds: number }> {
        const begun = Date.now();
        let fate: string | undefined;
        const read = () => {
            const count = beats(Date.now() - begun);
            const heartbeatAt = new Date(begun + clockOff + (count ?? 0) * HEARTBEAT_MS).toISOString();
            return Promise.resolve(count === undefined ? undefined : { journal: { ...of, heartbeatAt } });
        };
        void watchCapture(read, limit).then((result) => (fate = result.fate));
        while (fate === undefined) {
            mock.timers.tick(SECOND / 4);
            await new Promise((resolve) => setImmediate(resolve));
        }
        return { fate, seconds: Math.round((Date.now() - begun) / SECOND) };
    }

    const beating = (elapsed: number) => Math.floor(elapsed / HEARTBEAT_MS);
    const HOUR = 3_600_000;

    test.each([0, -HOUR, HOUR, 24 * HOUR])(
        "whose heartbeat goes on is at work, whatever its machine's clock says (%i ms off)",
        async (clockOff) => {
            const { fate, seconds } = await watch(beating, { clockOff });
            expect(fate).toBe("working");
            expect(seconds).toBeLessThanOrEqual(HEARTBEAT_MS / SECOND + 5);
        },
    );

    test.each([0, -HOUR, HOUR, 24 * HOUR])(
        "whose heartbeat stands still for minutes is dead, whatever its machine's clock says (%i ms off)",
        async (clockOff) => {
            const { fate, seconds } = await watch(() => 7, { clockOff });
            expect(fate).toBe("dead");
            expect(seconds).toBeGreaterThanOrEqual(ABANDONED_AFTER_MS / SECOND);
            expect(seconds).toBeLessThanOrEqual(ABANDONED_AFTER_MS / SECOND + 5);
        },
    );

    test("that stops while it is watched is dead minutes after its last heartbeat", async () => {
        const limit = 4 * 60_000;
        const { fate, seconds } = await watch((elapsed) => Math.min(beating(elapsed), 2), { limit });
        expect(fate).toBe("dead");
        const died = (2 * HEARTBEAT_MS + ABANDONED_AFTER_MS) / SECOND;
        expect(seconds).toBeGreaterThanOrEqual(died);
        expect(seconds).toBeLessThanOrEqual(died + 10);
    });

    test("that goes on is waited for as long as wanted, and no longer", async () => {
        const limit = 4 * 60_000;
        const { fate, seconds } = await watch(beating, { limit });
        expect(fate).toBe("working");
        expect(seconds).toBeGreaterThanOrEqual(limit / SECOND);
        expect(seconds).toBeLessThanOrEqual((limit + HEARTBEAT_MS) / SECOND + 5);
    });

    test("has ended once its journal is gone", async () => {
        const { fate, seconds } = await watch((elapsed) => (elapsed < 20_000 ? 0 : undefined));
        expect(fate).toBe("ended");
        expect(seconds).toBeLessThanOrEqual(25);
    });

    test("of a process that has gone from here is dead at once", async () => {
        const of = { ...elsewhere, ...ownProcess(), process: NOBODY };
        expect(await watch(() => 0, { of })).toEqual({ fate: "dead", seconds: 0 });
    });
});
