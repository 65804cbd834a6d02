// Results of cases already tried, for a matrix that is broken off: it takes hours.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Capture, Result } from "./matrix";

const REPOSITORY = join(__dirname, "..", "..");
const FILE = join(REPOSITORY, ".sandbox", "faults.json");

interface Stored {
    /** What was tried: the committed state of the product. */
    product: string;
    results: Partial<Record<Capture, Result[]>>;
}

/** Results of this very state of the product, as far as it is committed; none after `make clean`. */
export function storedResults(capture: Capture): Result[] {
    return load().results[capture] ?? [];
}

/** Keeps the results of one way of capture. */
export function storeResults(capture: Capture, results: Result[]): void {
    const stored = load();
    mkdirSync(dirname(FILE), { recursive: true });
    writeFileSync(FILE, JSON.stringify({ ...stored, results: { ...stored.results, [capture]: results } }));
}

function load(): Stored {
    const product = execFileSync("git", ["rev-parse", "HEAD:components"], { cwd: REPOSITORY, encoding: "utf8" }).trim();
    const stored = existsSync(FILE) ? (JSON.parse(readFileSync(FILE, "utf8")) as Stored) : undefined;
    return stored?.product === product ? stored : { product, results: {} };
}
