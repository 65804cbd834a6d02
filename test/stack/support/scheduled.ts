// A stack with one pool in a sandbox, and beside it stacks that let it run by itself: what the tests of the schedule
// have in common.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BatchV1Api, CoordinationV1Api, PolicyV1Api, type V1Job, type V1Pod } from "@kubernetes/client-node";
import type { Vm } from "../../../sandbox/azure";
import { Stack, type ConfigValue } from "../../../sandbox/engine/stack";
import { mergePatch, waitFor } from "../../../sandbox/nodes/api";
import { NODE_LOCK } from "../../../sandbox/nodes/kuredAnnotations";
import { startSandbox, type Sandbox } from "../../../sandbox/sandbox";
import { modelOf, poolStack } from "./pools";
import { runPod, type RunningPod } from "./schedule";
import { npmRun } from "./scripts";

const MINUTE = 60_000;

/** Where the schedule and its runs are. */
export const NAMESPACE = "kamino";

/**
 * The sandbox, the stack `prod` whose pool is adopted and has an image of its first node, and what there is to do with
 * them.
 */
export class Scheduled {
    private constructor(
        readonly sandbox: Sandbox,
        readonly prod: Stack,
    ) {}

    /** Takes about half a minute. */
    static async start(capacity: number): Promise<Scheduled> {
        const sandbox = await startSandbox({ pools: [{ name: "pool1", capacity }] });
        try {
            const prod = await poolStack(sandbox, ["pool1"], {}, "prod");
            const scheduled = new Scheduled(sandbox, prod);
            await scheduled.patch(0, "2026-11-20T04:12:00Z");
            (await prod.up("--skip-preview")).orFail();
            (await prod.up("--skip-preview")).orFail();
            return scheduled;
        } catch (error) {
            await sandbox.stop();
            throw error;
        }
    }

    get batch(): BatchV1Api {
        return this.sandbox.nodes.api.config.makeApiClient(BatchV1Api);
    }

    vm(index: number): Vm {
        return this.sandbox.azure.vms()[index];
    }

    /** Gives a node a past: patched at that moment, ready since. */
    async patch(index: number, at: string): Promise<void> {
        await this.sandbox.nodes.patchAndReboot(this.vm(index).nodeName, { at: new Date(at), utcOffsetMinutes: 60 });
    }

    /** Id of the image that the pool's next node starts from. */
    image(): string {
        return modelOf(this.sandbox, "pool1").storageProfile.imageReference.id;
    }

    /** A runner command as a person types it. */
    npm(
        script: "preview" | "up" | "retake" | "init" | "status",
        stack: Stack,
        flags: string[] = [],
        env: NodeJS.ProcessEnv = {},
    ) {
        return npmRun(script, flags, { ...stack.env, ...env });
    }

    /**
     * Turns a schedule on as a person does: a separate stack, a few lines of config, `npm run up`; then the Secret that
     * it names.
     */
    async turnOn(name: string, schedule: Record<string, ConfigValue>, namespace = NAMESPACE): Promise<Stack> {
        const { env, azure, directory } = this.sandbox;
        const { ARM_METADATA_HOSTNAME = "", NODE_EXTRA_CA_CERTS = "", SSL_CERT_FILE = "" } = env;
        const stack = await Stack.create({
            ...{ runDirectory: directory, env, name },
            config: {
                schedule: {
                    ...{ stack: "prod", settingsFile: this.prod.configFile, stateClaim: "state" },
                    ...{ image: "ghcr.io/example/kamino:0.1.0", environmentSecret: "kamino-environment" },
                    azure: { subscriptionId: azure.subscriptionId, tenantId: azure.tenantId },
                    environment: { ARM_METADATA_HOSTNAME, NODE_EXTRA_CA_CERTS, SSL_CERT_FILE },
                    namespace,
                    ...schedule,
                },
            },
        });
        const { exitCode, all } = await this.npm("up", stack);
        if (exitCode !== 0) {
            throw new Error(`npm run up of ${name}: ${all}`);
        }
        await this.addSecret(namespace);
        return stack;
    }

