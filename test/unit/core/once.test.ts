// Asking once for what several need.
import { expect, test } from "vitest";
import { shared } from "../../../components/azure/client";
import { oncePer } from "../../../components/core/once";

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
