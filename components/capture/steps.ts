// An in-place capture, step by step, each with what restores the node afterwards. Read STEPS from top to bottom.
import {
    createCleaningPod,
    deleteCleaningPod,
    mayHaveCleaned,
    waitUntilCleanAndOff,
    type CleaningPlace,
} from "./cleaning";
import { drain, waitForVolumes, type DrainConsent } from "./drain";
import { FAILED_CAPTURES, formatFailedCaptures, oneMore, type FailedCaptures } from "./failedCaptures";
import { hasRebooted, isBackInService, provesNewIdentity } from "./identity";
import { JOURNAL, formatJournal, removalOf, type Journal } from "./journal";
import { clearRebootMark } from "./kuredMark";
import type { Target } from "./names";
import { OFF_LIMIT, RUNNING_LIMIT, isOff, powerOffVm, startVm } from "./power";
import { pullAndSync, removeSyncPod } from "./pull";
import { deleteSnapshot, takeSnapshot, type Captured } from "./snapshot";
import type { ScaleSetVm } from "../azure/vm";
import { MINUTE } from "../core/duration";
import { UserError } from "../core/errors";
import { SHORT_PAUSE_MS, until } from "../core/retry";
import type { Kubernetes } from "../node/kubernetes";
import { REBOOT_IN_PROGRESS } from "../node/kured";
import { SCALE_DOWN_DISABLED, patchNode, readNode } from "../node/node";

/** A VM takes a minute or two to start, and a node another one to be Ready. */
const READY_LIMIT = 20 * MINUTE;
/** Azure notices within this time that a guest has switched itself off. */
const NOTICE_LIMIT = 2 * MINUTE;
const SNAPSHOT_LIMIT = 60 * MINUTE;
/** How long restoring a node may take: switched off, noticed, started, Ready. In milliseconds. */
export const RESTORE_LIMIT = OFF_LIMIT + NOTICE_LIMIT + RUNNING_LIMIT + READY_LIMIT;

/** What cleaning up after a step needs: even a later process has it, from a journal. */
export interface CleanupContext {
    target: Target;
    cluster: Kubernetes;
    vm: ScaleSetVm;
    journal: Journal;
    /** Says what is being done. */
    say: (doing: string) => void;
}

/** The settings of an in-place capture. Times in milliseconds. */
export interface InPlaceSettings extends DrainConsent {
    gracePeriod?: number;
    drainTimeout: number;
    force: boolean;
    cleanerImage: string;
    cleanPaths: string[];
}

/** What a capture needs to go on. */
export interface Capture extends CleanupContext {
    /** The resource version of the node as the journal describes it. */
    resourceVersion: string;
    disk: { id: string; location: string };
    /** Earlier captures of the node that failed since it left service. */
    failedBefore?: FailedCaptures;
    /** Tags of the snapshot besides those that tell whose it is. */
    tags: Record<string, string>;
    settings: InPlaceSettings;
    signal: AbortSignal;
    /** Looks once more, right before what cannot be undone; throws where the capture must not go on. */
    lookAgain: () => Promise<void>;
    /** Set by the step that pulls it: the cleaner's image by its digest. */
    pulledImage?: string;
    /** Set by the step that takes the snapshot. */
    captured?: Captured;
}

/** One step, and how to clean up after it, whether it was done, half done or not done at all. */
export interface Step {
    name: string;
    run: (capture: Capture) => Promise<void>;
    cleanup?: (context: CleanupContext) => Promise<void>;
    /**
     * When to clean up. "restore": always, since it returns the node to service. "discard": only where the result
     * cannot be used.
     */
    when?: "restore" | "discard";
}

/** Every step of an in-place capture. To end one, well or not, is to clean up after them from the last to the first. */
export const STEPS: Step[] = [
    { name: "journal", run: writeJournal, cleanup: removeJournal, when: "restore" },
    { name: "pull the cleaner's image", run: pullImage, cleanup: removePull, when: "restore" },
    { name: "keep from scale-down", run: disableScaleDown, cleanup: restoreScaleDown, when: "restore" },
    { name: "cordon", run: cordon, cleanup: uncordon, when: "restore" },
    { name: "drain", run: drainNode },
    { name: "clean and power off", run: clean, cleanup: startAgain, when: "restore" },
    { name: "snapshot", run: snapshot, cleanup: discardSnapshot, when: "discard" },
];