    private async addSecret(namespace: string): Promise<void> {
        const { ARM_CLIENT_ID = "", ARM_CLIENT_SECRET = "" } = this.sandbox.env;
        const { PULUMI_CONFIG_PASSPHRASE = "" } = this.prod.env;
        const stringData = { ARM_CLIENT_ID, ARM_CLIENT_SECRET, PULUMI_CONFIG_PASSPHRASE };
        const body = { metadata: { name: "kamino-environment" }, stringData };
        await this.sandbox.nodes.api.core.createNamespacedSecret({ namespace, body });
    }

    /** Jobs that the CronJob controller itself has made. */
    async jobs(): Promise<V1Job[]> {
        const { items } = await this.batch.listNamespacedJob({ namespace: NAMESPACE });
        return items.filter(({ metadata }) => metadata?.ownerReferences?.some(({ kind }) => kind === "CronJob"));
    }

    /** The pod of a Job, once it is on a node and kubelet would start its container. */
    async podOf(job: string, namespace = NAMESPACE): Promise<V1Pod> {
        return await waitFor(
            `a pod of job ${job}`,
            async () => {
                const labelSelector = `job-name=${job}`;
                const { items } = await this.sandbox.nodes.api.core.listNamespacedPod({ namespace, labelSelector });
                return items.find(({ spec, status }) => spec?.nodeName && status?.phase === "Running");
            },
            2 * MINUTE,
        );
    }

    /** As `kubectl create job NAME --from=cronjob/…`, on the first node; and its run. */
    async startJob(
        name: string,
        cronJob = "kamino",
        namespace = NAMESPACE,
        env: Record<string, string> = {},
    ): Promise<RunningPod & { pod: string }> {
        const { spec } = await this.batch.readNamespacedCronJob({ name: cronJob, namespace });
        const job = structuredClone(spec!.jobTemplate.spec!);
        job.template.spec!.nodeName = this.vm(0).nodeName;
        const [container] = job.template.spec!.containers;
        container.env = container.env?.map((one) => (one.name in env ? { ...one, value: env[one.name] } : one));
        await this.batch.createNamespacedJob({ namespace, body: { metadata: { name }, spec: job } });
        const pod = await this.podOf(name, namespace);
        return { ...(await this.run(pod)), pod: pod.metadata?.name ?? "" };
    }

    /** Deletes a Job whose run has ended, and its pod, as the garbage collector does. */
    async forgetJob(name: string, namespace = NAMESPACE): Promise<void> {
        const { core } = this.sandbox.nodes.api;
        const pods = await core.listNamespacedPod({ namespace, labelSelector: `job-name=${name}` });
        await this.batch.deleteNamespacedJob({ name, namespace, propagationPolicy: "Background" });
        for (const { metadata } of pods.items) {
            const at = { name: metadata?.name ?? "", namespace };
            await waitFor(`pod ${at.name} to be gone`, async () => ((await this.podIsThere(at)) ? undefined : true));
        }
    }

    private async podIsThere(at: { name: string; namespace: string }): Promise<boolean> {
        const { items } = await this.sandbox.nodes.api.core.listNamespacedPod({ namespace: at.namespace });
        return items.some(({ metadata }) => metadata?.name === at.name);
    }

    run(pod: V1Pod): Promise<RunningPod> {
        return runPod(this.sandbox, pod, this.stateDirectory);
    }

    /** The pod that holds the lease. */
    async holder(): Promise<string | undefined> {
        const leases = this.sandbox.nodes.api.config.makeApiClient(CoordinationV1Api);
        return (await leases.readNamespacedLease({ name: "kamino", namespace: NAMESPACE })).spec?.holderIdentity;
    }

    /** What the last run has left in its ConfigMap. */
    async reported(name = "kamino", namespace = NAMESPACE): Promise<Record<string, string>> {
        const at = { name: `${name}-report`, namespace };
        return (await this.sandbox.nodes.api.core.readNamespacedConfigMap(at)).data ?? {};
    }

