// A bump broken at its remote calls: nothing of ours is left on nodes, in Kubernetes or in Azure, and the next run
// makes the image. `make faults` goes through the whole matrix, both ways of capture side by side, and writes
// docs/faults.md; one that was broken off goes on where it was. `make test` takes a few cells of it.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Bench, CAPTURES, FAULTS, faultsOf, type Capture, type Case, type Result } from "./matrix";
import { pageOf, type Story } from "./page";
import { storeResults, storedResults } from "./store";

const MINUTE = 60_000;
const WHOLE = process.env.FAULTS === "all";
/** How many cells of each way `make test` takes: spread over the matrix, so that all faults come up. */
const SAMPLE = Number(process.env.FAULTS ?? 2) || 2;
/** Sandboxes of each way: most of a case is waiting. */
const BENCHES = 2;
const PAGE = join(__dirname, "..", "..", "docs", "faults.md");

const stories: Story[] = [];

describe.each(CAPTURES)("a disk captured: %s", { concurrent: WHOLE }, (capture: Capture) => {
    let benches: Bench[] = [];
    beforeAll(async () => {
        benches = await Promise.all(Array.from({ length: WHOLE ? BENCHES : 1 }, () => Bench.start(capture)));
    }, 20 * MINUTE);
    afterAll(() => Promise.all(benches.map((bench) => bench.stop())));

    test(
        "whatever breaks a bump, one more run leaves nothing behind and the image made",
        async () => {
            const calls = await benches[0].record();
            expect(calls.length).toBeGreaterThan(15);
            const all = calls.flatMap((call) => faultsOf(call).map((fault) => ({ call, fault })));
            const cases = WHOLE ? worstFirst(all) : sampleOf(all, SAMPLE);
            const results = WHOLE ? storedResults(capture).filter((result) => isOf(cases, result)) : [];
            stories.push({ capture, calls, cases: cases.length, results });
            const left = cases.filter((one) => !isOf(results, one));
            const work = async (index: number) => {
                for (let one = left.shift(); one; one = left.shift()) {
                    const { result, usable } = await benches[index].run(one);
                    results.push(result);
                    console.log(`${results.length} of ${cases.length}, ${capture}: ${lineOf(result)}`);
                    if (WHOLE) {
                        storeResults(capture, results);
                        writeFileSync(PAGE, pageOf(stories));
                    }
                    if (!usable) {
                        await benches[index].stop();
                        benches[index] = await Bench.start(capture);
                    }
                }
            };
            await Promise.all(benches.map((_, index) => work(index)));
            expect(results.some(({ reached }) => reached)).toBe(true);
            expect(results.filter(({ survived }) => !survived)).toEqual([]);
        },
        WHOLE ? 600 * MINUTE : 15 * MINUTE,
    );
});

function isOf(cases: Case[], { call, fault }: Case): boolean {
    return cases.some((each) => each.call === call && each.fault === fault);
}

/** Cells spread evenly over the matrix. */
function sampleOf(cases: Case[], size: number): Case[] {
    const step = cases.length / size;
    return Array.from({ length: size }, (_, index) => cases[Math.floor(index * step + step / 2)]);
}

/**
 * The order of FAULTS, and of each fault what changes something first: a matrix that is broken off has tried the worst.
 */
function worstFirst(cases: Case[]): Case[] {
    const order = Object.keys(FAULTS);
    const rank = ({ call, fault }: Case) => (call.split(" ")[1] === "GET" ? order.length : 0) + order.indexOf(fault);
    return cases
        .map((one) => ({ one, rank: rank(one) }))
        .sort((a, b) => a.rank - b.rank)
        .map(({ one }) => one);
}

function lineOf({ survived, later, fault, call, broken, next, leftovers }: Result): string {
    return survived
        ? `survived${later ? " later" : ""}: ${fault}: ${call}`
        : `NOT SURVIVED: ${fault}: ${call}: ${broken}; the next run: ${next}; ${leftovers.join("; ")}`;
}
