// One run, top to bottom: preview with the policy pack to a plan; then, in mode up, do what the plan says and nothing else.
import { mkdtemp, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node";
import { oneLine, UserError } from "../components/core/errors";
import { deliver } from "./deliver";
import { waits } from "./events";
import { keepTokenFile } from "./federatedToken";
import { hasEnded, takeLease, type Held } from "./lease";
import { EXIT, type Options } from "./options";
import { furnish, kubeConfigOf, podFrom, writableCopy, type Pod } from "./pod";
import { preview, releaseLocks, up, type Result, type Workplace } from "./pulumi";
import { report } from "./report";
import { heldBy, locksIn, staleBecause } from "./stateLock";
import { isPulumi } from "./stop";

/** Where and as whom a run works. */
interface Place extends Workplace {
    cluster?: { config: KubeConfig; pod: Pod };
    lease?: Held;
}

/**
 * Runs a preview or an up.
 *
 * @param stop aborted when the run is to stop; it then puts back what it has begun
 * @returns the exit code: 0 nothing to do, or done; 2 in mode preview: a change waits; 1 an error
 */
export async function run(asked: Options, env: NodeJS.ProcessEnv, stop: AbortSignal): Promise<number> {
    const scratch = await mkdtemp(join(tmpdir(), "kamino-"));
    const token = await keepTokenFile(env, scratch);
    try {
        const { place, options } = await settle(asked, { ...env, ...token?.env }, scratch, stop);
        try {
            return options.mode === "preview" ? await runPreview(options, place) : await runUp(options, place);
        } finally {
            await place.lease
                ?.release()
                .catch((error: unknown) => console.error(`the lease was not given back: ${oneLine(error)}`));
        }
    } finally {
        token?.stop();
        await rm(scratch, { recursive: true, force: true });
    }
}

/** Makes ready what a run needs; in the cluster the lease is taken first, so that an up is alone. */
async function settle(options: Options, env: NodeJS.ProcessEnv, scratch: string, stop: AbortSignal) {
    const pod = podFrom(env);
    if (!pod) {
        return { place: { scratch, env, stop } as Place, options };
    }
    const config = kubeConfigOf(pod);
    const lease = options.mode === "up" ? await takeLease(config, pod) : undefined;
    const own = await furnish(pod, scratch, env);
    const { configFile } = options;
    const copied = configFile ? { configFile: await writableCopy(configFile, scratch) } : {};
    const place: Place = { scratch, env: { ...env, ...own }, stop, cluster: { config, pod }, lease };
    return { place, options: { ...options, ...copied } };
}

async function runPreview(options: Options, place: Place): Promise<number> {
    const plan = options.savePlan ?? join(place.scratch, "plan.json");
    const result = await preview(options, plan, place);
    const exitCode = !result.succeeded ? EXIT.error : waits(result.summary) ? EXIT.waits : EXIT.nothing;
    await tell(options, result, exitCode, place);
    return exitCode;
}

async function runUp(options: Options, place: Place): Promise<number> {
    const plan = options.plan ?? join(place.scratch, "plan.json");
    let stack: string | undefined;
    if (!options.plan) {
        const planned = await preview(options, plan, place);
        ({ stack } = planned.summary);
        if (!planned.succeeded || !waits(planned.summary)) {
            const exitCode = planned.succeeded ? EXIT.nothing : EXIT.error;
            await tell(options, planned, exitCode, place);
            return exitCode;
        }
        console.log(report({ ...told(options, planned), mode: "preview" }).screen);
    }
    if (place.stop.aborted) {
        throw new UserError("stopped before anything was changed");
    }
    const result = await upDespiteStaleLock(options, plan, place);
    const exitCode = result.succeeded ? EXIT.nothing : EXIT.error;
    // An update that was refused at once has no events to be named by.
    await tell(options, { ...result, summary: { stack, ...result.summary } }, exitCode, place, true);
    return exitCode;
}

/** A run that was killed left its lock behind: released when it is certain that its holder is dead, and tried once more. */
async function upDespiteStaleLock(options: Options, plan: string, place: Place): Promise<Result> {
    const again = options.plan !== undefined;
    const result = await up(options, plan, again, place);
    const locks = locksIn(result.output);
    if (locks.length === 0) {
        return result;
    }
    for (const lock of locks) {
        const why = await staleBecause(lock, {
            host: hostname(),
            isRunning: isPulumi,
            hasEnded: async (pod) => await podHasEnded(pod, place),
        });
        if (!why) {
            return { ...result, summary: { ...result.summary, errors: [heldBy(locks)] } };
        }
        console.error(`The lock that ${lock.user}@${lock.host} took at ${lock.since} is left over (${why}): released.`);
    }
    await releaseLocks(options, place);
    return await up(options, plan, again, place);
}

/** A host that is no pod of ours may well be somebody's laptop, whose name says nothing. */
async function podHasEnded(host: string, { cluster, lease }: Place): Promise<boolean> {
    if (!cluster) {
        return false;
    }
    // A pod that is gone is known by the lease that it never gave back.
    return host === lease?.deadHolder || (await hasEnded(cluster.config, cluster.pod.namespace, host, false));
}

function told(options: Options, { summary, output, succeeded }: Result) {
    return {
        stack: options.stack ?? summary.stack ?? "the selected stack",
        mode: options.mode,
        summary,
        diff: output,
        succeeded,
    };
}

/** @param live whether the screen has shown what pulumi said already */
async function tell(options: Options, result: Result, exitCode: number, place: Place, live = false): Promise<void> {
    const { env, cluster } = place;
    const { brief, ...made } = report(told(options, result));
    const delivery = { ...made, mode: options.mode, exitCode, screen: live ? brief : made.screen };
    await deliver(delivery, { file: options.report, env, cluster });
}
