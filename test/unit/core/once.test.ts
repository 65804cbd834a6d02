// Asking once for what several need.
import { mock } from "node:test";
import { describe, expect, test } from "vitest";
import { shared } from "../../../components/azure/client";
import { freshPer, oncePer } from "../../../components/core/once";

test("each key is asked for once, whatever the answer", () => {
    const asked: string[] = [];
    const read = oncePer(
        (name: string) => name.toLowerCase(),
        (name) => {
            asked.push(name);
            return undefined;
        },
    );
    ["a", "A", "b", "a"].forEach((name) => read(name));
    expect(asked).toEqual(["a", "b"]);
});

test("a failure is the answer to all that ask", async () => {
    let times = 0;
    const read = oncePer(
        () => "",
        () => Promise.reject(new Error(`refused ${++times}`)),
    );
    const outcomes = await Promise.allSettled([read(1), read(2), read(3)]);
    expect(outcomes.map((outcome) => (outcome as PromiseRejectedResult).reason as Error)).toEqual(
        Array(3).fill(new Error("refused 1")),
    );
});

describe("an answer that counts for some seconds", () => {
    function reader(answer: (times: number) => Promise<unknown>) {
        let times = 0;
        const read = freshPer(
            (name: string) => name,
            () => answer(++times),
        );
        return { read, asked: () => times };
    }
    const withTime = async (run: (pass: (seconds: number) => void) => Promise<void>) => {
        mock.timers.enable({ apis: ["Date"] });
        try {
            await run((seconds) => mock.timers.tick(seconds * 1000));
        } finally {
            mock.timers.reset();
        }
    };

    test("is asked for again when it is older, for each key by itself", () =>
        withTime(async (pass) => {
            const { read, asked } = reader((times) => Promise.resolve(times));
            expect([await read("a"), await read("b"), await read("a")]).toEqual([1, 2, 1]);
            pass(14);
            expect(await read("a")).toBe(1);
            pass(2);
            expect([await read("a"), await read("b"), asked()]).toEqual([3, 4, 4]);
        }));

    test("is shared for as long as it takes to come, and is new when it has come", () =>
        withTime(async (pass) => {
            const { promise, resolve } = defer<string>();
            const { read, asked } = reader(() => promise);
            const first = read("a");
            pass(60);
            const second = read("a");
            resolve("late");
            expect(await Promise.all([first, second])).toEqual(["late", "late"]);
            pass(14);
            expect([await read("a"), asked()]).toEqual(["late", 1]);
        }));

    test("may be a failure", () =>
        withTime(async (pass) => {
            const { read } = reader((times) => Promise.reject(new Error(`refused ${times}`)));
            await expect(read("a")).rejects.toThrow("refused 1");
            await expect(read("a")).rejects.toThrow("refused 1");
            pass(16);
            await expect(read("a")).rejects.toThrow("refused 2");
        }));
});

/** A promise, and what fulfils it. */
function defer<T>() {
    let resolve: (value: T) => void = () => undefined;
    const promise = new Promise<T>((fulfil) => (resolve = fulfil));
    return { promise, resolve };
}

test("several readers of a list come by the same pages, and nobody asks for one that none has come to", async () => {
    const pages: number[] = [];
    async function* list() {
        for (let page = 0; page < 5; page++) {
            pages.push(await Promise.resolve(page));
            yield page;
        }
    }
    const all = shared(list());
    const find = async (wanted: number) => {
        for await (const each of all) {
            if (each === wanted) {
                return each;
            }
        }
        return undefined;
    };
    expect(await Promise.all([find(2), find(0), find(1)])).toEqual([2, 0, 1]);
    expect(pages).toEqual([0, 1, 2]);
    expect(await Promise.all([find(9), find(4)])).toEqual([undefined, 4]);
    expect(pages).toEqual([0, 1, 2, 3, 4]);
});
