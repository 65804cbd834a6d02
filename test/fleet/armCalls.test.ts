// What a run costs of Azure's request budgets and of the API server: every call counted, and the tables in docs held to
// what is counted.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { repository } from "../../sandbox/engine/paths";
import type { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { startApiProxy, type ApiProxy } from "../faults/apiProxy";
import type { Call } from "../faults/calls";
import { patch, poolStack } from "../stack/support/pools";

/** The calls of one run, by kind. */
type Counts = Map<string, number>;

/**
 * The rows of the table: how a call is recognised by its method and the types in its path, and what the table calls it.
 */
const KINDS: [call: string, name: string][] = [
    ["GET locations (list)", "GET locations (zones)"],
    ["GET virtualMachineScaleSets", "GET scale set"],
    ["GET virtualMachineScaleSets/virtualMachines (list)", "list the scale set's VMs"],
    ["GET virtualMachineScaleSets/virtualMachines", "GET VM"],
    ["GET disks (list)", "list the resource group's disks"],
    ["GET disks", "GET disk"],
    ["GET galleries", "GET gallery"],
    ["GET galleries/images", "GET image definition"],
    ["GET galleries/images/versions (list)", "list image versions"],
    ["GET galleries/images/versions", "GET image version"],
    ["GET snapshots (list)", "list snapshots"],
    ["POST checkPolicyRestrictions", "POST check of Azure Policy"],
    ["PUT galleries", "PUT gallery"],
    ["PUT galleries/images", "PUT image definition"],
    ["PUT snapshots", "PUT snapshot"],
    ["PUT disks", "PUT disk (the copy)"],
    ["PATCH disks", "PATCH disk (its tags)"],
    ["POST virtualMachineScaleSets/virtualMachines/start", "POST start of the VM"],
    ["PUT galleries/images/versions", "PUT image version"],
    ["PUT virtualMachineScaleSets", "PUT scale set"],
    ["DELETE snapshots", "DELETE snapshot"],
    ["DELETE disks", "DELETE disk (the copy)"],
];
/** Asked again and again until a node is off or on, or what a capture makes is there: how often is a matter of time. */
const POLLS = /\/instanceView$|\/(?:disks|snapshots)\/kamino-[^/]*$/i;
/** Who attaches the copy, with a budget of its own. */
const DRIVER = "azuredisk-csi-driver";

let sandbox: Sandbox;
let proxy: ApiProxy;
let kubernetes: Call[] = [];

beforeAll(async () => {
    sandbox = await startSandbox({
        pools: [
            { name: "pool1", capacity: 3 },
            { name: "pool2", capacity: 3 },
            { name: "pool3", capacity: 3 },
            { name: "pool4", capacity: 3 },
        ],
    });
    for (const pool of ["pool1", "pool2"]) {
        await patch(sandbox, pool, 0, "2026-11-16T04:12:00Z");
    }
    const record = (call: Call) => {
        kubernetes.push(call);
        return Promise.resolve();
    };
    proxy = await startApiProxy(sandbox.cluster, sandbox.directory, { before: record, after: () => Promise.resolve() });
});
afterAll(async () => {
    await proxy?.close();
    await sandbox?.stop();
});

/** The method and the types of a path, as in `GET galleries/images`; of an action its name, too. */
function callOf(method: string, path: string): string {
    const [type, ...rest] = (path.split(/\/providers\/Microsoft\.Compute\//i)[1] ?? path.split("/").at(-1)!).split("/");
    const types = [type, ...rest.filter((_, index) => index % 2 === 1)];
    const list = method === "GET" && rest.length % 2 === 0 ? " (list)" : "";
    return `${method} ${types.join("/")}${list}`;
}

/** The method and the resource of a request to the API server, as in `POST pods`, `GET nodes (list)`. */
function requestOf({ method, path }: Call): string {
    const [, rest] = /^\/(?:api|apis\/[^/]+)\/[^/]+\/(.*)$/.exec(path) ?? [];
    const parts = (rest ?? path).replace(/^namespaces\/[^/]+\/(?=.)/, "").split("/");
    const [resource, name, part] = parts;
    return `${method} ${[resource, part].filter(Boolean).join("/")}${method === "GET" && !name ? " (list)" : ""}`;
}

function add(counts: Counts, call: string) {
    counts.set(call, (counts.get(call) ?? 0) + 1);
}

/** Runs something, and counts what was asked meanwhile of Azure, polls left out, and of the API server. */
async function counted(run: () => Promise<unknown>): Promise<{ azure: Counts; cluster: Counts }> {
    sandbox.azure.requests.clear();
    kubernetes = [];
    await run();
    const azure: Counts = new Map();
    const cluster: Counts = new Map();
    const own = sandbox.azure.requests.all().filter(({ principal }) => principal !== DRIVER);
    for (const { method, path } of own.filter(({ method, path }) => method !== "GET" || !POLLS.test(path))) {
        add(azure, callOf(method, path));
    }
    kubernetes.forEach((call) => add(cluster, requestOf(call)));
    return { azure, cluster };
}

const sum = (counts: Counts, method: RegExp) =>
    [...counts].reduce((total, [call, count]) => total + (method.test(call) ? count : 0), 0);
const row = (name: string, cells: (string | number)[]) => `| ${name} | ${cells.join(" | ")} |`;

function table(kinds: typeof KINDS, runs: [name: string, counts: Counts][], totals: [string, RegExp][]): string[] {
    const each = (value: (counts: Counts) => string | number) => runs.map(([, counts]) => value(counts));
    return [
        row(
            "call",
            runs.map(([name]) => name),
        ),
        `|---|${runs.map(() => "--:|").join("")}`,
        ...kinds.map(([call, name]) =>
            row(
                name,
                each((counts) => counts.get(call) ?? ""),
            ),
        ),
        ...totals.map(([name, method]) =>
            row(
                `**${name}**`,
                each((counts) => `**${sum(counts, method)}**`),
            ),
        ),
    ];
}

/** The most that a preview of this many pools, of which nothing is new, may ask of Azure and of the API server. */
const BAR = { azure: (pools: number) => 4 * pools + 3, gets: 3 };

function expectWithinBar({ azure, cluster }: { azure: Counts; cluster: Counts }, pools: number) {
    expect(sum(azure, /./)).toBeLessThanOrEqual(BAR.azure(pools));
    expect(cluster.get("GET nodes (list)")).toBe(1);
    expect(sum(cluster, /^GET (?!nodes \(list\))/)).toBeLessThanOrEqual(BAR.gets * pools);
}

/** The lines of a page that should be this table. */
function told(page: string, [heading, ...rest]: string[]): string[] {
    const lines = readFileSync(join(repository, "docs", page), "utf8").split("\n");
    return lines.slice(lines.indexOf(heading)).slice(0, rest.length + 1);
}

/** A pool's first image, its model, and a bump. */
async function story(pool: string, config: Record<string, string>) {
    const stack: Stack = await poolStack(sandbox, [pool], { kubeconfig: proxy.kubeconfig, ...config }, pool);
    const up = async () => (await stack.up("--skip-preview")).orFail();
    const preview = async () => (await stack.preview()).orFail();
    const first = await counted(up);
    const model = await counted(up);
    await patch(sandbox, pool, 1, "2026-11-17T04:12:00Z");
    const waiting = await counted(preview);
    const bump = await counted(up);
    const unchanged = await counted(preview);
    return { first, model, waiting, bump, unchanged };
}

test("the calls of each kind of run are those that docs/fleets.md and docs/performance.md tell of", async () => {
    const copy = await story("pool1", { capture: "copy" });
    const inPlace = await story("pool2", { capture: "in-place" });

    expectWithinBar(copy.unchanged, 1);
    expect([...copy.unchanged.azure].filter(([, times]) => times > 1)).toEqual([]);

    const runs = [copy.unchanged, copy.waiting, copy.bump, copy.first, copy.model, inPlace.bump];
    const known = new Set(KINDS.map(([call]) => call));
    const all = runs.flatMap(({ azure }) => [...azure.keys()]);
    expect([...new Set(all)].filter((call) => !known.has(call))).toEqual([]);
    const names = [
        "preview, nothing new",
        "preview of a bump",
        "up: a bump",
        "first up: adopt, image",
        "second up: model",
    ];
    const azure = table(
        KINDS,
        [...names, "up: a bump in place"].map((name, index) => [name, runs[index].azure]),
        [
            ["reads", /^GET/],
            ["writes", /^(PUT|PATCH|POST)/],
            ["deletes", /^DELETE/],
        ],
    );
    expect(told("fleets.md", azure)).toEqual(azure);

    // How often a pod, a node or an attachment is looked at depends on how long it takes; a preview waits for nothing.
    const reads = [...new Set([...copy.unchanged.cluster.keys(), ...copy.waiting.cluster.keys()])].sort();
    const preview = table(
        reads.map((call) => [call, call]),
        [
            ["preview, nothing new", copy.unchanged.cluster],
            ["preview of a bump", copy.waiting.cluster],
        ],
        [["requests", /./]],
    );
    expect(told("performance.md", preview)).toEqual(preview);
    const bumps: [string, Counts][] = [
        ["a bump by a copy", copy.bump.cluster],
        ["a bump in place", inPlace.bump.cluster],
    ];
    const writes = [...new Set(bumps.flatMap(([, counts]) => [...counts.keys()]))].filter((call) => !/^GET/.test(call));
    // A lease and a journal are renewed as long as it takes.
    const once = writes.filter((call) => !call.startsWith("PATCH")).sort();
    const written = table(
        once.map((call) => [call, call]),
        bumps,
        [],
    );
    const renewed = bumps.map(([, counts]) => [...counts.keys()].filter((call) => call.startsWith("PATCH")));
    expect(renewed).toEqual([["PATCH daemonsets"], ["PATCH daemonsets", "PATCH nodes"]]);
    expect(told("performance.md", written)).toEqual(written);
});

describe("pools of one stack", () => {
    let stack: Stack;
    beforeAll(async () => {
        for (const pool of ["pool3", "pool4"]) {
            await patch(sandbox, pool, 0, "2026-11-16T04:12:00Z");
        }
        stack = await poolStack(sandbox, ["pool3", "pool4"], { capture: "copy" }, "shared");
        Object.assign(stack.env, { KUBECONFIG: proxy.kubeconfig });
        (await stack.up("--skip-preview")).orFail();
        (await stack.up("--skip-preview")).orFail();
    });

    test("share what is the same for all of them", async () => {
        const unchanged = await counted(async () => (await stack.preview()).orFail());
        expectWithinBar(unchanged, 2);
        const common = ["GET locations (list)", "GET disks (list)", "GET galleries"];
        expect(common.map((call) => [call, unchanged.azure.get(call)])).toEqual(common.map((call) => [call, 1]));
    });

    test.each(["galleries/images/versions", "virtualMachineScaleSets/virtualMachines"])(
        "have their %s listed side by side, though the engine checks one after the other",
        async (types) => {
            const { faults } = sandbox.azure;
            const waiting: (() => void)[] = [];
            let most = 0;
            const goOn = () => waiting.splice(0).forEach((resolve) => resolve());
            faults.watcher = {
                // Answers none before both have come, or one has waited for longer than any other request takes.
                before: ({ method, path }) =>
                    callOf(method, path) === `GET ${types} (list)`
                        ? new Promise((resolve) => {
                              most = Math.max(most, waiting.push(resolve));
                              setTimeout(goOn, most === 2 ? 0 : 30_000);
                          })
                        : undefined,
                after: () => undefined,
            };
            try {
                (await stack.preview()).orFail();
            } finally {
                faults.watcher = undefined;
            }
            expect(most).toBe(2);
        },
    );
});
