// A bump broken at its remote calls: nothing of ours is left on nodes, in Kubernetes or in Azure, and the next run
// makes the image. `make faults` goes through the whole matrix and writes docs/faults.md; `make test` takes a few cells
// of it.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Bench, faultsOf, type Case, type Result } from "./matrix";
import { pageOf } from "./page";

const MINUTE = 60_000;
const WHOLE = process.env.FAULTS === "all";
/** How many cells `make test` takes: one after another through the matrix, so that all faults come up. */
const SAMPLE = Number(process.env.FAULTS ?? 4) || 4;

let bench: Bench;
beforeAll(async () => {
    bench = await Bench.start();
}, 10 * MINUTE);
afterAll(() => bench?.stop());

/** Cells spread evenly over the matrix. */
function sampleOf(cases: Case[], size: number): Case[] {
    const step = cases.length / size;
    return Array.from({ length: size }, (_, index) => cases[Math.floor(index * step + step / 2)]);
}

test(
    "whatever breaks a bump, one more run leaves nothing behind and the image made",
    async () => {
        const calls = await bench.record();
        expect(calls.length).toBeGreaterThan(15);
        const cases = calls.flatMap((call) => faultsOf(call).map((fault) => ({ call, fault })));
        const results: Result[] = [];
        for (const one of WHOLE ? cases : sampleOf(cases, SAMPLE)) {
            const result = await bench.run(one);
            results.push(result);
            console.log(
                `${result.survived ? "survived" : "NOT SURVIVED"}: ${one.fault}: ${one.call}` +
                    (result.survived ? "" : `: ${result.next}; ${result.leftovers.join("; ")}`),
            );
        }
        if (WHOLE) {
            writeFileSync(join(__dirname, "..", "..", "docs", "faults.md"), pageOf(results, calls));
        }
        expect(results.some(({ reached }) => reached)).toBe(true);
        expect(results.filter(({ survived }) => !survived)).toEqual([]);
    },
    WHOLE ? 600 * MINUTE : 15 * MINUTE,
);
