// `make bench`: what previews, bumps and large clusters cost, as ratios within one run. Not a test: nothing fails by
// being slow. Arguments are the parts to measure; all without any.
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { join } from "node:path";
import { repository } from "../../sandbox/engine/paths";
import { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { bumpsAtOnce, captureBeyondAzure } from "./bumps";
import { makeFleet } from "./fleet";
import { busyNode, createInertNodes } from "./inertNodes";
import { measureInTurns, median, type Cost } from "./measure";
import { preview, settledStack } from "./settled";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 7);
const NODES = Number(process.env.BENCH_NODES ?? 1000);
/** Pools and nodes in each, as in `10x100,50x100`. */
const FLEETS = (process.env.BENCH_FLEETS ?? "10x100").split(",").filter(Boolean);
const FLEET_ROUNDS = Math.min(ROUNDS, 5);
/** How long Azure takes for an answer where it is far; the local one takes a few milliseconds. */
const FAR_MS = 200;
const LOADER = ["--require", join(repository, "components/engine/typescript.cjs")];

function say(row: string): void {
    console.log(row);
}

const seconds = (value: number) => value.toFixed(2);

/** A no-op preview, plain and by `npm run preview`, against a program that loads the same SDKs and declares nothing. */
async function previews({ directory: runDirectory, env }: Sandbox, stack: Stack): Promise<void> {
    const program = join(repository, "test/bench/baseline");
    const baseline = await Stack.create({ runDirectory, env, name: "baseline", program });
    (await baseline.up("--skip-preview")).orFail();
    const names = ["SDKs alone", "no-op preview", "npm run preview"] as const;
    const runner = "npm run --silent preview -- --stack".split(" ");
    const costs = await measureInTurns(
        [
            preview(baseline, names[0], program),
            preview(stack, names[1]),
            {
                name: names[2],
                cwd: repository,
                command: [...runner, stack.name, "--config-file", stack.configFile],
                env: { ...stack.env, NODE_OPTIONS: process.env.NODE_OPTIONS },
            },
        ],
        ROUNDS,
    );
    heading();
    const [base, plain] = names.map((name) => costs.get(name)!);
    row(names[0], base, base);
    row(`${names[1]}, one pool of six nodes, against the SDKs alone`, plain, base);
    row(`${names[2]} (policy pack, report), against the no-op preview`, costs.get(names[2])!, plain);
}

/** A no-op preview of a whole fleet against one of a single pool of six nodes, with Azure near and far. */
async function fleets(sandbox: Sandbox, stack: Stack): Promise<void> {
    for (const size of FLEETS) {
        const [pools, nodes] = size.split("x").map(Number);
        const fleet = await makeFleet(pools, nodes);
        const name = `${pools} pools of ${nodes} nodes, against one pool`;
        const compare = async (where: string) => {
            const costs = await measureInTurns([preview(stack, "one pool"), preview(fleet.stack, name)], FLEET_ROUNDS);
            const one = costs.get("one pool")!;
            row(`no-op preview, one pool of six nodes${where}`, one, one);
            row(`${name}${where}`, costs.get(name)!, one);
        };
        const azures = [sandbox.azure, fleet.sandbox.azure];
        try {
            heading();
            await compare("");
            azures.forEach(({ faults }) => faults.delay({ path: /./, milliseconds: FAR_MS }));
            await compare(`; each answer of Azure after ${FAR_MS / 1000} s`);
        } finally {
            azures.forEach(({ faults }) => faults.clear());
            await fleet.sandbox.stop();
        }
    }
}

function heading(): void {
    say("\n| | seconds | CPU seconds | seconds, ratio | CPU, ratio |\n|---|--:|--:|--:|--:|");
}

function row(name: string, cost: Cost, against: Cost): void {
    const ratio = (of: keyof Cost) => (cost === against ? "" : `${seconds(cost[of] / against[of])} ×`);
    say(`| ${name} | ${seconds(cost.wall)} | ${seconds(cost.cpu)} | ${ratio("wall")} | ${ratio("cpu")} |`);
}

