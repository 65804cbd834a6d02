// One capture of an OS disk, in either way: what must hold, kured's lock, and the disk as something that an image can
// be made from.
import { STACK_TAG } from "../azure/tags";
import { scaleSetVm, vmOf } from "../azure/vm";
import { elapsed, elapsedOf } from "../core/duration";
import { UserError, oneLine } from "../core/errors";
import { info, status } from "../engine/progress";
import { kubernetes, type Kubernetes } from "../node/kubernetes";
import { withKuredLock, type KuredLockOptions } from "../node/kuredLock";
import { announce, announced } from "./announce";
import { checkMachine, lookAt, readTarget, recoverTarget } from "./checks";
import { finishedCopy } from "./copy/copies";
import { withoutPackages } from "./copy/keepPackages";
import { copyOsDisk } from "./copy/run";
import { failedCaptures } from "./failedCaptures";
import { captureInPlace, checkInPlace, forgetFailures, type InPlaceCapture } from "./inPlace";
import { deferSignals } from "../engine/interruption";
import { captureWay, onlyByCopy, type CaptureMode } from "./mode";
import { checkTarget, type Target } from "./names";
import { capturingLine } from "./status";
import type { OsDiskCaptureInputs } from "./osDiskCapture";
import { refuseEncrypted } from "./protection";
import { finishedSnapshot, readDisk, type Captured } from "./snapshot";
import { usualCapture } from "./usual";

/** Why a run that has not cleaned a copy has no list of packages. */
const NO_PACKAGES: Record<CaptureMode, string> = {
    copy: "another run has captured the disk, and the log that had them is gone",
    "in-place": "a capture in place does not list them; one by a copy does (kamino:capture)",
};

/**
 * Captures the OS disk of a node: from a copy, of which the node notices nothing, or in place, where the node leaves
 * service for minutes and comes back as it was.
 *
 * @throws UserError in one line; by then the node is in service, unless the line says that it is not
 */
export async function captureOsDisk(inputs: OsDiskCaptureInputs): Promise<Captured> {
    const { pool, version, node, scaleSetId, instanceId, settings } = inputs;
    const target: Target = { pool, version, node, scaleSetId, instanceId };
    const begun = Date.now();
    let usual: number | undefined;
    const say = (doing: string) => void status(capturingLine(pool, node, doing, elapsedOf(Date.now() - begun, usual)));
    // Set as long as a failure is one of this node, and nobody else announces it.
    let announceAt: Kubernetes | undefined;
    try {
        checkTarget(target);
        say("looking at the node and its VM");
        const cluster = await kubernetes(inputs.kubernetes);
        await recoverTarget(cluster, target, say);
        const vm = await vmOf(scaleSetId, instanceId);
        const found = await readTarget(cluster, target);
        const disk = checkMachine(target, found, await vm.read());
        announceAt = cluster;
        const { mode } = await captureWay(cluster, settings.mode);
        usual = usualCapture(pool, mode);
        const way = await wayOf(mode, { target, cluster, disk, inputs, say });
        const earlier = await finished(way);
        if (earlier) {
            await info(
                `${pool}: the OS disk of node ${node} was captured by an earlier run already, as ${earlier.snapshotId}`,
            );
            await withoutPackages(target, NO_PACKAGES[mode]);
            await (failedCaptures(found.metadata?.annotations) && forgetFailures(way.begin));
            return earlier;
        }
        if (way.mode === "in-place") {
            // A copy looks at the disk before anything is done as well.
            refuseEncrypted(await readDisk(disk.id));
        }
        await (way.mode === "copy" ? lookAt(cluster, target, vm) : checkInPlace(way.begin));
        announceAt = undefined;
        const { captured, how } = await captureUnderLock(way, found.metadata?.labels, begun);
        await info(`${pool}: captured the OS disk of node ${node} ${how}`);
        return captured;
    } catch (error) {
        if (announceAt) {
            await announce(announceAt, target, { failure: error });
        }
        throw new UserError(`${pool}: capturing node ${node} failed: ${oneLine(error)}`);
    }
}