    private get stateDirectory(): string {
        return join(this.sandbox.directory, "pulumi-state");
    }

    /** The files that lock the stack's state. */
    stateLocks(): string[] {
        const root = join(this.stateDirectory, ".pulumi", "locks");
        return readdirSync(root, { recursive: true, withFileTypes: true })
            .filter((entry) => entry.name.endsWith(".json") && entry.parentPath.endsWith("/prod"))
            .map((entry) => join(entry.parentPath, entry.name));
    }

    /**
     * Makes the one lock that is left over look as if it had been taken elsewhere: here all pods have this machine's
     * host name.
     */
    lockIsOf(hostname: string): void {
        const [lock] = this.stateLocks();
        // A process that lives here: of another host it must not count.
        const elsewhere = { ...(JSON.parse(readFileSync(lock, "utf8")) as object), hostname, pid: process.pid };
        writeFileSync(lock, JSON.stringify(elsewhere));
    }

    /** The CronJob makes no Job any more. The stack that declares it says otherwise still. */
    async suspend(): Promise<void> {
        const at = { name: "kamino", namespace: NAMESPACE };
        await this.batch.patchNamespacedCronJob({ ...at, body: { spec: { suspend: true } } }, mergePatch);
    }

    /** Makes kured's lock, which a dead run has left, as old as if it had died ten minutes ago. */
    async ageKuredLock(): Promise<void> {
        const { apps } = this.sandbox.nodes.api;
        const at = { name: "kured", namespace: "kube-system" };
        const { metadata } = await apps.readNamespacedDaemonSet(at);
        const lock = JSON.parse(metadata?.annotations?.[NODE_LOCK] ?? "") as { created: string };
        const created = new Date(Date.parse(lock.created) - 10 * MINUTE).toISOString();
        const annotations = { [NODE_LOCK]: JSON.stringify({ ...lock, created }) };
        await apps.patchNamespacedDaemonSet({ ...at, body: { metadata: { annotations } } }, mergePatch);
    }

    /**
     * Holds up the capture of a node while it is drained, by a pod whose budget does not let it go. Returns how to let
     * it go on.
     */
    async holdUp({ nodeName }: Vm): Promise<() => Promise<void>> {
        const { core, config } = this.sandbox.nodes.api;
        const policy = config.makeApiClient(PolicyV1Api);
        const at = { name: "staying", namespace: "default" };
        const labels = { app: at.name };
        const spec = { nodeName, containers: [{ name: "web", image: "web" }] };
        await core.createNamespacedPod({ ...at, body: { metadata: { name: at.name, labels }, spec } });
        const budget = { minAvailable: 1, selector: { matchLabels: labels } };
        await policy.createNamespacedPodDisruptionBudget({
            ...at,
            body: { metadata: { name: at.name }, spec: budget },
        });
        await waitFor("the pod to be guarded", async () => {
            const { status } = await policy.readNamespacedPodDisruptionBudget(at);
            return status?.currentHealthy === 1 ? true : undefined;
        });
        return async () => {
            await policy.deleteNamespacedPodDisruptionBudget(at);
            await core.deleteNamespacedPod({ ...at, gracePeriodSeconds: 0 });
        };
    }

    /** Ends when a run is in the middle of the capture of this node. */
    async captureOf({ nodeName }: Vm, { ended }: RunningPod): Promise<void> {
        const underWay = async () => {
            const { metadata, spec } = await this.sandbox.nodes.api.core.readNode({ name: nodeName });
            return spec?.unschedulable && metadata?.annotations?.["kamino/capture-journal"] ? true : undefined;
        };
        const early = ended.then(({ output }) => {
            throw new Error(`the run ended without a capture of ${nodeName}: ${output}`);
        });
        await Promise.race([waitFor(`the capture of ${nodeName}`, underWay, 3 * MINUTE), early]);
    }
}
