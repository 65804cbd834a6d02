// `make bench`: what previews and large clusters cost, as ratios within one run. Not a test: nothing fails by being
// slow.
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { join } from "node:path";
import { REBOOT_NEEDED } from "../../components/node/kured";
import { repository } from "../../sandbox/engine/paths";
import { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { patch, poolStack } from "../stack/support/pools";
import { measureInTurns, median, type Cost, type Measured } from "./measure";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 7);
const NODES = Number(process.env.BENCH_NODES ?? 1000);
const LOADER = ["--require", join(repository, "components/engine/typescript.cjs")];

function say(row: string): void {
    console.log(row);
}

const seconds = (value: number) => value.toFixed(2);

/** A no-op preview, plain and by `npm run preview`, against a program that loads the same SDKs and declares nothing. */
async function previews(sandbox: Sandbox): Promise<void> {
    await patch(sandbox, "pool1", 0, "2026-11-16T04:12:00Z");
    const stack = await poolStack(sandbox, ["pool1"]);
    (await stack.up("--skip-preview")).orFail();
    (await stack.up("--skip-preview")).orFail();
    const program = join(repository, "test/bench/baseline");
    const { directory: runDirectory, env } = sandbox;
    const baseline = await Stack.create({ runDirectory, env, name: "baseline", program });
    (await baseline.up("--skip-preview")).orFail();
    const quiet = { PULUMI_OPTION_NON_INTERACTIVE: "true", PULUMI_OPTION_COLOR: "never" };
    const preview = (of: Stack, name: string, cwd: string): Measured => ({
        ...{ name, cwd, command: ["pulumi", "preview"], env: { ...of.env, ...quiet } },
    });
    const names = ["SDKs alone", "no-op preview", "npm run preview"] as const;
    const runner = [
        "npm",
        "run",
        "--silent",
        "preview",
        "--",
        "--stack",
        stack.name,
        "--config-file",
        stack.configFile,
    ];
    const costs = await measureInTurns(
        [
            preview(baseline, names[0], program),
            preview(stack, names[1], repository),
            { name: names[2], cwd: repository, command: runner, env: stack.env },
        ],
        ROUNDS,
    );
    say("| | seconds | CPU seconds | seconds, ratio | CPU, ratio |\n|---|--:|--:|--:|--:|");
    const [base, plain] = names.map((name) => costs.get(name)!);
    row(names[0], base, base);
    row(`${names[1]}, one pool of six nodes, against the SDKs alone`, plain, base);
    row(`${names[2]} (policy pack, report), against the no-op preview`, costs.get(names[2])!, plain);
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
    const found = { list: [] as Read[], client: [] as Read[], rules: [] as Read[] };
    for (let round = 0; round < ROUNDS; round++) {
        found.client.push(nodesProcess("client", kubeconfig, sandbox.env));
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
    line("reading and choosing, here", found.list);
    line("the rules alone", found.rules);
}

/** Nodes of 10 kB each with 30 labels and annotations, as busy clusters have them; no machines behind them. */
async function createNodes({ nodes: { api } }: Sandbox, count: number): Promise<void> {
    const filler = Object.fromEntries(
        Array.from({ length: 30 }, (_, index) => [`example.org/key-${index}`, "x".repeat(250)]),
    );
    const labels = Object.fromEntries(
        Array.from({ length: 30 }, (_, index) => [`example.org/label-${index}`, "y".repeat(40)]),
    );
    const annotations = { ...filler, [REBOOT_NEEDED]: "2026-11-20T04:12:09Z" };
    const create = (index: number) =>
        api.core.createNode({ body: { metadata: { name: `large-${index}`, labels, annotations } } });
    for (let index = 0; index < count; index += 20) {
        await Promise.all(Array.from({ length: Math.min(20, count - index) }, (_, each) => create(index + each)));
    }
}

async function main(): Promise<void> {
    const [{ model }] = cpus();
    say(
        `${cpus().length} × ${model}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}, medians of ${ROUNDS}\n`,
    );
    const sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 6 }] });
    try {
        await previews(sandbox);
        await largeCluster(sandbox);
    } finally {
        await sandbox.stop();
    }
}

main().then(
    () => process.exit(),
    (error: unknown) => {
        console.error(error);
        process.exit(1);
    },
);
