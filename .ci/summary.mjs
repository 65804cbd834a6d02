// The end of a run's log, from vitest's reports (make test, make test-capi, make test-vm): the slowest files, what failed, and last
// "N passed, N failed".
import { existsSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import process from "node:process";
import { stripVTControlCharacters } from "node:util";

const SLOWEST = 12;
const MOST_FAILURES = 40;
const MOST_DETAILS = 4;
const LONGEST = 300;

const reports = ["", "-capi", "-vm"].map((suite) => `.sandbox/test-results${suite}.json`);
const status = Number(process.argv[2]);
const found = reports.filter((report) => existsSync(report)).map((report) => JSON.parse(readFileSync(report, "utf8")));
const numPassedTests = found.reduce((sum, report) => sum + report.numPassedTests, 0);
const testResults = found.flatMap((report) => report.testResults);

/** The first line of a message that says something; the report has none for a hook that failed. */
const firstLine = (message) =>
    stripVTControlCharacters(message ?? "")
        .replace(/Error:\s+/, "Error: ")
        .match(/\S.*/)?.[0] ?? "a hook failed (beforeAll, afterAll)";
/** What a command that a test ran said of its own failure: the message is all that it printed, many pages of it. */
const details = (message) =>
    stripVTControlCharacters(message ?? "")
        .split("\n")
        .slice(1)
        .filter((line) => /\b(error|fail(ed|ure)?|violat\w+|refused|timed out)\b/i.test(line))
        .filter((line) => !/^\s+at /.test(line))
        .slice(0, MOST_DETAILS)
        .map((line) => `    ${line.trim()}`);
const print = (line) => process.stdout.write(`${line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line}\n`);

const files = testResults.map(({ name, startTime, endTime, ...rest }) => ({
    ...rest,
    path: relative(process.cwd(), name),
    seconds: Math.round((endTime - startTime) / 1000),
}));
for (const { path, seconds } of files.sort((a, b) => b.seconds - a.seconds).slice(0, SLOWEST)) {
    print(`${String(seconds).padStart(6)} s  ${path}`);
}

const failures = files.flatMap(({ path, status, message, assertionResults }) => {
    const tests = assertionResults.filter((test) => test.status === "failed");
    const lines = tests.map(({ fullName, failureMessages: [text] = [] }) => [
        `FAILED ${path}: ${fullName}: ${firstLine(text)}`,
        ...details(text),
    ]);
    // A file that cannot even be loaded, or whose preparation fails, has no failed test to show.
    return status === "failed" && tests.length === 0 ? [[`FAILED ${path}: ${firstLine(message)}`]] : lines;
});
failures.slice(0, MOST_FAILURES).flat().forEach(print);
if (failures.length > MOST_FAILURES) {
    print(`and ${failures.length - MOST_FAILURES} failures more`);
}

process.stdout.write(`${numPassedTests} passed, ${failures.length || Number(status !== 0)} failed\n`);
