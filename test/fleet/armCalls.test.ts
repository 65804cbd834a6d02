// What a run costs of Azure's request budgets: every call counted on the local Azure, and the table in docs/fleets.md
// held to it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { repository } from "../../sandbox/engine/paths";
import type { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { patch, poolStack } from "../stack/support/pools";

/** The calls of one run, by kind. */
type Counts = Map<string, number>;

/**
 * The rows of the table: how a call is recognised by its method and the types in its path, and what the table calls it.
 */
const KINDS: [call: string, name: string][] = [
    ["GET locations", "GET locations (zones)"],
    ["GET virtualMachineScaleSets", "GET scale set"],
    ["GET virtualMachineScaleSets/virtualMachines (list)", "list the scale set's VMs"],
    ["GET virtualMachineScaleSets/virtualMachines", "GET VM"],
    ["GET disks", "GET disk"],
    ["GET galleries", "GET gallery"],
    ["GET galleries/images", "GET image definition"],
    ["GET galleries/images/versions (list)", "list image versions"],
    ["GET galleries/images/versions", "GET image version"],
    ["GET snapshots", "GET snapshot"],
    ["POST checkPolicyRestrictions", "POST check of Azure Policy"],
    ["PUT galleries", "PUT gallery"],
    ["PUT galleries/images", "PUT image definition"],
    ["PUT snapshots", "PUT snapshot"],
    ["POST virtualMachineScaleSets/virtualMachines/start", "POST start of the VM"],
    ["PUT galleries/images/versions", "PUT image version"],
    ["PUT virtualMachineScaleSets", "PUT scale set"],
    ["DELETE snapshots", "DELETE snapshot"],
];
/** Asked again and again until a node is off, or on: how often depends on how long that takes. */
const POLLS = /\/instanceView$/i;

let sandbox: Sandbox;
let stack: Stack;

beforeAll(async () => {
    sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 3 }] });
    await patch(sandbox, "pool1", 0, "2026-11-16T04:12:00Z");
    stack = await poolStack(sandbox, ["pool1"]);
});
afterAll(() => sandbox?.stop());

/** The method and the types of a path, as in `GET galleries/images`; of an action its name, too. */
function callOf(method: string, path: string): string {
    const [type, ...rest] = (path.split(/\/providers\/Microsoft\.Compute\//i)[1] ?? path.split("/").at(-1)!).split("/");
    const types = [type, ...rest.filter((_, index) => index % 2 === 1)];
    const list = method === "GET" && rest.length % 2 === 0 && rest.length > 0 ? " (list)" : "";
    return `${method} ${types.join("/")}${list}`;
}

/** Runs something, and counts what was asked of Azure meanwhile, polls left out. */
async function counted(run: () => Promise<unknown>): Promise<Counts> {
    sandbox.azure.requests.clear();
    await run();
    const counts: Counts = new Map();
    for (const { method, path } of sandbox.azure.requests.all().filter(({ path }) => !POLLS.test(path))) {
        const call = callOf(method, path);
        counts.set(call, (counts.get(call) ?? 0) + 1);
    }
    return counts;
}

const up = async () => (await stack.up("--skip-preview")).orFail();
const preview = async () => (await stack.preview()).orFail();

function table(runs: [name: string, counts: Counts][]): string[] {
    const sum = (counts: Counts, method: RegExp) =>
        [...counts].reduce((total, [call, count]) => total + (method.test(call) ? count : 0), 0);
    const row = (name: string, cells: (string | number)[]) => `| ${name} | ${cells.join(" | ")} |`;
    const each = (value: (counts: Counts) => string | number) => runs.map(([, counts]) => value(counts));
    return [
        row(
            "call",
            each(() => "").map((_, index) => runs[index][0]),
        ),
        `|---|${runs.map(() => "--:|").join("")}`,
        ...KINDS.map(([call, name]) =>
            row(
                name,
                each((counts) => counts.get(call) ?? ""),
            ),
        ),
        row(
            "**reads**",
            each((counts) => `**${sum(counts, /^GET/)}**`),
        ),
        row(
            "**writes**",
            each((counts) => `**${sum(counts, /^(PUT|PATCH|POST)/)}**`),
        ),
        row(
            "**deletes**",
            each((counts) => `**${sum(counts, /^DELETE/)}**`),
        ),
    ];
}

test("the calls of each kind of run are those that docs/fleets.md tells of", async () => {
    const first = await counted(up);
    const model = await counted(up);
    await patch(sandbox, "pool1", 1, "2026-11-17T04:12:00Z");
    const waiting = await counted(preview);
    const bump = await counted(up);
    const unchanged = await counted(preview);

    const known = new Set(KINDS.map(([call]) => call));
    const all = [first, model, waiting, bump, unchanged].flatMap((counts) => [...counts.keys()]);
    expect([...new Set(all)].filter((call) => !known.has(call))).toEqual([]);
    const measured = table([
        ["preview, nothing new", unchanged],
        ["preview of a bump", waiting],
        ["up: a bump", bump],
        ["first up: adopt, image", first],
        ["second up: model", model],
    ]);
    const told = readFileSync(join(repository, "docs", "fleets.md"), "utf8").split("\n");
    expect(told.slice(told.indexOf(measured[0])).slice(0, measured.length)).toEqual(measured);
});
