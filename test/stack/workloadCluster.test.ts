// Nodes that are reached by the kubeconfig in a Secret of the management cluster: with the right to that one Secret the
// whole program works, and nothing of what is in the Secret is in anything that a run writes.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import type { PoolStatus } from "../../runner/status/show";
import type { Outcome } from "../../sandbox/engine/outcome";
import { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { manifests, serviceAccount } from "../permissions/support";
import { imageOf, patch, scaleSetOf } from "./support/pools";
import { npmRun } from "./support/scripts";
import { recordCluster, serviceAccountToken, writeKubeconfig } from "./support/secretPlaces";
import { Secrets } from "./support/secrets";

const MINUTE = 60_000;
const CLUSTER = "default/c1";
const SECRET = { namespace: "default", name: "c1-kubeconfig" };
/** Folders that secrets come from. */
const SOURCES = ["azure", "cluster", "given"];

const secrets = new Secrets();
let sandbox: Sandbox;
let recorded: Awaited<ReturnType<typeof recordCluster>>;
let stack: Stack;
let given: string;
/** What the commands have said. */
const said: string[] = [];

beforeAll(async () => {
    sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 2 }] });
    const { directory, env, nodes } = sandbox;
    const folder = (name: string) => (mkdirSync(join(directory, name)), join(directory, name));
    given = folder("given");
    // An administrator's, as Cluster API's is.
    const file = join(given, "workload");
    writeKubeconfig(file, sandbox, await serviceAccountToken(secrets, sandbox, "administrator", "cluster-admin"));
    await nodes.api.core.createNamespacedSecret({
        namespace: SECRET.namespace,
        body: { metadata: { name: SECRET.name }, stringData: { value: readFileSync(file, "utf8") } },
    });
    recorded = await recordCluster(sandbox);
    await patch(sandbox, "pool1", 0, "2026-11-16T04:12:00Z");
    const { resourceGroup, name } = scaleSetOf(sandbox, "pool1");
    stack = await Stack.create({
        ...{ runDirectory: directory, env: { ...env, HOME: folder("home"), TMPDIR: folder("tmp") } },
        config: {
            ...{ resourceGroup, pools: [{ name: "pool1", scaleSet: name }], capi: { workloadCluster: CLUSTER } },
            capture: "copy",
        },
    });
    stack.env.KUBECONFIG = await account("management", "workload-kubeconfig");
}, 10 * MINUTE);
afterAll(async () => {
    recorded?.stop();
    await sandbox?.stop();
});

/** A kubeconfig of the management cluster, for an account with the rights in this file and no others. */
function account(name: string, file?: string): Promise<string> {
    const { nodes, cluster } = sandbox;
    return serviceAccount({ nodes, cluster, directory: given }, name, file === undefined ? [] : manifests(file));
}

async function heard(outcome: Promise<Outcome>): Promise<Outcome> {
    const it = await outcome;
    said.push(it.stdout, it.stderr, JSON.stringify(it.events));
    return it;
}

/** A runner command as a person types it. */
async function npm(script: string, ...flags: string[]) {
    const { exitCode, all, stdout } = await npmRun(script, flags, stack.env);
    said.push(all);
    return { exitCode, all, stdout };
}

/** Where the credentials are that should be nowhere: in what was said, sent and recorded, and in the run's files. */
function leaks(): string[] {
    const sent = sandbox.azure.requests.all().map((request) => JSON.stringify(request));
    const texts = [...said, ...recorded.seen, ...sent].flatMap((text) => secrets.in(text));
    return [...new Set(texts), ...secrets.below(sandbox.directory, SOURCES)];
}

test("npm run init finds the pools of the workload cluster, and writes where its nodes are", async () => {
    const file = join(sandbox.directory, "Pulumi.new.yaml");
    const flags = ["--stack", "new", "--config-file", file, "--yes", "--workload-cluster"];
    const wrong = await npm("init", ...flags, "c1");
    expect(wrong.all).toBe('--workload-cluster must be a Cluster as NAMESPACE/NAME, not "c1"');
    const done = await npm("init", ...flags, CLUSTER);
    expect(done.exitCode, done.all).toBe(0);
    const { resourceGroup, name } = scaleSetOf(sandbox, "pool1");
    expect(parse(readFileSync(file, "utf8"))).toEqual({
        config: {
            "kamino:resourceGroup": resourceGroup,
            "kamino:capi": { workloadCluster: CLUSTER },
            "kamino:pools": [{ scaleSet: name }],
        },
    });
});

