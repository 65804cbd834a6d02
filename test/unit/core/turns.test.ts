// Works that take turns.
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { Turns } from "../../../components/core/turns";

test("each work begins when the one before it has ended, also where that fails", async () => {
    const turns = new Turns();
    const seen: string[] = [];
    const work = (name: string, fails = false) =>
        turns.next(async () => {
            seen.push(`${name} begins`);
            await sleep(5);
            seen.push(`${name} ends`);
            if (fails) {
                throw new Error(`${name} fails`);
            }
            return name;
        });
    expect(turns.busy).toBe(false);
    const works = [work("a"), work("b", true), work("c")];
    expect(turns.busy).toBe(true);
    expect(await Promise.allSettled(works)).toEqual([
        { status: "fulfilled", value: "a" },
        { status: "rejected", reason: new Error("b fails") },
        { status: "fulfilled", value: "c" },
    ]);
    expect(seen).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
    expect(turns.busy).toBe(false);
});
