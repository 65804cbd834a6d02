// Restoring a node: at the end of every in-place capture, after one that failed, and after one that died.
import { setInterval } from "node:timers";
import type { V1Node } from "@kubernetes/client-node";
import { UserError, oneLine } from "../core/errors";
import { describe, kubernetes, type Kubernetes, type KubernetesSettings } from "../node/kubernetes";
import { info, status } from "../engine/progress";
import { deferSignals } from "../engine/interruption";
import { HEARTBEAT_MS, JOURNAL, formatJournal, parseJournal, removalOf, type Journal } from "./journal";
import { hasGone, watchCapture } from "./captureProcess";
import { checkTarget, type Target } from "./names";
import { readNode, renewAnnotation } from "../node/node";
import { STEPS, dropUnproven, type CleanupContext } from "./steps";
import { scaleSetVm } from "../azure/vm";
import { withRetries } from "../core/retry";
import { Turns } from "../core/turns";
import { elapsed } from "../core/duration";
import { parseProviderId } from "../node/providerId";

/**
 * Cleans up after the steps of a capture from the last to the first, each whether or not it was done.
 *
 * A step that cannot be cleaned up after keeps the journal on the node, for the next run to try again; one whose VM
 * does not come up leaves the node cordoned.
 *
 * @param keep whether the snapshot stays: at the end of a capture that went well
 * @returns why the snapshot was deleted after all; undefined when it stays or was not to stay
 * @throws UserError in one line that says what could not be restored
 */
export async function restoreNode(context: CleanupContext, keep: boolean): Promise<string | undefined> {
    const problems: string[] = [];
    let doubt: string | undefined;
    for (const step of [...STEPS].reverse()) {
        const last = step === STEPS[0];
        if (!step.cleanup || (keep && step.when === "discard") || (last && problems.length > 0)) {
            continue;
        }
        try {
            // As long as the journal is there a later process would look as well.
            doubt ??= last && keep ? await dropUnproven(context) : undefined;
            await withRetries(() => step.cleanup!(context));
        } catch (error) {
            problems.push(`${step.name}: ${oneLine(error)}`);
            // A snapshot that cannot be deleted does not keep the node out of service. Each other step comes before
            // what follows.
            if (step.when === "restore") {
                break;
            }
        }
    }
    if (problems.length > 0) {
        throw new UserError(problems.join("; "));
    }
    return doubt;
}

/** Renews the journal every half minute while `work` goes on, so that nobody takes the capture for dead. */
export async function withHeartbeat<T>(
    { cluster, target, journal }: Pick<CleanupContext, "cluster" | "target" | "journal">,
    work: () => Promise<T>,
): Promise<T> {
    const turns = new Turns();
    const renew = async () => {
        const renewed = () => formatJournal({ ...journal, heartbeatAt: new Date().toISOString() });
        // An API server that is away for a while is not a reason to stop.
        await renewAnnotation(cluster, target.node, JOURNAL, renewed).catch(() => undefined);
    };
    // One that takes long is not followed by all that were due meanwhile, and nobody waits for it: one that comes late
    // changes nothing.
    const timer = setInterval(() => void (turns.busy || turns.next(renew)), HEARTBEAT_MS);
    try {
        return await work();
    } finally {
        clearInterval(timer);
    }
}

/** The journal that a node carries: none, one that no capture wrote, or a capture's. */
function journalOf(node: V1Node): Journal | "none" | "unusable" {
    const annotation = node.metadata?.annotations?.[JOURNAL];
    return annotation === undefined ? "none" : (parseJournal(annotation) ?? "unusable");
}

/** What a journal is about, with the VM as the node itself names it. */
async function contextOf(
    cluster: Kubernetes,
    node: V1Node,
    journal: Journal,
    say: CleanupContext["say"],
): Promise<CleanupContext> {
    const name = node.metadata?.name ?? "";
    const instance = parseProviderId(node.spec?.providerID);
    if (!instance) {
        throw new UserError(
            `node ${name} is not a VM of a scale set (spec.providerID ${JSON.stringify(node.spec?.providerID ?? "")})`,
        );
    }
    const target: Target = { pool: journal.pool, version: journal.version, node: name, ...instance };
    checkTarget(target);
    return { target, cluster, vm: await scaleSetVm(instance.scaleSetId, instance.instanceId), journal, say };
}

/**
 * Restores nodes that captures which died left out of service, one after the other, and says so of each.
 *
 * @throws UserError in one line for the first that cannot be restored
 */
export async function recoverNodes(pool: string, nodes: string[], settings: KubernetesSettings): Promise<void> {
    for (const node of nodes) {
        if (await recoverNode(node, settings)) {
            await info(`${pool}: node ${node} is back in service after a capture that was interrupted`);
        }
    }
}

/**
 * Restores a node that a capture which died left out of service, as far as its journal says: VM started, Ready, as
 * schedulable and annotated as before, the capture's pods and its snapshot deleted. Does nothing when the node has
 * gone, carries no journal, or when the capture that wrote it is still alive.
 *
 * @returns whether there was something to restore
 * @throws UserError in one line that says what could not be restored, and what to do
 */
export async function recoverNode(name: string, settings: KubernetesSettings): Promise<boolean> {
    const cluster = await kubernetes(settings);
    try {
        const say = (doing: string) => void status(`node ${name}: ${doing}`);
        const capture = await watchNode(() => readNode(cluster, name), say);
        if (capture.fate !== "dead") {
            await (capture.fate === "working" &&
                info(`node ${name}: its capture by another run goes on, and it is left alone`));
            return false;
        }
        await restoreAbandoned(cluster, capture.found.node, capture.found.journal, false);
        return true;
    } catch (error) {
        throw new UserError(
            `node ${name} was left by an interrupted capture and cannot be restored: ` +
                (error instanceof UserError ? error.message : describe(error, cluster.server)),
        );
    }
}

/**
 * Watches a node until it is known what became of the capture that its journal tells of.
 *
 * @param read the node; undefined when it has gone
 * @param limit for how long a capture that is at work is waited for, in milliseconds; not at all if left out
 * @throws UserError in one line when the annotation is not a journal that a capture wrote
 */
export function watchNode(
    read: () => Promise<V1Node | undefined>,
    say: (doing: string) => void,
    limit?: number,
): ReturnType<typeof watchCapture<{ node: V1Node; journal: Journal }>> {
    return watchCapture(async () => {
        const node = await read();
        const journal = node ? journalOf(node) : "none";
        if (!node || journal === "none") {
            return undefined;
        }
        if (journal === "unusable") {
            throw new UserError(
                `annotation ${JOURNAL} is not one that a capture wrote; look at the node, then remove it with ` +
                    removalOf(node.metadata?.name ?? ""),
            );
        }
        if (!hasGone(journal)) {
            say(`waiting for another capture of it, of version ${journal.version} by ${journal.host}`);
        }
        return { node, journal };
    }, limit);
}

/** Restores a node whose capture has died; a signal does not cut it off. */
export async function restoreAbandoned(
    cluster: Kubernetes,
    node: V1Node,
    journal: Journal,
    keep: boolean,
): Promise<void> {
    const begun = Date.now();
    const { pool } = journal;
    const name = node.metadata?.name;
    const say = (doing: string) =>
        void status(`${pool}: restoring node ${name}: ${doing} (${elapsed(Date.now() - begun)})`);
    const context = await contextOf(cluster, node, journal, say);
    const doubt = await deferSignals(() => restoreNode(context, keep));
    if (doubt) {
        await info(`${pool}: node ${name}: ${doubt}`);
    }
}
