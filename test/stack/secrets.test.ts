// No secret is in anything that a run writes: marked ones are put wherever a secret can be, and all that was written is
// searched.
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Principal } from "../../sandbox/azure";
import type { Outcome } from "../../sandbox/engine/outcome";
import { pluginsDirectory } from "../../sandbox/engine/paths";
import { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { startCollector } from "../unit/runner/collector";
import { imageOf, modelOf, patch, scaleSetOf } from "./support/pools";
import { npmRun } from "./support/scripts";
import {
    hideInCluster,
    hideInModel,
    markClientKey,
    markTokens,
    recordCluster,
    serviceAccountToken,
    writeKubeconfig,
} from "./support/secretPlaces";
import { Secrets } from "./support/secrets";

const MINUTE = 60_000;
/**
 * Folders that secrets come from: the local Azure's disks, the cluster's keys, and what this test hands to the
 * commands.
 */
const SOURCES = ["azure", "cluster", "given"];

const secrets = new Secrets();
const passphrase = secrets.make("PULUMI_CONFIG_PASSPHRASE");
let sandbox: Sandbox;
let cluster: Awaited<ReturnType<typeof recordCluster>>;
let tokens: ReturnType<typeof markTokens>;
let owner: Principal["assignments"];
let stack: Stack;
/** A folder for what is handed to the commands. */
let given: string;
/** What the commands have said since the last search. */
const said: string[] = [];

beforeAll(async () => {
    sandbox = await startSandbox({
        pools: [{ name: "pool1", capacity: 3, change: (body) => hideInModel(secrets, body) }],
    });
    const { azure, directory, env } = sandbox;
    const folder = (name: string) => (mkdirSync(join(directory, name)), join(directory, name));
    given = folder("given");
    owner = [{ scope: `/subscriptions/${azure.subscriptionId}`, role: { actions: ["*"] } }];
    secrets.add("ARM_CLIENT_SECRET", env.ARM_CLIENT_SECRET ?? "");
    markClientKey(secrets, sandbox);
    tokens = markTokens(secrets, azure);
    await hideInCluster(secrets, sandbox);
    cluster = await recordCluster(sandbox);
    await patch(sandbox, "pool1", 0, "2026-11-16T04:12:00Z");
    const { resourceGroup, name } = scaleSetOf(sandbox, "pool1");
    stack = await Stack.create({
        ...{ runDirectory: directory, passphrase },
        // What the commands keep in their home, and leave in temporary files, is searched like the rest.
        env: { ...env, HOME: folder("home"), TMPDIR: folder("tmp") },
        config: { resourceGroup, pools: [{ name: "pool1", scaleSet: name }], gracePeriod: "1s" },
    });
}, 10 * MINUTE);
afterEach(() => sandbox.azure.faults.clear());
afterAll(async () => {
    cluster?.stop();
    await sandbox?.stop();
});

/** Keeps what a command has said, for the search. */
async function heard(outcome: Promise<Outcome>): Promise<Outcome> {
    const it = await outcome;
    said.push(it.stdout, it.stderr, JSON.stringify(it.events));
    return it;
}

/** A runner command as a person types it, or with more variables as something else starts it. */
async function npm(script: "preview" | "up", flags: string[], env: NodeJS.ProcessEnv = {}) {
    const { exitCode, all } = await npmRun(script, flags, { ...stack.env, ...env });
    said.push(all);
    return { exitCode, all };
}

/**
 * The secrets that are where none should be: in what was said, sent to Azure or given to the cluster since the last
 * search, and in any file of the run.
 */
function leaks(): string[] {
    const sent = sandbox.azure.requests.all().map((request) => JSON.stringify(request));
    sandbox.azure.requests.clear();
    const texts = [...said.splice(0), ...cluster.seen.splice(0), ...sent].flatMap((text) => secrets.in(text));
    return [...new Set(texts), ...secrets.below(sandbox.directory, SOURCES)];
}

test("the secrets are where they come from, and the search finds them there", async () => {
    expect(secrets.in(JSON.stringify(modelOf(sandbox, "pool1")))).toEqual([
        ...["customData", "adminPassword", "userData"],
        ...["protectedSettings of an extension that goes", "protectedSettings of an extension that stays"],
    ]);
    expect(secrets.below(sandbox.cluster.directory).join()).toContain("client key in the kubeconfig in ");
    const { core } = sandbox.nodes.api;
    expect(secrets.in(JSON.stringify(await core.listSecretForAllNamespaces()))).toEqual(["Secret"]);
    expect(secrets.in(JSON.stringify(await core.listNode()))).toHaveLength(3);
    expect(secrets.in(JSON.stringify(stack.env))).toEqual(["PULUMI_CONFIG_PASSPHRASE", "ARM_CLIENT_SECRET"]);
    expect(leaks()).toEqual([]);
});

test("the search finds a secret however it is written down", () => {
    const planted = secrets.make("planted");
    const folder = join(sandbox.directory, "written", "below");
    mkdirSync(folder, { recursive: true });
    const base64 = ["", "1", "12", "123"].map((before) => Buffer.from(`${before}${planted}!`).toString("base64"));
    const ways = [
        planted,
        JSON.stringify({ a: [planted] }),
        ...base64,
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzYW5kYm94In0.c2lnbmF0dXJlc2lnbmF0dXJl",
    ];
    ways.forEach((text, index) => writeFileSync(join(folder, String(index)), `before ${text} after`));
    writeFileSync(join(folder, planted), "");
    writeFileSync(join(folder, "innocent"), Buffer.from("nothing to be seen here").toString("base64"));
    expect(leaks()).toHaveLength(ways.length + 1);
    rmSync(join(folder, ".."), { recursive: true });
    said.push(planted);
    expect(leaks()).toEqual(["planted"]);
    expect(leaks()).toEqual([]);
});

test("a pool that is adopted and gets its image: a client secret from the environment, a client key from the kubeconfig, and where metrics and traces go", async () => {
    (await heard(stack.up("--skip-preview"))).orFail();
    const collector = await startCollector();
    const [report, metrics] = ["report.md", "kamino.prom"].map((name) => join(sandbox.directory, name));
    const { exitCode, all } = await npm("up", ["--report", report, "--metrics-file", metrics], {
        // Nobody listens there, and a warning says so.
        KAMINO_METRICS_PUSH: `http://someone:${secrets.make("password of a Pushgateway")}@127.0.0.1:1`,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_HEADERS: `authorization=${secrets.make("header of a collector")}`,
    });
    collector.close();
    expect({ exitCode, all }).toMatchObject({ exitCode: 0 });
    expect(all).toContain("warning: the metrics were not pushed to http://127.0.0.1:1: ");
    expect(collector.bodies).toHaveLength(1);
    said.push(...collector.bodies);
    expect(imageOf(sandbox, "pool1")).toBe("2026.1116.0412");
    expect(tokens.issued()).toBeGreaterThan(0);
    expect(leaks()).toEqual([]);
});

/** What makes the runner one in a pod, which signs in with its service account's token and reports to a ConfigMap. */
async function inPod(): Promise<NodeJS.ProcessEnv> {
    const namespace = "default";
    const report = { metadata: { name: "report" }, data: {} };
    await sandbox.nodes.api.core.createNamespacedConfigMap({ namespace, body: report });
    writeFileSync(join(given, "token"), await serviceAccountToken(secrets, sandbox, "scheduled", "cluster-admin"));
    copyFileSync(sandbox.cluster.caFile, join(given, "ca.crt"));
    const { hostname, port } = new URL(sandbox.cluster.server);
    return {
        ...{
            POD_NAME: "kamino-1",
            POD_NAMESPACE: namespace,
            KAMINO_LEASE: "kamino",
            KAMINO_REPORT_CONFIG_MAP: "report",
        },
        ...{ KAMINO_SERVICE_ACCOUNT: given, KAMINO_PLUGINS: pluginsDirectory },
        ...{ KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
    };
}

test("a bump from a plan: a client secret in the stack's configuration, tokens for the cluster, a report in a ConfigMap", async () => {
    const { clientId, secret = "" } = sandbox.azure.principals.add({
        ...{ name: "configured", assignments: owner, secret: secrets.make("azure-native:clientSecret") },
    });
    await stack.configure({ "azure-native:clientId": clientId });
    (await stack.run("config", "set", "--secret", "azure-native:clientSecret", secret)).orFail();
    delete stack.env.ARM_CLIENT_SECRET;
    stack.env.KUBECONFIG = join(given, "kubeconfig");
    writeKubeconfig(
        stack.env.KUBECONFIG,
        sandbox,
        await serviceAccountToken(secrets, sandbox, "person", "cluster-admin"),
    );
    await patch(sandbox, "pool1", 1, "2026-11-17T04:12:00Z");

    const plan = join(sandbox.directory, "plan.json");
    const { exitCode, all } = await npm("preview", ["--save-plan", plan], await inPod());
    expect({ exitCode, all }).toMatchObject({ exitCode: 2 });
    // All that the engine itself logs.
    const up = (await heard(stack.up("--plan", plan, "--logtostderr", "-v=9"))).orFail();
    expect(up.stderr).toContain("RegisterResource");
    expect(imageOf(sandbox, "pool1")).toBe("2026.1117.0412");
    for (const command of [["export"], ["output", "--json", "--show-secrets"]]) {
        (await heard(stack.run("stack", ...command))).orFail();
    }
    expect(cluster.seen.join()).toContain("a bump of pool1 is pending");
    expect(leaks()).toEqual([]);
    // It is there, as a secret of Pulumi's.
    const opened = await stack.run("stack", "export", "--show-secrets");
    expect(secrets.in(opened.stdout)).toEqual(["azure-native:clientSecret"]);
});

test("a run that signs in with a federated token", async () => {
    const subject = "repo:example/cluster:environment:prod-preview";
    const federated = [{ issuer: sandbox.azure.tokens.federatedIssuer(), subject }];
    const { clientId } = sandbox.azure.principals.add({ name: "federated", federated, assignments: owner });
    await stack.configure({ "azure-native:clientId": undefined, "azure-native:clientSecret": undefined });
    const token = await sandbox.azure.tokens.federatedToken(subject);
    secrets.add("ARM_OIDC_TOKEN", token.split(".")[2]);
    Object.assign(stack.env, { ARM_USE_OIDC: "true", ARM_CLIENT_ID: clientId, ARM_OIDC_TOKEN: token });
    const preview = (await heard(stack.preview())).orFail();
    expect(preview.changes).toEqual([]);
    expect(leaks()).toEqual([]);
});

/** A run that fails: what is wrong with it, and what its one line says. */
interface Failing {
    why: string;
    begin: () => void | Promise<void>;
    says: RegExp;
}

const READ = { path: /\/virtualMachineScaleSets\/[^/]+$/, method: "GET" };
const GALLERY = { path: /\/galleries\/[^/]+$/, method: "GET" };

const failing: Failing[] = [
    {
        why: "Azure refuses",
        begin: () => {
            const message =
                "The client does not have authorization to perform action 'Microsoft.Compute/virtualMachineScaleSets/read'";
            sandbox.azure.faults.fail({ ...READ, status: 403, code: "AuthorizationFailed", message });
        },
        says: /403.*AuthorizationFailed.*Microsoft\.Compute\/virtualMachineScaleSets\/read/,
    },
    {
        why: "Azure breaks, and repeats what it was sent",
        begin: () => {
            const message = `request failed\nAuthorization: Bearer ${secrets.make("what Azure repeats")}`;
            sandbox.azure.faults.fail({ ...GALLERY, status: 500, code: "InternalServerError", message });
        },
        says: /answered 500 InternalServerError: request failed Authorization: Bearer \*\*\*/,
    },
    {
        why: "Azure does not know the secret",
        begin: () => {
            const secret = secrets.make("wrong ARM_CLIENT_SECRET");
            Object.assign(stack.env, { ...sandbox.azure.env, ARM_USE_OIDC: "", ARM_CLIENT_SECRET: secret });
        },
        says: /AADSTS7000215/,
    },
    {
        why: "Kubernetes refuses",
        begin: async () => {
            Object.assign(stack.env, sandbox.azure.env);
            const token = await serviceAccountToken(secrets, sandbox, "nobody");
            writeKubeconfig(stack.env.KUBECONFIG ?? "", sandbox, token);
        },
        says: /the Kubernetes API server at \S+ answered 403: nodes is forbidden: .*serviceaccount:default:nobody.* cannot list/,
    },
    {
        why: "Kubernetes does not know the token",
        begin: () => writeKubeconfig(stack.env.KUBECONFIG ?? "", sandbox, secrets.make("wrong token")),
        says: /the Kubernetes API server at \S+ answered 401: Unauthorized; renew the credentials/,
    },
];

test.each(failing)("$why: one line, without headers, tokens and stack", async ({ begin, says }) => {
    await begin();
    const preview = await heard(stack.preview());
    expect(preview.exitCode).not.toBe(0);
    const lines = preview.messages("error").flatMap((message) => message.trim().split("\n"));
    expect(lines.filter((line) => line !== "preview failed")).toEqual([expect.stringMatching(says)]);
    expect(preview.output).not.toMatch(/^\s+at .*:\d+:\d+/m);
    expect(preview.output).not.toMatch(/x-ms-|content-type|user-agent|retry-after|\bauthorization: (?!bearer \*)/i);
    expect(leaks()).toEqual([]);
});

test("a client secret in plain text in the stack's settings, which the engine would write down, is refused at once", async () => {
    const secret = "not-encrypted-at-all";
    await stack.configure({ "azure-native:clientSecret": secret });
    const preview = await stack.preview();
    expect(preview.messages("error").join()).toContain("azure-native:clientSecret is in plain text");
    expect(preview.output).not.toContain(secret);
});
