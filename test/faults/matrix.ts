// The fault matrix: a bump is broken at each of its remote calls in each way, one more `up` follows, and nothing may be
// left.
import type { Outcome } from "../../sandbox/engine/outcome";
import type { Running, Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { machinesOf, patch, poolStack } from "../stack/support/pools";
import { isRunning, killAll, processTree } from "../stack/support/processes";
import { startApiProxy, type ApiProxy } from "./apiProxy";
import { Calls } from "./calls";
import { leftoversOf } from "./leftovers";

/** What is done to a run at one of its remote calls. */
export const FAULTS = {
    "engine killed before": "SIGKILL to pulumi alone, before the call is carried out",
    "engine killed after": "SIGKILL to pulumi alone, after the call was carried out and before its answer",
    "all killed before": "SIGKILL to pulumi and all its processes at once, before the call is carried out",
    "all killed after": "SIGKILL to all of them, after the call was carried out and before its answer",
    "429": "Azure answers 429 twice",
    "500": "Azure answers 500 for the rest of the run",
    reset: "the connection to Azure breaks off once",
    Failed: "the operation that the call starts ends as Failed",
    "never ends": "the operation that the call starts does not end; Ctrl-C after a while, and Azure ends it later",
    "API server away": "the API server refuses connections for 15 seconds",
} as const;

export type Fault = keyof typeof FAULTS;

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
    survived: boolean;
}

const POOL = "pool1";
const CAPACITY = 4;
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** Which faults a call can have. */
export function faultsOf(call: string): Fault[] {
    const kills: Fault[] = ["engine killed before", "engine killed after", "all killed before", "all killed after"];
    const [service, method] = call.split(" ");
    if (service === "Kubernetes") {
        return [...kills, "API server away"];
    }
    const starts = method !== "GET";
    return [...kills, "429", "500", "reset", ...(starts ? (["Failed", "never ends"] as const) : [])];
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

    static async start(): Promise<Bench> {
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
        const stack = await poolStack(sandbox, [POOL], { drainTimeout: "60s", kubeconfig: proxy.kubeconfig });
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

    /** Breaks one bump, lets one more run follow, and looks at what is left. */
    async run({ call, fault }: Case): Promise<Result> {
        const node = await this.reboot();
        const machines = machinesOf(this.sandbox, POOL).map(({ instanceId }) => instanceId);
        const { reached, outcome } = await this.broken(call, fault);
        this.sandbox.azure.faults.clear();
        // A run that goes on without the call may have ended before the API server is back.
        this.proxy.away(0);
        this.calls.clear();
        await this.sandbox.azure.settled();
        await this.stack.run("cancel", "--yes");
        const next = await this.stack.up("--skip-preview");
        await this.sandbox.nodes.settled();
        const leftovers = await leftoversOf(this.sandbox, POOL, machines);
        const { pools } = await this.stack.outputs<{ pools: Record<string, { node: string }> }>();
        if (next.exitCode === 0 && pools[POOL].node !== node) {
            leftovers.push(`the image is of node ${pools[POOL].node} in place of ${node}`);
        }
        const survived = next.exitCode === 0 && leftovers.length === 0;
        if (!survived) {
            await this.recover();
        }
        return { ...{ call, fault, reached }, broken: wordsOf(outcome), next: wordsOf(next), leftovers, survived };
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
            "429": () =>
                this.calls.arm(
                    call,
                    phase,
                    strike(() => faults.throttle({ path, method, times: 2 })),
                ),
            "500": () =>
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
    private async recover(): Promise<void> {
        for (let run = 0; run < 2; run++) {
            if ((await this.stack.up("--skip-preview")).exitCode === 0) {
                return;
            }
        }
        throw new Error("the pool cannot be brought in order any more");
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
