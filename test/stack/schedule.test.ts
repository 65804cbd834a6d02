// The scheduled run: Kubernetes' own CronJob controller makes the Job, and its very command does the bump with the rights of its account.
import { BatchV1Api, CoordinationV1Api, type V1Job, type V1Pod } from "@kubernetes/client-node";
import { execa } from "execa";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { repository } from "../../sandbox/engine/paths";
import { Stack } from "../../sandbox/engine/stack";
import { waitFor } from "../../sandbox/nodes/api";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { runPod, stateLocks } from "./support/schedule";

const MINUTE = 60_000;
const namespace = "kamino";

let sandbox: Sandbox;
let prod: Stack;
let schedule: Stack;
let batch: BatchV1Api;
let state: string;

beforeAll(async () => {
    sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 4 }] });
    batch = sandbox.nodes.api.config.makeApiClient(BatchV1Api);
    state = join(sandbox.directory, "pulumi-state");
    const [{ name, resourceGroup }] = sandbox.azure.scaleSets();
    await patch(0, "2026-11-20T04:12:00Z");
    prod = await Stack.create({
        ...{ runDirectory: sandbox.directory, env: sandbox.env, name: "prod" },
        config: { resourceGroup, pools: [{ name: "pool1", scaleSet: name }], gracePeriod: "1s" },
    });
    (await prod.up("--skip-preview")).orFail();
    (await prod.up("--skip-preview")).orFail();
    await patch(1, "2026-11-21T04:12:00Z");
}, 10 * MINUTE);
afterAll(() => sandbox?.stop());

/** Gives a node a past: patched at that moment, ready since. */
async function patch(index: number, at: string): Promise<string> {
    const { nodeName } = sandbox.azure.vms()[index];
    await sandbox.nodes.patchAndReboot(nodeName, { at: new Date(at), utcOffsetMinutes: 60 });
    return nodeName;
}

/** A runner command as a person types it, on a stack of this run. */
function npm(script: "preview" | "up", stack: Stack, ...flags: string[]) {
    return execa("npm", ["run", "--silent", script, "--", ...flags], {
        ...{ cwd: repository, env: stack.env, extendEnv: false, reject: false, all: true, stdin: "ignore" },
    } as const);
}

const image = () => sandbox.azure.scaleSets()[0].imageId ?? "";

async function jobs(): Promise<V1Job[]> {
    return (await batch.listNamespacedJob({ namespace })).items;
}

/** The pod of a Job, once the scheduler has given it a node. */
async function podOf(job: string): Promise<V1Pod> {
    return await waitFor(`a pod of job ${job}`, async () => {
        const labelSelector = `job-name=${job}`;
        const { items } = await sandbox.nodes.api.core.listNamespacedPod({ namespace, labelSelector });
        return items.find(({ spec, status }) => spec?.nodeName && status?.phase === "Running");
    });
}

/** As kubectl create job --from=cronjob/kamino. */
async function startJob(name: string): Promise<V1Pod> {
    const { spec } = await batch.readNamespacedCronJob({ name: "kamino", namespace });
    await batch.createNamespacedJob({ namespace, body: { metadata: { name }, spec: spec?.jobTemplate.spec } });
    return await podOf(name);
}

async function holder(): Promise<string | undefined> {
    const leases = sandbox.nodes.api.config.makeApiClient(CoordinationV1Api);
    return (await leases.readNamespacedLease({ name: "kamino", namespace })).spec?.holderIdentity;
}

async function reported(): Promise<Record<string, string>> {
    return (await sandbox.nodes.api.core.readNamespacedConfigMap({ name: "kamino-report", namespace })).data ?? {};
}

test("npm run preview says with its exit code that a bump waits, and changes nothing", async () => {
    const before = image();
    const report = join(sandbox.directory, "report.md");
    const { exitCode, all } = await npm("preview", prod, "--report", report);
    expect({ exitCode, all }).toMatchObject({ exitCode: 2 });
    expect(all).toContain("2026.1120.0412 → **2026.1121.0412**");
    expect(image()).toBe(before);
});

test("a few lines of config, on a stack of its own, turn it on", async () => {
    const { ARM_CLIENT_ID, ARM_CLIENT_SECRET, ARM_METADATA_HOSTNAME, NODE_EXTRA_CA_CERTS, SSL_CERT_FILE } = sandbox.env;
    schedule = await Stack.create({
        ...{ runDirectory: sandbox.directory, env: sandbox.env, name: "prod-schedule" },
        config: {
            schedule: {
                ...{ stack: "prod", settingsFile: prod.configFile, cron: "* * * * *", stateClaim: "state" },
                ...{ image: "ghcr.io/example/kamino:0.1.0", environmentSecret: "kamino-environment" },
                azure: { subscriptionId: sandbox.azure.subscriptionId, tenantId: sandbox.azure.tenantId },
                environment: {
                    ARM_METADATA_HOSTNAME: ARM_METADATA_HOSTNAME ?? "",
                    NODE_EXTRA_CA_CERTS: NODE_EXTRA_CA_CERTS ?? "",
                    SSL_CERT_FILE: SSL_CERT_FILE ?? "",
                },
            },
        },
    });
    const done = await npm("up", schedule);
    expect({ exitCode: done.exitCode, all: done.all }).toMatchObject({ exitCode: 0 });
    await sandbox.nodes.api.core.createNamespacedSecret({
        namespace,
        body: {
            metadata: { name: "kamino-environment" },
            stringData: {
                ARM_CLIENT_ID: ARM_CLIENT_ID ?? "",
                ARM_CLIENT_SECRET: ARM_CLIENT_SECRET ?? "",
                PULUMI_CONFIG_PASSPHRASE: prod.env.PULUMI_CONFIG_PASSPHRASE ?? "",
            },
        },
    });
    expect((await schedule.preview()).orFail().changes).toEqual([]);
});

test("at its time the controller makes a Job whose command does the bump; no second one starts meanwhile", async () => {
    const job = await waitFor("the CronJob's Job", async () => (await jobs())[0], 90_000);
    const pod = await podOf(job.metadata?.name ?? "");
    const running = await runPod(sandbox, pod, state);
    const ended = running.ended.then((it) => ({ ...it, at: Date.now() }));
    // The next minute comes while this Job is not done: the pod is not told to have ended before.
    const begun = Date.now();
    const { exitCode, output, at } = await ended;
    expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
    expect(image()).toMatch(/2026\.1121\.0412$/);
    expect(output).not.toContain(pod.spec?.nodeName === sandbox.azure.vms()[1].nodeName ? "nothing" : "refused");
    expect(await holder()).toBeUndefined();
    expect(stateLocks(state)).toEqual([]);
    expect(await reported()).toMatchObject({
        exitCode: "0",
        mode: "up",
        pod: pod.metadata?.name,
        headline: "prod: a bump of pool1 is done",
    });
    expect(at - begun).toBeGreaterThan(0);
});
