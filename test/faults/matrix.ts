// The fault matrix: a bump is broken at each of its remote calls in each way, one more `up` follows, and nothing may be
// left.
import { PatchStrategy, setHeaderOptions } from "@kubernetes/client-node";
import type { Outcome } from "../../sandbox/engine/outcome";
import type { Running, Stack } from "../../sandbox/engine/stack";
import { NODE_LOCK } from "../../sandbox/nodes/kuredAnnotations";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { machinesOf, patch, poolStack } from "../stack/support/pools";
import { isRunning, killAll, processTree } from "../stack/support/processes";
import { startApiProxy, type ApiProxy } from "./apiProxy";
import { Calls } from "./calls";
import { leftoversOf } from "./leftovers";

/** What is done to a run at one of its remote calls; what is likely to leave most behind first. */
export const FAULTS = {
    "all killed after":
        "SIGKILL to pulumi and all its processes at once, after the call was carried out and before its answer",
    "engine killed after": "SIGKILL to pulumi alone, after the call was carried out and before its answer",
    Failed: "the operation that the call starts ends as Failed",
    "500s": "Azure answers 500 for the rest of the run",
    "all killed before": "SIGKILL to all of them, before the call is carried out",
    "engine killed before": "SIGKILL to pulumi alone, before the call is carried out",
    "API server away": "the API server refuses connections for 15 seconds",
    "never ends": "the operation that the call starts does not end; Ctrl-C after a while, and Azure ends it later",
    reset: "the connection to Azure breaks off once",
    "429s": "Azure answers 429 twice",
} as const;

export type Fault = keyof typeof FAULTS;

/** The ways of capture, as the configuration names them. A bump's calls differ by it. */
export const CAPTURES = ["in-place", "copy"] as const;

export type Capture = (typeof CAPTURES)[number];

/** One cell of the matrix. */
export interface Case {
    call: string;
    fault: Fault;
}

/** What became of it. */
export interface Result extends Case {
    /** Whether the run came to the call at all. */
    reached: boolean;
    /** How the broken run ended: `done`, `killed`, or its last line of error. */
    broken: string;
    /** How the next one ended. */
    next: string;
    leftovers: string[];
    /** Whether that one did not make the image, and the one after it did. */
    later: boolean;
    survived: boolean;
}

const POOL = "pool1";
const CAPACITY = 4;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const mergePatch = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);

/** Which faults a call can have. What is killed after a read leaves what is killed before it does. */
export function faultsOf(call: string): Fault[] {
    const [service, method] = call.split(" ");
    const writes = method !== "GET";
    const before: Fault[] = ["engine killed before", "all killed before"];
    const kills: Fault[] = writes ? [...before, "engine killed after", "all killed after"] : before;
    if (service === "Kubernetes") {
        return [...kills, "API server away"];
    }
    return [...kills, "429s", "500s", "reset", ...(writes ? (["Failed", "never ends"] as const) : [])];
}

/** A pool that has been adopted and has its first image, in a sandbox whose calls can be broken. */
export class Bench {
    private day = Date.parse("2026-01-01T04:12:00Z");
    private turn = 0;

    private constructor(
        readonly sandbox: Sandbox,
        private readonly stack: Stack,
        private readonly calls: Calls,
        private readonly proxy: ApiProxy,
    ) {}

    static async start(capture: Capture): Promise<Bench> {
        const sandbox = await startSandbox({ pools: [{ name: POOL, capacity: CAPACITY }] });
        const calls = new Calls();
        const proxy = await startApiProxy(sandbox.cluster, sandbox.directory, calls);
        const mine = sandbox.azure.principal.name;
        sandbox.azure.faults.watcher = {
            before: async ({ principal, ...call }) =>
                principal === mine ? calls.before({ service: "Azure", ...call }) : undefined,
            after: async ({ principal, ...call }) =>
                principal === mine ? calls.after({ service: "Azure", ...call }) : undefined,
        };
        const config = { capture, drainTimeout: "60s", kubeconfig: proxy.kubeconfig };
        const stack = await poolStack(sandbox, [POOL], config);
        const bench = new Bench(sandbox, stack, calls, proxy);
        await bench.reboot();
        // The first run adopts the pool, the second one writes its model.
        for (let run = 0; run < 2; run++) {
            (await stack.up("--skip-preview")).orFail();
        }
        return bench;
    }

    async stop(): Promise<void> {
        await this.proxy.close();
        await this.sandbox.stop();
    }

    /** The names of a bump's remote calls, in their order. */
    async record(): Promise<string[]> {
        await this.reboot();
        this.calls.clear();
        (await this.stack.up("--skip-preview")).orFail();
        return [...this.calls.seen];
    }

    /**
     * Breaks one bump, lets one more run follow, and looks at what is left. Says also whether the pool could be brought
     * in order for a later case.
     */
    async run({ call, fault }: Case): Promise<{ result: Result; usable: boolean }> {
        const node = await this.reboot();
        const machines = machinesOf(this.sandbox, POOL).map(({ instanceId }) => instanceId);
        const { reached, outcome } = await this.broken(call, fault);
        this.sandbox.azure.faults.clear();
        // A run that goes on without the call may have ended before the API server is back.
        this.proxy.away(0);
        this.calls.clear();
        await this.sandbox.azure.settled();
        await this.stack.run("cancel", "--yes");
        await this.letLockExpire();
        const next = await this.stack.up("--skip-preview");
        await this.sandbox.nodes.settled();
        const leftovers = await leftoversOf(this.sandbox, POOL, machines);
        const clean = next.exitCode === 0 && leftovers.length === 0;
        const later = clean && (await this.sourceOfImage()) !== node;
        if (later) {
            // A node that was brought back has to be Ready for long enough again.
            await this.sandbox.nodes.setReadySince(node, new Date(Date.now() - DAY));
            const third = await this.stack.up("--skip-preview");
            await this.sandbox.nodes.settled();
            const failed = third.exitCode === 0 ? [] : [`the run after it: ${wordsOf(third)}`];
            leftovers.push(...failed, ...(await this.withoutImageOf(node)));
        }
        const survived = clean && leftovers.length === 0;
        const words = { broken: wordsOf(outcome), next: wordsOf(next) };
        return {
            result: { ...{ call, fault, reached }, ...words, leftovers, later, survived },
            usable: survived || (await this.recover()),
        };
    }