test("a pool is adopted, and gets an image of a node of the workload cluster", async () => {
    const up = (await heard(stack.up("--skip-preview"))).orFail();
    expect(up.output).toMatch(/captured the OS disk of node \S+ in .*; the node has never left service/);
    const states = (await stack.resources()).filter(({ type }) => /NodeSelection|OsDiskCapture/.test(type));
    const workloadCluster = { namespace: "default", name: "c1" };
    expect(states.map(({ inputs }) => (inputs as { kubernetes: object }).kubernetes)).toEqual([
        { workloadCluster },
        { workloadCluster },
    ]);
});

test("a bump from a plan, with all that the engine logs, has none of the credentials anywhere", async () => {
    const plan = join(sandbox.directory, "plan.json");
    const preview = await npm("preview", "--stack", "test", "--config-file", stack.configFile, "--save-plan", plan);
    expect({ exitCode: preview.exitCode, all: preview.all }).toMatchObject({ exitCode: 2 });
    const up = (await heard(stack.up("--plan", plan, "--logtostderr", "-v=9"))).orFail();
    expect(up.stderr).toContain("RegisterResource");
    expect(imageOf(sandbox, "pool1")).toBe("2026.1116.0412");
    for (const command of [["export"], ["output", "--json", "--show-secrets"]]) {
        (await heard(stack.run("stack", ...command))).orFail();
    }
    expect(leaks()).toEqual([]);
    // The search would find them.
    expect(secrets.below(given).join()).toContain("token of service account administrator");
});

test("npm run status shows the nodes of the workload cluster", async () => {
    const { exitCode, all, stdout } = await npm(
        "status",
        ...["--stack", "test", "--config-file", stack.configFile, "--json"],
    );
    expect(exitCode, all).toBe(0);
    const [{ nodes }] = JSON.parse(stdout) as PoolStatus[];
    expect(nodes).toHaveLength(2);
    expect(leaks()).toEqual([]);
});

/** Puts something else into the Secret. */
const replace = (value: string) =>
    sandbox.nodes.api.core.replaceNamespacedSecret({
        ...SECRET,
        body: { metadata: { name: SECRET.name }, stringData: { value } },
    });

const broken: [string, () => unknown, RegExp][] = [
    [
        "it may not be read",
        async () => (stack.env.KUBECONFIG = await account("nobody")),
        /Secret default\/c1-kubeconfig cannot be read: .*answered 403: .*cannot get resource "secrets".*; grant this verb/,
    ],
    [
        "it is not there",
        async () => {
            stack.env.KUBECONFIG = sandbox.cluster.kubeconfig;
            await stack.configure({ capi: { workloadCluster: "default/none" } });
        },
        /Secret default\/none-kubeconfig is not there; kubectl get clusters -A lists/,
    ],
    [
        "it holds something else",
        async () => {
            await stack.configure({ capi: { workloadCluster: CLUSTER } });
            await replace(`{ ${secrets.make("text in the Secret")}: [`);
        },
        /Secret default\/c1-kubeconfig does not hold a kubeconfig whose current context/,
    ],
    [
        "two keys say where the nodes are",
        () => stack.configure({ kubeconfig: sandbox.cluster.kubeconfig }),
        /^kamino:kubeconfig and kamino:capi\.workloadCluster both say which cluster the nodes are in/,
    ],
];

test.each(broken)("where %s, the run says so in one line", async (_what, begin, line) => {
    await begin();
    const preview = await heard(stack.preview());
    expect(preview.exitCode).not.toBe(0);
    const lines = preview.messages("error").flatMap((message) => message.trim().split("\n"));
    expect(lines.filter((each) => each !== "preview failed")).toEqual([expect.stringMatching(line)]);
    expect(preview.output).not.toMatch(/^\s+at .*:\d+:\d+/m);
    expect(leaks()).toEqual([]);
});
