// What the engine calls for an OsDiskCapture; loaded by the thin shell in ../engine.
import type { dynamic } from "@pulumi/pulumi";
import { UserError } from "../core/errors";
import { captureOsDisk } from "./run";
import { checkTarget } from "./names";
import type { OsDiskCaptureInputs } from "./osDiskCapture";
import type { Captured } from "./snapshot";
import { deleteSource } from "./source";
import { rememberCapture } from "./usual";

type State = OsDiskCaptureInputs & Captured;

export { configureFromStack as configure } from "../azure/settings";

/** Looks at names alone: what they stand for is looked at when the capture begins. */
export function check(_olds: State, news: OsDiskCaptureInputs): Promise<dynamic.CheckResult<OsDiskCaptureInputs>> {
    try {
        checkTarget(news);
        return Promise.resolve({ inputs: news });
    } catch (error) {
        if (!(error instanceof UserError)) {
            throw error;
        }
        return Promise.resolve({ inputs: news, failures: [{ property: "node", reason: error.message }] });
    }
}

/** What makes it another disk. Settings change nothing of a disk that is captured already. */
const IDENTITY = ["version", "node", "instanceId", "scaleSetId"] as const;

/**
 * A new capture for another disk or version; else nothing. The engine has each capture of the state compared, before a
 * new one begins: so how long they took is known by then.
 */
export function diff(_id: string, olds: State, news: OsDiskCaptureInputs): Promise<dynamic.DiffResult> {
    rememberCapture(olds);
    const same = (name: (typeof IDENTITY)[number]) => olds[name].toLowerCase() === news[name].toLowerCase();
    const replaces = IDENTITY.filter((name) => !same(name));
    return Promise.resolve({ changes: replaces.length > 0, replaces });
}

/** Captures the disk; minutes, in which the node is out of service if that is done in place. */
export async function create(inputs: OsDiskCaptureInputs): Promise<dynamic.CreateResult<State>> {
    const captured = await captureOsDisk(inputs);
    return { id: captured.snapshotId, outs: { ...inputs, ...captured } };
}

/** The state as it is: the snapshot goes once its image exists, which is not drift. */
export function read(id: string, props: State): Promise<dynamic.ReadResult<State>> {
    return Promise.resolve({ id, props });
}

/** Never called with anything to do, since no change is an update. */
export function update(_id: string, olds: State, news: OsDiskCaptureInputs): Promise<dynamic.UpdateResult<State>> {
    const { snapshotId, capturedAt, tookSeconds } = olds;
    return Promise.resolve({ outs: { ...news, snapshotId, capturedAt, tookSeconds } });
}

async function remove(id: string): Promise<void> {
    await deleteSource(id);
}

export { remove as delete };
