// One run, top to bottom: preview with the policy pack to a plan; then, in mode up, do what the plan says and nothing
// else.
import { readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node";
import { PACKAGES_FOLDER } from "../components/capture/packagesFolder";
import { oneLine, UserError } from "../components/core/errors";
import { PROJECT } from "../components/core/project";
import { safeToPrint } from "../components/core/text";
import { confirm } from "./confirm";
import { checkReportFile, deliver } from "./deliver";
import { hasChanges } from "./events";
import { deliverFailure, judgeDelivery } from "./failure";
import { withTokenFile } from "./github/tokenFile";
import { imageTimes } from "./imageTimes";
import { acquireLease, hasEnded, type AcquiredLease } from "./lease";
import { EXIT, type Options } from "./options";
import { kubeConfigOf, podFrom, prepareHome, writableCopy, type Pod } from "./pod";
import { cancelLocks, imageVersions, preview, selectedStack, up, type Result, type RunContext } from "./pulumi";
import { checkPolicyConfig } from "./policyConfig";
import { renderReport, type ReportInput } from "./report";
import { retakeSettings } from "./retake";
import { knownHost, lockedMessage, locksIn, staleReason } from "./stateLock";
import { isPulumi, seesAllProcesses } from "./stop";
import type { Phase } from "./timeline";
import { restoreNodes, type Restored } from "./upkeep";

/** A run that is ready to start. */
interface PreparedRun extends RunContext {
    options: Options;
    /** In the scheduled pod: its cluster. */
    cluster?: { config: KubeConfig; pod: Pod };
    lease?: AcquiredLease;
    /** Whether this run's report was delivered: what fails later must not write over it. */
    report: { delivered: boolean };
}

/**
 * Runs a preview or an up.
 *
 * @param stop aborted when the run is to stop; it then cleans up what it has begun
 * @param phases where the engine's commands are recorded, if somebody looks at them afterwards
 * @returns the exit code: 0 no changes, or done; 2 in mode preview: there are changes; 1 an error
 */
export async function run(
    options: Options,
    env: NodeJS.ProcessEnv,
    stop: AbortSignal,
    phases?: Phase[],
): Promise<number> {
    const report = { delivered: false };
    try {
        await checkPolicyConfig(options.policyConfig);
        if (options.report !== undefined) {
            await checkReportFile(options.report);
        }
        return await withTokenFile(env, async (place) => {
            const context = { ...place, stop, phases };
            const prepared = { ...(await prepareRun(await withRetake(options, context), context)), report };
            try {
                return options.mode === "preview" ? await runPreview(prepared) : await runUp(prepared);
            } finally {
                await prepared.lease
                    ?.release()
                    .catch((error: unknown) => console.error(`the lease was not released: ${oneLine(error)}`));
            }
        });
    } catch (error) {
        if (!report.delivered) {
            await deliverFailure(options, env, error);
        }
        throw error;
    }
}

/**
 * For --retake: the run uses a copy of the stack's settings that asks for a new image. The stack's own file stays as it
 * is.
 */
async function withRetake(options: Options, context: RunContext): Promise<Options> {
    if (options.retake === undefined) {
        return options;
    }
    const stack = options.stack ?? (await selectedStack(context));
    const file = options.configFile ?? join(PROJECT, `Pulumi.${stack.split("/").at(-1)}.yaml`);
    const text = await readFile(file, "utf8").catch(() => {
        throw new UserError(
            `--retake: there is no ${file}; name the stack with --stack, or its settings with --config-file`,
        );
    });
    const facts = { versions: await imageVersions(stack, context), now: new Date() };
    const configFile = join(context.scratch, "retake.yaml");
    await writeFile(configFile, retakeSettings(text, options.retake, file, facts), { mode: 0o600 });
    return { ...options, stack, configFile };
}

/** Prepares what a run needs. In the cluster an `up` first acquires the lease, so that it is alone. */
async function prepareRun(options: Options, context: RunContext): Promise<Omit<PreparedRun, "report">> {
    const { env, scratch } = context;
    const pod = podFrom(env);
    if (!pod) {
        const { packages } = options;
        return { ...context, options, env: { ...env, ...(packages && { [PACKAGES_FOLDER]: resolve(packages) }) } };
    }
    const config = kubeConfigOf(pod);
    const lease = options.mode === "up" ? await acquireLease(config, pod) : undefined;
    const home = await prepareHome(pod, scratch, env);
    const { configFile } = options;
    const copied = configFile ? { configFile: await writableCopy(configFile, scratch) } : {};
    return {
        ...context,
        // What is written there goes to where the report is: the pod's own files go with it.
        env: { ...env, ...home, [PACKAGES_FOLDER]: join(scratch, "packages") },
        options: { ...options, ...copied },
        cluster: { config, pod },
        lease,
    };
}

async function runPreview(run: PreparedRun): Promise<number> {
    const plan = run.options.savePlan ?? join(run.scratch, "plan.json");
    const result = await preview(run.options, plan, run);
    const exitCode = !result.succeeded ? EXIT.error : hasChanges(result.summary) ? EXIT.changes : EXIT.nothing;
    await deliverReport(run, result, exitCode);
    return exitCode;
}

async function runUp(run: PreparedRun): Promise<number> {
    const { options } = run;
    const plan = options.plan ?? join(run.scratch, "plan.json");
    let stack: string | undefined;
    // Beside the preview, which takes longer; where a plan is given it is a command more, of less than a second.
    const times = imageTimes(options.stack, run);
    const restored = options.upkeep ? await restoreNodes(options, run) : undefined;
    if (!options.plan) {
        const planned = withProblems(await preview(options, plan, run), restored);
        ({ stack } = planned.summary);
        if (!planned.succeeded || !isWanted(options, planned)) {
            const exitCode = planned.succeeded ? EXIT.nothing : EXIT.error;
            await deliverReport(run, planned, exitCode, { restored });
            if (planned.succeeded && options.retake !== undefined) {
                throw new UserError("no new image: no node fits; the report says why");
            }
            return exitCode;
        }
        console.log(renderReport({ ...reportInput(options, planned), mode: "preview" }).screen);
        if (options.retake !== undefined && !options.yes) {
            await confirm("Do this now?", run.stop);
        }
    }
    if (run.stop.aborted) {
        throw new UserError("stopped before anything was changed");
    }
    const result = await upDespiteStaleLock(plan, { ...run, env: { ...run.env, ...(await times) } });
    const exitCode = result.succeeded ? EXIT.nothing : EXIT.error;
    // An update that was refused at once has no events to take the stack's name from.
    await deliverReport(run, { ...result, summary: { stack, ...result.summary } }, exitCode, {
        ...{ live: true, restored },
    });
    return exitCode;
}

/** Whether there is something to do for an up that has no reviewed plan. */
function isWanted({ upkeep, retake }: Options, { summary }: Result): boolean {
    const { isBehind } = summary;
    return upkeep ? isBehind && !hasChanges(summary) : hasChanges(summary) || (isBehind && retake === undefined);
}

/** A run that could not restore a node has failed, whatever its preview says. */
function withProblems(result: Result, { problems }: Restored = { nodes: [], problems: [] }): Result {
    const { summary } = result;
    const succeeded = result.succeeded && problems.length === 0;
    return { ...result, succeeded, summary: { ...summary, errors: [...problems, ...summary.errors] } };
}

/** A killed run leaves its lock behind. Cancels it when its holder is dead for certain, and tries once more. */
async function upDespiteStaleLock(plan: string, run: PreparedRun): Promise<Result> {
    const { options } = run;
    const again = options.plan !== undefined;
    const result = await up(options, plan, again, run);
    const locks = locksIn(result.output);
    if (locks.length === 0) {
        if (result.succeeded) {
            run.lease?.forgetDead();
        }
        return result;
    }
    const place = { host: hostname(), env: run.env, seesAllProcesses: seesAllProcesses() };
    const host = knownHost({ ...place, isScheduled: run.lease !== undefined });
    for (const lock of locks) {
        const reason = await staleReason(lock, {
            host,
            isRunning: isPulumi,
            hasEnded: async (pod) => await podHasEnded(pod, run),
        });
        if (!reason) {
            return { ...result, summary: { ...result.summary, errors: [lockedMessage(locks)] } };
        }
        const cancelled = `The lock of ${lock.user}@${lock.host} since ${lock.since} is stale (${reason}): cancelled.`;
        console.error(safeToPrint(cancelled));
    }
    await cancelLocks(options, run);
    run.lease?.forgetDead();
    return await up(options, plan, again, run);
}

/** A host that is not a pod of ours may be somebody's laptop; its name proves nothing. */
async function podHasEnded(host: string, { cluster, lease }: PreparedRun): Promise<boolean> {
    if (!cluster) {
        return false;
    }
    // A pod that no longer exists is known by the lease that it did not release.
    return lease?.deadHolders.includes(host) || (await hasEnded(cluster.config, cluster.pod.namespace, host, false));
}

function reportInput(options: Options, { summary, output, succeeded }: Result): ReportInput {
    return {
        stack: options.stack ?? summary.stack ?? "the selected stack",
        mode: options.mode,
        summary,
        diff: output,
        succeeded,
    };
}

/**
 * @param live whether pulumi has written to the screen itself
 * @param restored by an upkeep, which has done nothing else unless it is live
 */
async function deliverReport(
    { options, env, cluster, report: own }: PreparedRun,
    result: Result,
    exitCode: number,
    { live = false, restored }: { live?: boolean; restored?: Restored } = {},
): Promise<void> {
    const upkeep = restored && {
        restored: restored.nodes,
        isLeft: !live && result.succeeded && hasChanges(result.summary),
    };
    const { brief, ...report } = renderReport({ ...reportInput(options, result), upkeep });
    const delivery = { ...report, mode: options.mode, exitCode, screen: live ? brief : report.screen };
    const problems = await deliver(delivery, { file: options.report, env, cluster });
    own.delivered = true;
    judgeDelivery(options.mode, problems);
}
