// Prints "N passed, N failed" from vitest's report; a run that failed for another reason (types, lint, no report) counts as one failure.
import { existsSync, readFileSync } from "node:fs";
import process from "node:process";

const report = ".sandbox/test-results.json";
const status = Number(process.argv[2]);
const {
    numPassedTests = 0,
    numFailedTests = 0,
    testResults = [],
} = existsSync(report) ? JSON.parse(readFileSync(report, "utf8")) : {};
// A test file that cannot even be loaded has no test of its own that could have failed.
const broken = testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0).length;
const failed = numFailedTests + broken;
process.stdout.write(`${numPassedTests} passed, ${failed === 0 && status !== 0 ? 1 : failed} failed\n`);
