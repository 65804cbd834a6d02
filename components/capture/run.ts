// One capture of an OS disk, in either way: what must hold, kured's lock, and the disk as something that an image can
// be made from.
import { scaleSetVm, vmOf } from "../azure/vm";
import { singleVmsIn } from "../core/machinesId";
import { elapsed } from "../core/duration";
import { UserError, oneLine } from "../core/errors";
import { info, status } from "../engine/progress";
import { kubernetes, type Kubernetes } from "../node/kubernetes";
import { lockHolder, withKuredLock, type KuredLockOptions } from "../node/kuredLock";
import { announce, announced } from "./announce";
import { checkMachine, lookAt, readTarget, recoverTarget } from "./checks";
import { copyOsDisk, finishedCopy } from "./copy/run";
import { captureInPlace, checkInPlace } from "./inPlace";
import { deferSignals } from "../engine/interruption";
import { captureWay } from "./mode";
import { checkTarget, type Target } from "./names";
import { capturingLine } from "./status";
import type { OsDiskCaptureInputs } from "./osDiskCapture";
import { finishedSnapshot, type Captured } from "./snapshot";

/**
 * Captures the OS disk of a node: from a copy, of which the node notices nothing, or in place, where the node leaves
 * service for minutes and comes back as it was.
 *
 * @throws UserError in one line; by then the node is in service, unless the line says that it is not
 */
export async function captureOsDisk(inputs: OsDiskCaptureInputs): Promise<Captured> {
    const { pool, version, node, scaleSetId, instanceId, resourceGroup, settings } = inputs;
    const target: Target = { pool, version, node, scaleSetId, instanceId };
    const begun = Date.now();
    const say = (doing: string) => void status(capturingLine(pool, node, doing, elapsed(Date.now() - begun)));
    // Set as long as a failure is one of this node, and nobody else announces it.
    let announceAt: Kubernetes | undefined;
    try {
        checkTarget(target);
        say("looking at the node and its VM");
        const cluster = kubernetes(inputs.kubernetes);
        await recoverTarget(cluster, target, say);
        const vm = await vmOf(scaleSetId, instanceId);
        const found = await readTarget(cluster, target);
        const disk = checkMachine(target, found, await vm.read());
        announceAt = cluster;
        const { mode } = await captureWay(cluster, settings.mode);
        const earlier = await (mode === "copy"
            ? finishedCopy(target, resourceGroup)
            : finishedSnapshot(target, resourceGroup, disk.id));
        if (earlier) {
            await info(
                `${pool}: the OS disk of node ${node} was captured by an earlier run already, as ${earlier.snapshotId}`,
            );
            return earlier;
        }
        if (mode === "in-place" && singleVmsIn(scaleSetId) !== undefined) {
            throw new UserError("single VMs are captured by a copy alone; set kamino:capture to copy");
        }
        const begin = async () => ({
            target,
            cluster,
            vm: await scaleSetVm(scaleSetId, instanceId),
            disk,
            inputs,
            say,
        });
        await (mode === "copy" ? lookAt(cluster, target, vm) : checkInPlace(await begin()));
        const outcome = mode === "copy" ? "the node has never left service" : "the node is back in service";
        const how = () => `in ${elapsed(Date.now() - begun)}; ${outcome}`;
        announceAt = undefined;
        const captured = await deferSignals((signal) => {
            const lock = { ...lockOptions(inputs), nodeLabels: found.metadata?.labels, signal, progress: say };
            const take = () =>
                withKuredLock(cluster, lockHolder(pool), lock, async (lease) => {
                    const lookAgain = () => lease.renew();
                    return mode === "copy"
                        ? copyOsDisk({ target, cluster, disk, signal, say, lookAgain, ...copySettingsOf(inputs) })
                        : captureInPlace({ ...(await begin()), signal, lookAgain });
                });
            return announced(cluster, target, take, how);
        });
        await info(`${pool}: captured the OS disk of node ${node} ${how()}`);
        return captured;
    } catch (error) {
        if (announceAt) {
            await announce(announceAt, target, { failure: error });
        }
        throw new UserError(`${pool}: capturing node ${node} failed: ${oneLine(error)}`);
    }
}

function lockOptions({ kured }: OsDiskCaptureInputs): KuredLockOptions {
    const { lock = true, daemonSet } = kured ?? {};
    return { enabled: lock, daemonSet: daemonSet && `${daemonSet.namespace}/${daemonSet.name}` };
}

function copySettingsOf({
    settings,
    resourceGroup,
    tags = {},
    rebootNeededAt,
    customData = "dropped",
}: OsDiskCaptureInputs) {
    const { captureNamespace: namespace, cleanerImage: image, rootPartition = 1, cleanPaths = [] } = settings;
    return {
        resourceGroup,
        namespace,
        image,
        rootPartition,
        cleanPaths,
        customData,
        tags: { ...tags, rebootNeededAt },
    };
}
