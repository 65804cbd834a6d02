// Waiting for things to come true, and for work that goes on side by side.
import { mock } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { allEnded, until, withRetries } from "../../../components/core/retry";
import { stopClock } from "../clock";

describe("looking again and again", () => {
    stopClock();

    /** How often something is looked at within a second that never comes true. */
    async function looks(longestPause?: number): Promise<number> {
        let [count, ended] = [0, false];
        const waiting = until({ limit: 1000, longestPause }, () => Promise.resolve(void count++));
        void waiting.then(() => (ended = true));
        while (!ended) {
            mock.timers.tick(5);
            await new Promise((resolve) => setImmediate(resolve));
        }
        return count;
    }

    test("pauses longer from one look to the next, and looks once more when the time is over", async () => {
        // At 0, 250 and 625 milliseconds, and at the end.
        expect(await looks()).toBe(4);
    });

    test("never pauses longer than it is to", async () => {
        expect(await looks(50)).toBeGreaterThan(8);
    });
});

describe("trying again", () => {
    stopClock();

    const unanswered = Object.assign(new Error("The user aborted a request."), { name: "AbortError", type: "aborted" });
    const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });

    /** What comes of attempts that fail so, and how many there are; the first one takes this long. */
    async function attempts(failure: Error, failures: number, firstMs = 0): Promise<[string, number]> {
        let [count, result] = [0, ""];
        const action = async () => {
            await (count++ === 0 && sleepOnClock(firstMs));
            if (count <= failures) {
                throw failure;
            }
            return "done";
        };
        void withRetries(action).then(
            (done) => (result = done),
            () => (result = "failed"),
        );
        while (result === "") {
            mock.timers.tick(250);
            await new Promise((resolve) => setImmediate(resolve));
        }
        return [result, count];
    }

    const sleepOnClock = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

    test("goes on for half a minute while connections are refused, also after work that took long", async () => {
        expect(await attempts(refused, 5)).toEqual(["done", 6]);
        expect(await attempts(refused, 6)).toEqual(["failed", 6]);
        expect(await attempts(refused, 1, 100_000)).toEqual(["done", 2]);
    });

    test("goes on once where a request was not answered, which takes a minute each time", async () => {
        expect(await attempts(unanswered, 1, 60_000)).toEqual(["done", 2]);
        expect(await attempts(unanswered, 2, 60_000)).toEqual(["failed", 2]);
    });
});

describe("work that goes on side by side", () => {
    test("has ended when one part fails, and what the first one failed with is thrown", async () => {
        let ended = false;
        const slow = sleep(20).then(() => {
            ended = true;
            throw new Error("the second");
        });
        await expect(allEnded(Promise.reject(new Error("the first")), slow)).rejects.toThrow("the first");
        expect(ended).toBe(true);
    });

    test("is all done where none fails", async () => {
        let done = 0;
        const work = async () => {
            await sleep(5);
            done++;
        };
        await allEnded(work(), work());
        expect(done).toBe(2);
    });
});