interface Read extends Cost {
    count: number;
    megabytes: number;
}

/** One process that reads or chooses among nodes. */
function nodesProcess(what: string, argument: string, env: NodeJS.ProcessEnv): Read {
    const args = [...LOADER, join(repository, "test/bench/nodes.ts"), what, argument];
    return JSON.parse(execFileSync(process.execPath, args, { env, encoding: "utf8" })) as Read;
}

/** Reading all nodes and choosing among them, against the client library's `listNode()`. */
async function largeCluster(sandbox: Sandbox): Promise<void> {
    await createNodes(sandbox, NODES);
    const { kubeconfig } = sandbox.cluster;
    const found = { list: [] as Read[], whole: [] as Read[], client: [] as Read[], rules: [] as Read[] };
    for (let round = 0; round < ROUNDS; round++) {
        found.client.push(nodesProcess("client", kubeconfig, sandbox.env));
        found.whole.push(nodesProcess("whole", kubeconfig, sandbox.env));
        found.list.push(nodesProcess("list", kubeconfig, sandbox.env));
        found.rules.push(nodesProcess("rules", "100000", sandbox.env));
    }
    say("\n| | nodes | seconds | CPU seconds | MB, whole process |\n|---|--:|--:|--:|--:|");
    const middle = (reads: Read[], of: "wall" | "cpu" | "megabytes") => median(reads.map((each) => each[of]));
    const line = (name: string, reads: Read[]) =>
        say(
            `| ${name} | ${reads[0].count} | ${seconds(middle(reads, "wall"))} | ${seconds(middle(reads, "cpu"))} ` +
                `| ${middle(reads, "megabytes").toFixed(0)} |`,
        );
    line("`listNode()` of the client library", found.client);
    line("the same as plain data, page by page", found.whole);
    line("reading and choosing, here", found.list);
    line("the rules alone", found.rules);
}

/** Nodes of 10 kB, of which kured says that they were rebooted; no machines behind them. */
async function createNodes({ cluster }: Sandbox, count: number): Promise<void> {
    const nodes = Array.from({ length: count }, (_, index) => busyNode({ metadata: { name: `large-${index}` } }, true));
    await createInertNodes(cluster, nodes);
}

/** A capture against Azure's own time for it, and ten pools' bump against the same of one. */
async function bumps(): Promise<void> {
    const { wall, azure } = await captureBeyondAzure();
    const { one, all } = await bumpsAtOnce();
    say("\n| | seconds | of which Azure's | ratio |\n|---|--:|--:|--:|");
    say(`| a capture by a copy | ${seconds(wall)} | ${seconds(azure)} | ${seconds(wall / azure)} × |`);
    say(`| a bump of one pool | ${seconds(one)} | | |`);
    say(`| a bump of ten pools in one stack, against one | ${seconds(all)} | | ${seconds(all / one)} × |`);
}

const OF_A_SETTLED_STACK = ["previews", "fleets", "nodes"];
const PARTS = [...OF_A_SETTLED_STACK, "bumps"];

async function main(parts: string[]): Promise<void> {
    const unknown = parts.find((part) => !PARTS.includes(part));
    if (unknown !== undefined) {
        throw new Error(`"${unknown}" is not a part of the bench; the parts are ${PARTS.join(", ")}`);
    }
    const [{ model }] = cpus();
    say(
        `${cpus().length} × ${model}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}, medians of ${ROUNDS}\n`,
    );
    const wanted = (part: string) => parts.length === 0 || parts.includes(part);
    if (OF_A_SETTLED_STACK.some(wanted)) {
        const sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 6 }] });
        try {
            const stack = await settledStack(sandbox);
            await (wanted("previews") && previews(sandbox, stack));
            await (wanted("fleets") && fleets(sandbox, stack));
            await (wanted("nodes") && largeCluster(sandbox));
        } finally {
            await sandbox.stop();
        }
    }
    await (wanted("bumps") && bumps());
}

main(process.argv.slice(2)).then(
    () => process.exit(),
    (error: unknown) => {
        console.error(error);
        process.exit(1);
    },
);