    /**
     * A run that was killed leaves its place in kured's lock for as long as it had asked for, some minutes. They are
     * over: the entry is as it was, and of an hour ago.
     */
    private async letLockExpire(): Promise<void> {
        const { apps } = this.sandbox.nodes.api;
        const { items } = await apps.listDaemonSetForAllNamespaces();
        for (const { metadata } of items) {
            const { name = "", namespace = "", annotations = {} } = metadata ?? {};
            const lock = annotations[NODE_LOCK];
            if (lock?.includes('"kamino/')) {
                const before = new Date(Date.now() - HOUR).toISOString();
                const old = lock.replaceAll(/"created":"[^"]*"/g, `"created":"${before}"`);
                const body = { metadata: { annotations: { [NODE_LOCK]: old } } };
                await apps.patchNamespacedDaemonSet({ name, namespace, body }, mergePatch);
            }
        }
    }

    /** The node that the pool's image is of. */
    private async sourceOfImage(): Promise<string> {
        return (await this.stack.outputs<{ pools: Record<string, { node: string }> }>()).pools[POOL].node;
    }

    private async withoutImageOf(node: string): Promise<string[]> {
        const source = await this.sourceOfImage();
        return source === node ? [] : [`the image is of node ${source} in place of ${node}`];
    }

    private async broken(call: string, fault: Fault): Promise<{ reached: boolean; outcome: Outcome }> {
        const { faults } = this.sandbox.azure;
        let reached = false;
        let ended: Promise<unknown> = Promise.resolve();
        const strike = (work: (run: Running) => Promise<void> | void) => () => {
            reached = true;
            return work(running);
        };
        const phase = fault.endsWith("after") ? "after" : "before";
        const path = /./;
        const method = call.split(" ")[1];
        const arm: Record<Fault, () => void> = {
            "engine killed before": () => killEngine(),
            "engine killed after": () => killEngine(),
            "all killed before": () => killEverything(),
            "all killed after": () => killEverything(),
            "429s": () =>
                this.calls.arm(
                    call,
                    phase,
                    strike(() => faults.throttle({ path, method, times: 2 })),
                ),
            "500s": () =>
                this.calls.arm(
                    call,
                    phase,
                    strike(() =>
                        faults.fail({ path, method, status: 500, code: "InternalServerError", message: "no" }),
                    ),
                ),
            reset: () =>
                this.calls.arm(
                    call,
                    phase,
                    strike(() => faults.reset({ path, method, times: 1 })),
                ),
            Failed: () =>
                this.calls.arm(
                    call,
                    phase,
                    strike(() =>
                        faults.failOperation({ path, method, times: 1, code: "Internal", message: "it broke" }),
                    ),
                ),
            "never ends": () =>
                this.calls.arm(
                    call,
                    phase,
                    strike((run) => {
                        faults.neverEnd({ path, method, times: 1 });
                        setTimeout(() => run.interrupt(), 8000);
                        // Azure ends it after all, while the run is still waiting to be allowed to end.
                        setTimeout(() => faults.clear(), 16_000);
                    }),
                ),
            "API server away": () =>
                this.calls.arm(
                    call,
                    phase,
                    strike(() => this.proxy.away(15_000)),
                ),
        };
        const killEngine = () =>
            this.calls.arm(
                call,
                phase,
                strike((run) => {
                    const survivors = processTree(run.pid ?? 0).filter((pid) => pid !== run.pid);
                    run.kill();
                    ended = endOf(survivors);
                }),
            );
        const killEverything = () =>
            this.calls.arm(
                call,
                phase,
                strike((run) => killAll(run.pid ?? 0)),
            );
        arm[fault]();
        const running = this.stack.start("up", "--skip-preview");
        const outcome = await running.outcome;
        await ended;
        return { reached, outcome };
    }

    /** A later case starts from a pool in order, whatever this one has left. */
    private async recover(): Promise<boolean> {
        for (let run = 0; run < 2; run++) {
            if ((await this.stack.up("--skip-preview")).exitCode === 0) {
                return true;
            }
        }
        return false;
    }

    /** One more node was rebooted, on one more day. */
    private async reboot(): Promise<string> {
        this.day += DAY;
        return patch(this.sandbox, POOL, this.turn++ % CAPACITY, new Date(this.day).toISOString());
    }
}

/** Waits until the processes have ended, those that restore a node included. */
async function endOf(processes: number[]): Promise<void> {
    const limit = Date.now() + 5 * MINUTE;
    while (processes.some(isRunning) && Date.now() < limit) {
        await new Promise((resolve) => setTimeout(resolve, 250));
    }
}

/** How a run ended, in a few words: the first error that somebody would read. */
function wordsOf({ exitCode, output }: Outcome): string {
    if (exitCode === 0) {
        return "done";
    }
    const error = /error: (?!update failed|preview failed)(.*)/.exec(output)?.[1];
    return error?.slice(0, 200) ?? "killed";
}
