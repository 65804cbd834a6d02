// The capture of one OS disk, step by step, each with what takes it back. Read STEPS from top to bottom.
import { UserError } from "../core/errors";
import type { Kubernetes } from "../node/kubernetes";
import { cleanAndPowerOff, deletePod, isOff } from "./cleaning";
import { drain } from "./drain";
import { JOURNAL, formatJournal, type Journal } from "./journal";
import type { Target } from "./names";
import { SCALE_DOWN_DISABLED, isReady, isReadyAgain, patchNode, readNode } from "../node/node";
import { deleteSnapshot, takeSnapshot, type Captured } from "./snapshot";
import type { Vm } from "../azure/vm";
import { until } from "../core/retry";

const MINUTE = 60_000;
/** A VM takes a minute or two to start, and a node another one to be Ready. */
const READY_LIMIT = 20 * MINUTE;
const RUNNING_LIMIT = 15 * MINUTE;
/** Azure notices within this time that a guest has switched itself off. */
const NOTICE_LIMIT = 2 * MINUTE;
const SNAPSHOT_LIMIT = 60 * MINUTE;

/** What taking a step back needs: a journal tells it even to a later process. */
export interface Interrupted {
    target: Target;
    cluster: Kubernetes;
    vm: Vm;
    journal: Journal;
    /** Says what is being done. */
    say: (doing: string) => void;
}

/** What a capture needs to go on. */
export interface Capture extends Interrupted {
    /** The resource version of the node as the journal describes it. */
    resourceVersion: string;
    disk: { id: string; location: string; patched: string };
    /** Times in milliseconds. */
    settings: { gracePeriod?: number; drainTimeout: number; force: boolean; cleanerImage: string };
    signal: AbortSignal;
    /** Set by the step that takes the snapshot. */
    captured?: Captured;
}

/** One step. */
export interface Step {
    name: string;
    do: (capture: Capture) => Promise<void>;
    /** Takes the step back, whether it was done, half done or not done at all. */
    undo?: (interrupted: Interrupted) => Promise<void>;
    /** Whether the node is put back in service by undoing it, rather than that the result is thrown away. */
    always?: boolean;
}

/** Every step of a capture. To end one, well or not, is to undo them from the last to the first. */
export const STEPS: Step[] = [
    { name: "journal", do: writeJournal, undo: removeJournal, always: true },
    { name: "keep from scale-down", do: disableScaleDown, undo: restoreScaleDown, always: true },
    { name: "cordon", do: cordon, undo: uncordon, always: true },
    { name: "drain", do: drainNode },
    { name: "clean and power off", do: clean, undo: startAgain, always: true },
    { name: "snapshot", do: snapshot, undo: dropSnapshot },
];

/** Only if the node is still what the journal says: nobody has cordoned or captured it meanwhile. */
async function writeJournal({ cluster, target, journal, resourceVersion }: Capture): Promise<void> {
    const annotations = { [JOURNAL]: formatJournal(journal) };
    await patchNode(cluster, target.node, { metadata: { resourceVersion, annotations } });
}

async function removeJournal({ cluster, target }: Interrupted): Promise<void> {
    await patchNode(cluster, target.node, { metadata: { annotations: { [JOURNAL]: null } } });
}

async function disableScaleDown({ cluster, target }: Capture): Promise<void> {
    await patchNode(cluster, target.node, { metadata: { annotations: { [SCALE_DOWN_DISABLED]: "true" } } });
}

async function restoreScaleDown({ cluster, target, journal }: Interrupted): Promise<void> {
    const annotations = { [SCALE_DOWN_DISABLED]: journal.scaleDownDisabled ?? null };
    await patchNode(cluster, target.node, { metadata: { annotations } });
}

async function cordon({ cluster, target }: Capture): Promise<void> {
    await patchNode(cluster, target.node, { spec: { unschedulable: true } });
}

async function uncordon({ cluster, target, journal }: Interrupted): Promise<void> {
    if (!journal.cordoned) {
        await patchNode(cluster, target.node, { spec: { unschedulable: null } });
    }
}

async function drainNode({ cluster, target, settings, signal, say }: Capture): Promise<void> {
    const progress = (left: number) => say(left === 1 ? "draining, 1 pod to go" : `draining, ${left} pods to go`);
    await drain(cluster, { node: target.node, ...settings, signal, progress });
}

async function clean({ cluster, vm, target, journal, settings, signal, say }: Capture): Promise<void> {
    say("cleaning the disk and powering off");
    const { node, version } = target;
    const { namespace } = journal;
    await cleanAndPowerOff(cluster, vm, { node, version, namespace, image: settings.cleanerImage }, signal);
}

/** First of all the pod goes: on a node that comes up with it still there, it would clean and power off once more. */
async function startAgain({ cluster, vm, target, journal, say }: Interrupted): Promise<void> {
    const { node, version } = target;
    const pod = await deletePod(cluster, vm, { node, version, namespace: journal.namespace });
    if (pod === "unknown") {
        // It may have triggered the power-off that Azure has yet to notice.
        await until({ limit: NOTICE_LIMIT }, async () => ((await vm.power()) === "running" ? undefined : true));
    }
    if (pod === "none" && (await vm.power()) === "running") {
        return;
    }
    const before = await readNode(cluster, node);
    const started = await startVm(vm, say);
    say("waiting until the node is Ready");
    const ready = await until({ limit: READY_LIMIT }, async () => {
        const now = await readNode(cluster, node);
        return now && (started && before ? isReadyAgain(now, before) : isReady(now)) ? true : undefined;
    });
    if (!ready) {
        throw new UserError(
            `node ${node} was not Ready ${READY_LIMIT / MINUTE} minutes after its VM (instance ${target.instanceId}) had started; look at ` +
                "its boot diagnostics in Azure",
        );
    }
}

/** @returns whether the VM had to be started */
async function startVm(vm: Vm, say: Interrupted["say"]): Promise<boolean> {
    let started = false;
    const running = await until({ limit: RUNNING_LIMIT }, async () => {
        const power = await vm.power();
        if (isOff(power)) {
            say("starting the VM");
            started = true;
            await vm.start();
            return undefined;
        }
        // Stopping or starting: it is on its way to one of the two that can be told.
        started ||= power !== "running";
        return power === "running" ? true : undefined;
    });
    if (!running) {
        throw new UserError(`the VM did not run ${RUNNING_LIMIT / MINUTE} minutes after it was to be started`);
    }
    return started;
}

async function snapshot(capture: Capture): Promise<void> {
    const { target, journal, disk, signal, say } = capture;
    say("taking a snapshot of the OS disk");
    const { id: diskId, location, patched } = disk;
    const of = { resourceGroup: journal.resourceGroup, diskId, location, patched };
    capture.captured = await takeSnapshot(target, of, { limit: SNAPSHOT_LIMIT, signal });
}

async function dropSnapshot({ target, journal }: Interrupted): Promise<void> {
    await deleteSnapshot(target, journal.resourceGroup);
}
