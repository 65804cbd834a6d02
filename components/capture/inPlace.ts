// One capture in place: the node leaves service, its own disk is cleaned and copied, and it is restored, whatever
// happens.
import type { V1Node } from "@kubernetes/client-node";
import { parseDuration } from "../core/duration";
import { UserError, brief, oneLine, statusOf } from "../core/errors";
import { reasonUnder } from "../core/retry";
import { isAskedToStop } from "../engine/interruption";
import { ownNodeName } from "../node/ownNode";
import { SCALE_DOWN_DISABLED, patchNode, renewAnnotation } from "../node/node";
import { checkSpare, lookAt } from "./checks";
import { OtherRunError, checkDrain } from "./drain";
import { ownProcess } from "./captureProcess";
import { FAILED_CAPTURES, failedCaptures, formatFailedCaptures, type FailedCaptures } from "./failedCaptures";
import { identityOf } from "./identity";
import type { Journal } from "./journal";
import type { OsDiskCaptureInputs } from "./osDiskCapture";
import { restoreNode, withHeartbeat } from "./recover";
import type { Captured } from "./snapshot";
import { STEPS, type Capture, type InPlaceSettings } from "./steps";

/** What a capture in place begins with. */
export type InPlaceCapture = Pick<Capture, "target" | "cluster" | "vm" | "say" | "signal" | "lookAgain"> & {
    disk: { id: string; location: string };
    inputs: OsDiskCaptureInputs;
};

/**
 * Looks whether the node can be taken out of service.
 *
 * @returns the node as it is now
 * @throws UserError in one line when it cannot
 */
export async function checkInPlace({
    cluster,
    target,
    vm,
    inputs,
}: Pick<InPlaceCapture, "cluster" | "target" | "vm" | "inputs">): Promise<V1Node> {
    if (ownNodeName() === target.node) {
        throw new UserError("this program runs on it; nothing was changed, preview again");
    }
    const found = await lookAt(cluster, target, vm);
    try {
        await checkDrain(cluster, target.node, inputs.settings);
    } catch (error) {
        throw new UserError(`${oneLine(error)}; nothing was changed`);
    }
    return found;
}

/**
 * Takes the node out of service, cleans its disk, copies it, and restores the node.
 *
 * @throws UserError in one line that says whether the node is back in service
 */
export async function captureInPlace(begin: InPlaceCapture): Promise<Captured> {
    const { inputs, disk, ...rest } = begin;
    for (let attempt = 1; ; attempt++) {
        // kured's lock may have been waited for.
        const now = await checkInPlace(begin);
        await checkSpare(begin.cluster, begin.target, inputs.settings.minimumReadyNodes);
        const capture: Capture = {
            ...rest,
            resourceVersion: now.metadata?.resourceVersion ?? "",
            journal: journalFor(now, inputs),
            settings: settingsOf(inputs),
            tags: { ...inputs.tags, rebootNeededAt: inputs.rebootNeededAt },
            disk,
            failedBefore: failedCaptures(now.metadata?.annotations),
        };
        try {
            await STEPS[0].run(capture);
        } catch (error) {
            // Something of the node has changed since it was looked at, which may be nothing but its heartbeat.
            if (statusOf(error) === 409 && attempt < MOST_LOOKS) {
                continue;
            }
            throw new UserError(`${oneLine(error)}; nothing was changed`);
        }
        return await runSteps(capture);
    }
}

/** How often a node is looked at again that changes between the look and the first step. */
const MOST_LOOKS = 5;

/** The steps after the first in order; then, in any case, the node back in service. */
async function runSteps(capture: Capture): Promise<Captured> {
    const { target } = capture;
    let step = STEPS[0];
    let failure: unknown;
    try {
        await withHeartbeat(capture, async () => {
            for (step of STEPS.slice(1)) {
                capture.signal.throwIfAborted();
                await step.run(capture);
            }
        });
    } catch (error) {
        failure = reasonUnder(capture.signal, error);
        const isExcused = isAskedToStop(capture.signal) || failure instanceof OtherRunError;
        await (isExcused ? forgetStopped(capture) : noteFailure(capture, step.name));
        capture.say("restoring the node");
    }
    let doubt: string | undefined;
    try {
        doubt = await withHeartbeat(capture, () => restoreNode(capture, failure === undefined));
    } catch (error) {
        const first = failure === undefined ? "" : `at step "${step.name}": ${brief(failure, 200)}; and `;
        throw new UserError(
            `${first}node ${target.node} could not be restored: ${brief(error, 350)}; the next run tries again`,
        );
    }
    if (failure !== undefined || doubt) {
        await (doubt && noteFailure(capture, "proof that the disk was clean"));
        const why = doubt ?? `at step "${step.name}": ${brief(failure, 500)}`;
        throw new UserError(`${why}; the node is back in service`);
    }
    await forgetFailures(capture);
    return capture.captured!;
}

/** Says on the node, where it has left service, at which step. It counts also where this cannot be written. */
async function noteFailure({ cluster, target }: Pick<InPlaceCapture, "cluster" | "target">, step: string) {
    const named = (value: string) => {
        const failed = failedCaptures({ [FAILED_CAPTURES]: value });
        return failed?.version === target.version ? formatFailedCaptures({ ...failed, step }) : value;
    };
    await renewAnnotation(cluster, target.node, FAILED_CAPTURES, named).catch(() => undefined);
}

/** A capture that somebody has stopped, or that has met another run on its node, has not failed. */
async function forgetStopped(capture: Capture): Promise<void> {
    await writeFailures(capture, capture.failedBefore);
}

/** Once the disk is captured. What stays because the API server is away counts for no later image. */
export async function forgetFailures(capture: Pick<InPlaceCapture, "cluster" | "target">): Promise<void> {
    await writeFailures(capture, undefined);
}

async function writeFailures(
    { cluster, target }: Pick<InPlaceCapture, "cluster" | "target">,
    failed: FailedCaptures | undefined,
): Promise<void> {
    const metadata = { annotations: { [FAILED_CAPTURES]: failed ? formatFailedCaptures(failed) : null } };
    await patchNode(cluster, target.node, { metadata }).catch(() => undefined);
}

function journalFor(node: V1Node, { pool, version, resourceGroup, settings }: OsDiskCaptureInputs): Journal {
    const scaleDownDisabled = node.metadata?.annotations?.[SCALE_DOWN_DISABLED];
    return {
        pool,
        version,
        resourceGroup,
        namespace: settings.captureNamespace,
        cordoned: node.spec?.unschedulable === true,
        ...(scaleDownDisabled !== undefined && { scaleDownDisabled }),
        ...identityOf(node),
        ...ownProcess(),
        heartbeatAt: new Date().toISOString(),
    };
}

function settingsOf({ settings }: OsDiskCaptureInputs): InPlaceSettings {
    const { gracePeriod, drainTimeout, force, cleanerImage, cleanPaths = [] } = settings;
    const { deleteBarePods, deleteEmptyDirData } = settings;
    return {
        ...(gracePeriod !== undefined && { gracePeriod: parseDuration(gracePeriod) }),
        drainTimeout: parseDuration(drainTimeout),
        force,
        cleanerImage,
        cleanPaths,
        deleteBarePods,
        deleteEmptyDirData,
    };
}
