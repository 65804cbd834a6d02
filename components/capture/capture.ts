// One whole capture: what must hold before anything is touched, then the steps, then the node back in service, whatever happens.
import { hostname } from "node:os";
import type { V1Node } from "@kubernetes/client-node";
import type { VirtualMachineScaleSetVM } from "@azure/arm-compute";
import { UserError, oneLine } from "../core/errors";
import { kubernetes, type Kubernetes } from "../node/kubernetes";
import { info, status } from "../engine/progress";
import { REBOOT_IN_PROGRESS } from "../node/kured";
import { interruptibly } from "./interruption";
import { isAbandoned, type Journal } from "./journal";
import { checkTarget, type Target } from "./names";
import { SCALE_DOWN_DISABLED, isReady, readNode } from "../node/node";
import type { OsDiskCaptureInputs } from "./osDiskCapture";
import { journalOf, putBack, putBackDead, withSignsOfLife } from "./recover";
import { finishedSnapshot, type Captured } from "./snapshot";
import { STEPS, type Capture } from "./steps";
import { openVm } from "../azure/vm";
import { until } from "../core/retry";
import { elapsed, parseDuration } from "../core/duration";
import { brief } from "../core/errors";
import { parseProviderId } from "../node/providerId";

/** For how long the capture of another run, which may turn out to be dead, is waited for. */
const OTHER_CAPTURE_LIMIT = 4 * 60_000;

/**
 * Captures the OS disk of a node: the node leaves service, its disk is cleaned and copied, and it comes back as it was.
 *
 * @throws UserError in one line; by then the node is back in service, unless the line says that it is not
 */
export async function captureOsDisk(inputs: OsDiskCaptureInputs): Promise<Captured> {
    const { pool, version, node, scaleSetId, instanceId } = inputs;
    const target: Target = { pool, version, node, scaleSetId, instanceId };
    const begun = Date.now();
    const say = (doing: string) =>
        void status(`${pool}: capturing node ${node}: ${doing} (${elapsed(Date.now() - begun)})`);
    try {
        checkTarget(target);
        say("looking at the node and its VM");
        const cluster = kubernetes(inputs.kubernetes);
        const found = await withoutJournal(cluster, target, say);
        const vm = await openVm(scaleSetId, instanceId);
        const machine = await vm.read();
        const disk = checkMachine(target, found, machine);
        const earlier = await finishedSnapshot(target, inputs.resourceGroup, disk.id);
        if (earlier) {
            await info(
                `${pool}: the OS disk of node ${node} was captured by an earlier run already, as ${earlier.snapshotId}`,
            );
            return earlier;
        }
        checkNode(target, found, await vm.power());
        const journal = journalFor(found, inputs);
        const resourceVersion = found.metadata?.resourceVersion ?? "";
        const settings = settingsOf(inputs);
        const captured = await interruptibly((signal) =>
            run({
                target,
                cluster,
                vm,
                journal,
                say,
                resourceVersion,
                settings,
                signal,
                disk: { ...disk, patched: inputs.patched },
            }),
        );
        await info(
            `${pool}: captured the OS disk of node ${node} in ${elapsed(Date.now() - begun)}; the node is back in service`,
        );
        return captured;
    } catch (error) {
        throw new UserError(`${pool}: capturing node ${node} failed: ${oneLine(error)}`);
    }
}

/** The steps in order; then, in any case, the node back in service. */
async function run(capture: Capture): Promise<Captured> {
    const { target } = capture;
    let step = STEPS[0];
    try {
        await step.do(capture);
    } catch (error) {
        throw new UserError(`${oneLine(error)}; nothing was changed`);
    }
    let failure: unknown;
    try {
        await withSignsOfLife(capture, async () => {
            for (step of STEPS.slice(1)) {
                capture.signal.throwIfAborted();
                await step.do(capture);
            }
        });
    } catch (error) {
        // The libraries say only that they were aborted, not by what.
        failure = capture.signal.aborted ? capture.signal.reason : error;
        capture.say("putting the node back");
    }
    try {
        await putBack(capture, failure === undefined);
    } catch (error) {
        const first = failure === undefined ? "" : `at step "${step.name}": ${brief(failure, 200)}; and `;
        throw new UserError(
            `${first}node ${target.node} could not be put back in service: ${brief(error, 200)}; run again, which tries again, or start ` +
                `instance ${target.instanceId} in Azure and uncordon the node`,
        );
    }
    if (failure !== undefined) {
        throw new UserError(`at step "${step.name}": ${brief(failure, 500)}; the node is back in service`);
    }
    return capture.captured!;
}