/** Only if the node is still what the journal says: nobody has cordoned or captured it meanwhile. */
async function writeJournal({ cluster, target, journal, resourceVersion }: Capture): Promise<void> {
    const annotations = { [JOURNAL]: formatJournal(journal) };
    await patchNode(cluster, target.node, { metadata: { resourceVersion, annotations } });
}

/** While this is noted, nobody takes the machine as it runs for the one that it was. */
async function noteCleaning({ cluster, target, journal }: Capture, cleaning: boolean): Promise<void> {
    journal.cleaning = cleaning;
    await patchNode(cluster, target.node, { metadata: { annotations: { [JOURNAL]: formatJournal(journal) } } });
}

async function removeJournal({ cluster, target }: CleanupContext): Promise<void> {
    await patchNode(cluster, target.node, { metadata: { annotations: { [JOURNAL]: null } } });
}

async function pullImage(capture: Capture): Promise<void> {
    const { cluster, target, journal, settings, signal, say } = capture;
    say("pulling the cleaner's image");
    const { node, version } = target;
    const pull = { node, version, namespace: journal.namespace, image: settings.cleanerImage };
    capture.pulledImage = await pullAndSync(cluster, pull, { wait: "started", namespaceLevel: "privileged", signal });
}

async function removePull({ cluster, target, journal }: CleanupContext): Promise<void> {
    const { node, version } = target;
    await removeSyncPod(cluster, { node, version, namespace: journal.namespace });
}

async function disableScaleDown({ cluster, target }: Capture): Promise<void> {
    await patchNode(cluster, target.node, { metadata: { annotations: { [SCALE_DOWN_DISABLED]: "true" } } });
}

async function restoreScaleDown({ cluster, target, journal }: CleanupContext): Promise<void> {
    const annotations = { [SCALE_DOWN_DISABLED]: journal.scaleDownDisabled ?? null };
    await patchNode(cluster, target.node, { metadata: { annotations } });
}

/** From here on the capture costs an outage, and counts as one that failed until it has succeeded. */
async function cordon({ cluster, target, failedBefore }: Capture): Promise<void> {
    const annotations = { [FAILED_CAPTURES]: formatFailedCaptures(oneMore(failedBefore, target.version)) };
    await patchNode(cluster, target.node, { metadata: { annotations }, spec: { unschedulable: true } });
}

async function uncordon({ cluster, target, journal }: CleanupContext): Promise<void> {
    if (!journal.cordoned) {
        await patchNode(cluster, target.node, { spec: { unschedulable: null } });
    }
}

async function drainNode({ cluster, target, settings, signal, say }: Capture): Promise<void> {
    const { node } = target;
    await drain(cluster, {
        node,
        ...settings,
        signal,
        progress: (left) => say(`draining, ${count(left, "pod")} to go`),
    });
    const progress = (left: number) =>
        left > 0 ? say(`waiting for ${count(left, "volume")} to be unmounted`) : undefined;
    await waitForVolumes(node, () => readNode(cluster, node), { signal, progress });
}

function count(number: number, what: string): string {
    return number === 1 ? `1 ${what}` : `${number} ${what}s`;
}

/**
 * The node is looked at right before: kured writes its mark before it asks for its lock, so that holding the lock does
 * not keep it from marking the node. Until here nothing is lost by giving up.
 */