/** The way in which a disk is captured, and what is captured: in place with the VM that is switched off and on. */
type Way = { mode: "copy"; begin: Omit<BeginInPlace, "vm"> } | { mode: "in-place"; begin: BeginInPlace };
type BeginInPlace = Omit<InPlaceCapture, "signal" | "lookAgain">;

/**
 * @throws UserError for what is never captured in place. The preview that chose the node may have seen the driver of a
 *     copy, and this run none.
 */
async function wayOf(mode: CaptureMode, begin: Omit<BeginInPlace, "vm">): Promise<Way> {
    const { scaleSetId, instanceId } = begin.target;
    if (mode === "copy") {
        return { mode, begin };
    }
    const reason = onlyByCopy(begin.inputs);
    if (reason !== undefined) {
        throw new UserError(`${reason} captured by a copy alone; set kamino:capture to copy`);
    }
    return { mode, begin: { ...begin, vm: await scaleSetVm(scaleSetId, instanceId) } };
}

/** What an earlier run, or another one meanwhile, has captured of this very target. */
function finished({ mode, begin: { target, disk, inputs } }: Way): Promise<Captured | undefined> {
    return mode === "copy"
        ? finishedCopy(target, inputs.resourceGroup)
        : finishedSnapshot(target, inputs.resourceGroup, disk.id);
}

/**
 * Captures the disk while kured's lock is held. Another run may have held it before, for the same node: what that one
 * has made is taken, and never made anew under an image that is being made of it.
 *
 * @param begun when the capture began, in milliseconds
 * @returns what was captured and, for people, how
 */
async function captureUnderLock(way: Way, nodeLabels: Record<string, string> | undefined, begun: number) {
    const { mode, begin } = way;
    const { target, cluster, disk, inputs, say } = begin;
    let other: Captured | undefined;
    let lockedAt = begun;
    const how = () =>
        other
            ? `by another run, as ${other.snapshotId}`
            : `in ${elapsed(Date.now() - begun)}; the node ${mode === "copy" ? "has never left service" : "is back in service"}`;
    const captured = await deferSignals((signal) => {
        // Copies take no node out of service: those of several pools go on at the same time.
        const lock = { ...lockOptions(inputs), together: mode === "copy", nodeLabels, signal, progress: say };
        const take = () =>
            withKuredLock(cluster, target.pool, lock, async (lease) => {
                lockedAt = Date.now();
                other = await finished(way);
                if (other) {
                    await withoutPackages(target, NO_PACKAGES[mode]);
                    return other;
                }
                const lookAgain = () => lease.renew();
                if (mode === "copy") {
                    return copyOsDisk({ target, cluster, disk, signal, say, lookAgain, ...copySettingsOf(inputs) });
                }
                await withoutPackages(target, NO_PACKAGES[mode]);
                return captureInPlace({ ...begin, signal, lookAgain });
            });
        return announced(cluster, target, take, how);
    });
    const tookSeconds = Math.ceil((Date.now() - lockedAt) / 1000);
    return { captured: other ? captured : { ...captured, tookSeconds }, how: how() };
}

function lockOptions({ kured }: OsDiskCaptureInputs): KuredLockOptions {
    return { enabled: kured?.lock, daemonSet: kured?.daemonSet };
}

function copySettingsOf({
    settings,
    resourceGroup,
    tags = {},
    rebootNeededAt,
    customData = "dropped",
    orphans,
}: OsDiskCaptureInputs) {
    const { captureNamespace: namespace, cleanerImage: image, rootPartition, cleanPaths = [] } = settings;
    return {
        resourceGroup,
        namespace,
        image,
        rootPartition,
        cleanPaths,
        customData,
        orphans,
        tags: { ...tags, ...(orphans && { [STACK_TAG]: orphans.stack }), rebootNeededAt },
    };
}