/** The node, after what an interrupted capture has left on it was put back. */
async function withoutJournal(cluster: Kubernetes, target: Target, say: Capture["say"]): Promise<V1Node> {
    const read = async () => {
        const node = await readNode(cluster, target.node);
        if (!node) {
            throw new UserError("the cluster has no node of this name any more; preview again");
        }
        return { node, journal: journalOf(node) };
    };
    const lives = (journal: Journal) => !isAbandoned(journal, new Date());
    const now = await until({ limit: OTHER_CAPTURE_LIMIT }, async () => {
        const { node, journal } = await read();
        if (journal === "none" || journal === "unusable" || !lives(journal)) {
            return { node, journal };
        }
        say(`waiting for another capture of it, of version ${journal.version} by ${journal.host}`);
        return undefined;
    });
    if (!now) {
        throw new UserError("another run is capturing this node; wait until it has finished");
    }
    if (now.journal === "none") {
        return now.node;
    }
    if (now.journal === "unusable") {
        throw new UserError(
            "its annotation kamino/capture-journal is not one that a capture wrote; look at the node and remove it",
        );
    }
    // A whole snapshot of this very capture can still be used.
    await putBackDead(cluster, now.node, now.journal, now.journal.version === target.version);
    await info(`${target.pool}: node ${target.node} is back in service after a capture that was interrupted`);
    return (await read()).node;
}

/** What must hold of the VM. @returns where its OS disk is */
function checkMachine({ node, scaleSetId, instanceId }: Target, found: V1Node, machine?: VirtualMachineScaleSetVM) {
    const owner = parseProviderId(found.spec?.providerID);
    if (owner?.scaleSetId.toLowerCase() !== scaleSetId.toLowerCase() || owner.instanceId !== instanceId) {
        throw new UserError(
            `it is not instance ${instanceId} of the scale set, but ${JSON.stringify(found.spec?.providerID ?? "unknown")}; preview again`,
        );
    }
    if (!machine) {
        throw new UserError(`the scale set has no instance ${instanceId} any more; preview again`);
    }
    const computerName = machine.osProfile?.computerName ?? "";
    if (computerName.toLowerCase() !== node) {
        throw new UserError(`instance ${instanceId} is computer "${computerName}" and not this node; preview again`);
    }
    const disk = machine.storageProfile?.osDisk;
    const id = disk?.managedDisk?.id;
    if (disk?.diffDiskSettings?.option || !id) {
        throw new UserError("its OS disk is ephemeral or unmanaged, and Azure cannot copy those");
    }
    return { id, location: machine.location };
}

/** What must hold of the node, so that taking it out of service is safe. */
function checkNode({ node }: Target, found: V1Node, power: string): void {
    const reason = [
        [process.env.NODE_NAME === node, "this program runs on it"],
        [found.metadata?.annotations?.[REBOOT_IN_PROGRESS] !== undefined, "kured is about to reboot it"],
        [!isReady(found), "it is not Ready"],
        [power !== "running", `its VM is ${power}`],
    ].find(([holds]) => holds)?.[1];
    if (reason) {
        throw new UserError(`${reason as string}; nothing was changed, preview again`);
    }
}

function journalFor(node: V1Node, { pool, version, resourceGroup, settings }: OsDiskCaptureInputs): Journal {
    const scaleDownDisabled = node.metadata?.annotations?.[SCALE_DOWN_DISABLED];
    return {
        ...{ pool, version, resourceGroup, namespace: settings.captureNamespace },
        cordoned: node.spec?.unschedulable === true,
        ...(scaleDownDisabled !== undefined && { scaleDownDisabled }),
        ...{ host: hostname(), process: process.pid, alive: new Date().toISOString() },
    };
}

function settingsOf({ settings }: OsDiskCaptureInputs): Capture["settings"] {
    const { gracePeriod, drainTimeout, force, cleanerImage } = settings;
    return {
        gracePeriod: gracePeriod === undefined ? undefined : parseDuration(gracePeriod),
        drainTimeout: parseDuration(drainTimeout),
        force,
        cleanerImage,
    };
}
