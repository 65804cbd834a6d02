// Putting a node back in service: at the end of every capture, after one that failed, and after one that died.
import { setInterval } from "node:timers";
import type { V1Node } from "@kubernetes/client-node";
import { UserError, oneLine } from "../core/errors";
import { describe, kubernetes, type Kubernetes, type KubernetesSettings } from "../node/kubernetes";
import { status } from "../engine/progress";
import { interruptibly } from "./interruption";
import { JOURNAL, SIGN_OF_LIFE_MS, formatJournal, isAbandoned, parseJournal, type Journal } from "./journal";
import { checkTarget, type Target } from "./names";
import { patchNode, readNode } from "../node/node";
import { STEPS, type Interrupted } from "./steps";
import { openVm } from "../azure/vm";
import { persistently } from "../core/retry";
import { elapsed } from "../core/duration";
import { parseProviderId } from "../node/providerId";

/**
 * Undoes the steps of a capture from the last to the first, each whether or not it was done.
 *
 * A step that cannot be undone keeps the journal on the node, for the next run to try again; one whose VM does not come up
 * leaves the node cordoned.
 *
 * @param keepSnapshot at the end of a capture that went well
 * @throws UserError in one line that says what could not be undone
 */
export async function putBack(interrupted: Interrupted, keepSnapshot: boolean): Promise<void> {
    const problems: string[] = [];
    for (const step of [...STEPS].reverse()) {
        const last = step === STEPS[0];
        if (!step.undo || (keepSnapshot && !step.always) || (last && problems.length > 0)) {
            continue;
        }
        try {
            await persistently(() => step.undo!(interrupted));
        } catch (error) {
            problems.push(`${step.name}: ${oneLine(error)}`);
            // A snapshot that cannot be deleted does not keep the node out of service; all else comes before what follows.
            if (step.always) {
                break;
            }
        }
    }
    if (problems.length > 0) {
        throw new UserError(problems.join("; "));
    }
}

/**
 * Renews the journal every half minute while `work` goes on, so that nobody takes the capture for dead.
 */
export async function withSignsOfLife<T>(
    { cluster, target, journal }: Pick<Interrupted, "cluster" | "target" | "journal">,
    work: () => Promise<T>,
): Promise<T> {
    let renewing = Promise.resolve();
    const renew = async () => {
        const annotations = { [JOURNAL]: formatJournal({ ...journal, alive: new Date().toISOString() }) };
        // An API server that is away for a while is no reason to stop.
        await patchNode(cluster, target.node, { metadata: { annotations } }).then(undefined, () => undefined);
    };
    const timer = setInterval(() => {
        renewing = renewing.then(renew);
    }, SIGN_OF_LIFE_MS);
    try {
        return await work();
    } finally {
        clearInterval(timer);
        await renewing;
    }
}

/** The journal that a node carries: none, one that no capture wrote, or a capture's. */
export function journalOf(node: V1Node): Journal | "none" | "unusable" {
    const annotation = node.metadata?.annotations?.[JOURNAL];
    return annotation === undefined ? "none" : (parseJournal(annotation) ?? "unusable");
}

/** What a journal is about, with the VM as the node itself tells it. */
export async function interruptedBy(
    cluster: Kubernetes,
    node: V1Node,
    journal: Journal,
    say: Interrupted["say"],
): Promise<Interrupted> {
    const name = node.metadata?.name ?? "";
    const instance = parseProviderId(node.spec?.providerID);
    if (!instance) {
        throw new UserError(
            `node ${name} is no VM of a scale set (spec.providerID ${JSON.stringify(node.spec?.providerID ?? "")})`,
        );
    }
    const target: Target = { pool: journal.pool, version: journal.version, node: name, ...instance };
    checkTarget(target);
    return { target, cluster, vm: await openVm(instance.scaleSetId, instance.instanceId), journal, say };
}

/**
 * Puts a node back in service that a capture which died left out of it, as far as its journal tells: VM started, Ready, as
 * schedulable and annotated as before, the cleaning pod and the snapshot deleted. Does nothing when the node has gone, carries no
 * journal, or when the capture that wrote it is still alive.
 *
 * @returns whether there was something to put back
 * @throws UserError in one line that says what could not be put back, and what to do
 */
export async function putBackInterrupted(name: string, settings: KubernetesSettings): Promise<boolean> {
    const cluster = kubernetes(settings);
    try {
        const node = await readNode(cluster, name);
        const journal = node ? journalOf(node) : "none";
        if (!node || journal === "none" || (journal !== "unusable" && !isAbandoned(journal, new Date()))) {
            return false;
        }
        if (journal === "unusable") {
            throw new UserError(
                `annotation ${JOURNAL} is not one that a capture wrote; look at the node, then remove it (kubectl annotate node ${name} ${JOURNAL}-)`,
            );
        }
        await putBackDead(cluster, node, journal, false);
        return true;
    } catch (error) {
        throw new UserError(
            `node ${name} was left by an interrupted capture and cannot be put back: ` +
                (error instanceof UserError ? error.message : describe(error, cluster.server)),
        );
    }
}

/** Puts back what a dead capture left; cannot be cut off by a signal. */
export async function putBackDead(
    cluster: Kubernetes,
    node: V1Node,
    journal: Journal,
    keepSnapshot: boolean,
): Promise<void> {
    const begun = Date.now();
    const { pool } = journal;
    const name = node.metadata?.name;
    const say = (doing: string) =>
        void status(`${pool}: putting node ${name} back: ${doing} (${elapsed(Date.now() - begun)})`);
    const interrupted = await interruptedBy(cluster, node, journal, say);
    await interruptibly(() => putBack(interrupted, keepSnapshot));
}
