// Runs a capture in a separate process, as the engine does: it can be interrupted and killed without harm to the test.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { AppsV1Api, PolicyV1Api, type V1Node } from "@kubernetes/client-node";
import type { Vm } from "../../../sandbox/azure";
import { waitFor } from "../../../sandbox/nodes/api";
import type { Sandbox } from "../../../sandbox/sandbox";
import type { OsDiskCaptureInputs } from "../../../components/capture/osDiskCapture";
import type { Captured } from "../../../components/capture/snapshot";
import { items, sender } from "../../azure/support";

const REPOSITORY = join(__dirname, "..", "..", "..");

/** A capture under way. */
export interface RunningCapture {
    /** What it came to; `error` is the one line that a person would see. */
    readonly result: Promise<{ captured?: Captured; error?: string }>;
    /** What it has said so far. */
    said(): string;
    kill(signal: NodeJS.Signals): void;
}

/** What to capture for a VM of the sandbox, with short times. */
export function inputsFor(sandbox: Sandbox, vm: Vm, change: Partial<OsDiskCaptureInputs> = {}): OsDiskCaptureInputs {
    return {
        pool: "pool1",
        version: "2026.1122.0412",
        node: vm.nodeName,
        instanceId: vm.instanceId,
        scaleSetId: vm.scaleSetId ?? "",
        resourceGroup: vm.id.split("/")[4],
        rebootNeededAt: "2026-11-22T04:12:00Z",
        settings: {
            ...{ mode: "in-place", gracePeriod: "1s", drainTimeout: "30s", force: false, deleteBarePods: true },
            ...{ cleanerImage: "docker.io/library/busybox:1.37.0", captureNamespace: "kamino-capture" },
            // Captures of one pool may go on at the same time.
            minimumReadyNodes: { value: 0, unit: "nodes" },
        },
        // A capture that is killed leaves its entry in kured's lock for minutes, and the next one would wait for it.
        kured: { lock: false },
        kubernetes: { kubeconfig: sandbox.cluster.kubeconfig },
        ...change,
    };
}

/** Starts a function of components/capture/provider.ts, or recovering a node, in a separate process. */
function start(sandbox: Sandbox, expression: string, input: unknown): RunningCapture {
    const program =
        `const input = JSON.parse(process.env.CAPTURE_INPUT);` +
        `${expression}.then((captured) => ({ captured }), (error) => ({ error: error.message, stack: error.stack }))` +
        `.then((result) => console.log(JSON.stringify(result)));`;
    const child = spawn(process.execPath, ["--require", "./components/engine/typescript.cjs", "--eval", program], {
        cwd: REPOSITORY,
        env: { ...sandbox.env, CAPTURE_INPUT: JSON.stringify(input) },
        stdio: ["ignore", "pipe", "pipe"],
    });
    let [out, said] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const result = once(child, "close").then(() => {
        const line = out.trim().split("\n").at(-1);
        return (line ? JSON.parse(line) : { error: `ended without an answer: ${said}` }) as { error?: string };
    });
    return { result, said: () => said, kill: (signal) => child.kill(signal) };
}

export function startCapture(sandbox: Sandbox, inputs: OsDiskCaptureInputs): RunningCapture {
    return start(sandbox, `require("./components/capture/provider").create(input).then(({ outs }) => outs)`, inputs);
}

/** Captures of several pools in one process, as the engine does them in an update; ends when all have. */
export function startCaptures(sandbox: Sandbox, inputs: OsDiskCaptureInputs[]): RunningCapture {
    const provider = `require("./components/capture/provider")`;
    return start(sandbox, `Promise.all(input.map((one) => ${provider}.create(one)))`, inputs);
}

/** Has the cleaning of a node's disk stay at its first change, which it never gets to make. @returns how to end that */
export function heldCleaning({ diskDirectory }: Vm): () => void {
    // The script opens this file, whatever it is, to write to it. Nobody ever reads from it.
    const file = join(diskDirectory, "var/log/kamino-ancestry.log");
    rmSync(file, { force: true });
    execFileSync("mkfifo", [file]);
    return () => rmSync(file);
}

