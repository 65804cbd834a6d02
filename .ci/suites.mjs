// Prints how long the test files of each suite took in the last run, from vitest's report: `make test-times`.
import { existsSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import process from "node:process";

const report = ".sandbox/test-results.json";
if (!existsSync(report)) {
    process.stderr.write("No report of a run was found; make one with: make test\n");
    process.exit(1);
}
const suites = new Map();
for (const { name, startTime, endTime, assertionResults } of JSON.parse(readFileSync(report, "utf8")).testResults) {
    const [, suite] = relative(process.cwd(), name).split("/");
    const sum = suites.get(suite) ?? { files: 0, tests: 0, seconds: 0 };
    const seconds = sum.seconds + (endTime - startTime) / 1000;
    suites.set(suite, { files: sum.files + 1, tests: sum.tests + assertionResults.length, seconds });
}
process.stdout.write("suite         files  tests  seconds\n");
for (const [suite, { files, tests, seconds }] of [...suites].sort(([, a], [, b]) => b.seconds - a.seconds)) {
    const columns = [suite.padEnd(12), `${files}`.padStart(6), `${tests}`.padStart(6), seconds.toFixed(0).padStart(8)];
    process.stdout.write(`${columns.join(" ")}\n`);
}