async function clean(capture: Capture): Promise<void> {
    const { cluster, vm, target, journal, settings, signal, say, lookAgain } = capture;
    const { node, version } = target;
    const now = await readNode(cluster, node);
    if (now?.metadata?.annotations?.[REBOOT_IN_PROGRESS] !== undefined) {
        throw new UserError("kured wants to reboot the node, which gives a newer image; its disk was not changed");
    }
    await lookAgain();
    await noteCleaning(capture, true);
    say("cleaning the disk and powering off");
    const { cleanerImage, cleanPaths } = settings;
    const image = capture.pulledImage ?? cleanerImage;
    const cleaning = { node, version, namespace: journal.namespace, image, cleanPaths };
    try {
        await createCleaningPod(cluster, cleaning, signal);
    } catch (error) {
        // A pod that was not admitted has changed nothing, and the node need not be started anew for it.
        if (!(await mayHaveCleaned(cluster, cleaning, false))) {
            await noteCleaning(capture, false);
        }
        throw error;
    }
    await waitUntilCleanAndOff(cluster, vm, cleaning, signal);
}

/**
 * Starts the VM where it is off, and waits until the node is Ready, also where the VM runs: it may have been started by
 * a run that died before it saw the node come back.
 *
 * A VM that still runs on a disk that may have been cleaned is switched off first: the disk has lost host keys,
 * certificates and the configuration of its network, and only a boot makes them again. The cleaning pod goes after
 * that, since until then it is what shows that the disk was changed; and before the start, since it would run again at
 * boot.
 */
async function startAgain(context: CleanupContext): Promise<void> {
    const { cluster, vm, target, journal, say } = context;
    const { node, version } = target;
    const place = { node, version, namespace: journal.namespace };
    if (await runsOnCleanedDisk(context, place)) {
        say("powering off, since the disk may have been cleaned");
        await powerOffVm(vm);
    }
    const pod = await deleteCleaningPod(cluster, vm, place);
    if (pod === "unknown") {
        // It may have triggered the power-off that Azure has yet to notice.
        await until({ limit: NOTICE_LIMIT }, async () => ((await vm.power()) === "running" ? undefined : true));
    }
    const before = await readNode(cluster, node);
    const started = await startVm(vm, say);
    say("waiting until the node is Ready");
    const back = await until({ limit: READY_LIMIT, longestPause: SHORT_PAUSE_MS }, async () => {
        const now = await readNode(cluster, node);
        return now && isBackInService(now, before, started, journal) ? now : undefined;
    });
    if (!back) {
        throw new UserError(
            `node ${node} was not Ready ${READY_LIMIT / MINUTE} minutes after its VM (instance ${target.instanceId}) had started; look at ` +
                `its boot diagnostics in Azure. Once it is Ready the next run goes on; if it is lost, delete the instance, or remove ` +
                `its journal with ${removalOf(node)}`,
        );
    }
    await clearRebootMark(cluster, back, journal);
}

/** Whether the VM still runs as it did before the capture, on a disk that may have been changed since. */
async function runsOnCleanedDisk({ cluster, vm, target, journal }: CleanupContext, place: CleaningPlace) {
    if ((await mayHaveCleaned(cluster, place, journal.cleaning === true)) && !isOff(await vm.power())) {
        const node = await readNode(cluster, target.node);
        return node !== undefined && hasRebooted(node, journal) !== true;
    }
    return false;
}

async function snapshot(capture: Capture): Promise<void> {
    const { target, journal, disk, tags, signal, say } = capture;
    say("taking a snapshot of the OS disk");
    const { id: diskId, location } = disk;
    const of = { resourceGroup: journal.resourceGroup, diskId, location, tags };
    capture.captured = await takeSnapshot(target, of, { limit: SNAPSHOT_LIMIT, signal });
}

async function discardSnapshot({ target, journal }: CleanupContext): Promise<void> {
    await deleteSnapshot(target, journal.resourceGroup);
}

/**
 * Deletes the snapshot where the restarted node does not show that its disk had been cleaned.
 *
 * @returns why it was deleted; undefined when it stays
 */
export async function dropUnproven(context: CleanupContext): Promise<string | undefined> {
    const { cluster, target, journal } = context;
    const node = await readNode(cluster, target.node);
    const doubt = node && provesNewIdentity(node, journal);
    if (doubt) {
        await discardSnapshot(context);
    }
    return doubt && `${doubt}, so its disk cannot have been clean when it was copied; the copy was deleted`;
}