/** Waits until a capture has said this. */
export async function heard(running: RunningCapture, text: string) {
    let ended = false;
    void running.result.then(() => (ended = true));
    while (!running.said().includes(text)) {
        if (ended) {
            throw new Error(`"${text}" was never said, but: ${running.said()}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
}

/** What the selection does with a node that a dead capture left. */
export function startRecovery(sandbox: Sandbox, node: string): RunningCapture {
    const input = { node, settings: { kubeconfig: sandbox.cluster.kubeconfig } };
    return start(sandbox, `require("./components/capture/recover").recoverNode(input.node, input.settings)`, input);
}

export function capture(sandbox: Sandbox, inputs: OsDiskCaptureInputs) {
    return startCapture(sandbox, inputs).result;
}

/** Everything of a node that a capture may have touched. */
export interface Service {
    ready: boolean;
    cordoned: boolean;
    power: string;
    joined: boolean;
    annotations: Record<string, string>;
    pods: string[];
}

/** The service that a node is in, as a capture must leave it. */
export async function serviceOf(sandbox: Sandbox, { id, nodeName }: Vm): Promise<Service> {
    const { core } = sandbox.nodes.api;
    const node: V1Node = await core.readNode({ name: nodeName });
    const pods = await core.listPodForAllNamespaces({ labelSelector: "app.kubernetes.io/component=capture" });
    const vm = sandbox.azure.vm(id);
    return {
        ready: node.status?.conditions?.find(({ type }) => type === "Ready")?.status === "True",
        cordoned: node.spec?.unschedulable === true,
        power: vm?.power ?? "gone",
        joined: vm?.joined ?? false,
        annotations: Object.fromEntries(
            Object.entries(node.metadata?.annotations ?? {}).filter(([key]) => /kamino|cluster-autoscaler/.test(key)),
        ),
        pods: pods.items.filter(({ spec }) => spec?.nodeName === nodeName).map(({ metadata }) => metadata?.name ?? ""),
    };
}

/** The service of a node that no capture is at work on. */
export const IN_SERVICE = { ready: true, cordoned: false, power: "running", joined: true, annotations: {}, pods: [] };

/** One pod on the node, with a budget that never lets it go. Returns how to lift the budget. */
export async function guardedPod(sandbox: Sandbox, vm: Vm): Promise<() => Promise<void>> {
    const { core, config } = sandbox.nodes.api;
    const [apps, policy] = [config.makeApiClient(AppsV1Api), config.makeApiClient(PolicyV1Api)];
    const name = `web-${vm.instanceId}`;
    const labels = { app: name };
    const spec = {
        nodeSelector: { "kubernetes.io/hostname": vm.nodeName },
        containers: [{ name: "web", image: "web" }],
    };
    const template = { metadata: { labels }, spec };
    const metadata = { name };
    const selector = { matchLabels: labels };
    await apps.createNamespacedDeployment({ namespace: "default", body: { metadata, spec: { selector, template } } });
    const budget = { metadata, spec: { minAvailable: 1, selector } };
    await policy.createNamespacedPodDisruptionBudget({ namespace: "default", body: budget });
    await waitFor("the pod to be guarded", async () => {
        const { items } = await core.listNamespacedPod({ namespace: "default", labelSelector: `app=${name}` });
        const { status } = await policy.readNamespacedPodDisruptionBudget({ name, namespace: "default" });
        return items[0]?.status?.phase === "Running" && status?.currentHealthy === 1 ? true : undefined;
    });
    return async () => {
        await policy.deleteNamespacedPodDisruptionBudget({ name, namespace: "default" });
    };
}

/** What was done to a VM's power, oldest first, as in `poweroff`. */
export function powerOf(sandbox: Sandbox, { id }: Vm): string[] {
    const prefix = `${id.toLowerCase()}/`;
    const paths = sandbox.azure.requests.writes().map(({ path }) => path.toLowerCase());
    return paths.filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length));
}

/** A snapshot as Azure lists it. */
export interface Snapshot {
    id: string;
    tags: Record<string, string>;
    properties: Record<string, unknown>;
}

/** The snapshots of a node's disk. */
export async function snapshotsOf(sandbox: Sandbox, vm: Vm): Promise<Snapshot[]> {
    const send = await sender(sandbox.azure);
    const path = `resourceGroups/${vm.id.split("/")[4]}/providers/Microsoft.Compute/snapshots?api-version=2024-03-02`;
    const { body } = await send("GET", path);
    return items<Snapshot>(body.value).filter(({ tags }) => tags.node === vm.nodeName);
}
