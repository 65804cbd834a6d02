// kured's lock where it stands, an annotation of a DaemonSet: taking a place in it, renewing it, giving it up.
import { randomInt } from "node:crypto";
import { PatchStrategy, setHeaderOptions } from "@kubernetes/client-node";
import { asMinute } from "../core/duration";
import { UserError, statusOf } from "../core/errors";
import { rest, withRetries } from "../core/retry";
import { readDaemonSetWithTime, toUserError } from "./kuredCluster";
import type { Kured } from "./kuredDaemonSet";
import { entryOf, isExpired, releaseLock, takeLock, type LockEntry } from "./kuredLockValue";
import type { Kubernetes } from "./kubernetes";
import { NODE_NAME_FORMAT } from "./nodeName";

/** What one look at the lock came to. */
export type Look = "acquired" | "absent" | { held: LockEntry[]; now: Date };

// The DaemonSet's controller writes it as well, at every change of a pod of kured's.
const CONFLICTS = 50;
const CONFLICT_PAUSE_MS = 200;

/** The lock's annotation, written only as the API server last gave it out. */
export class KuredAnnotation {
    readonly where: string;
    /** The command that removes the lock, for messages. */
    readonly removal: string;
    /** Every `created` that this run has tried to write: an answer may have been lost. */
    private readonly written = new Set<string>();

    constructor(
        private readonly cluster: Pick<Kubernetes, "apps" | "config" | "server">,
        private readonly kured: Kured,
    ) {
        const { lockNamespace, lockName, lockAnnotation } = kured.options;
        this.where = `${lockNamespace}/${lockName}`;
        this.removal = `kubectl -n ${lockNamespace} annotate daemonset ${lockName} ${lockAnnotation}-`;
    }

    /**
     * Takes a place, or renews the one that this run has.
     *
     * @param holder the pools that it is for, as `lockHolder` writes them
     */
    async take(holder: string): Promise<Look> {
        const { concurrency } = this.kured.options;
        return this.change((value, now) => {
            const mine = entryOf(holder, now, fraction());
            const attempt = takeLock(value, concurrency, mine, this.written, now);
            if (attempt.kind === "unusable") {
                throw new UserError(
                    `kured's lock on DaemonSet ${this.where} is not one that kured with --concurrency=${concurrency} can read, so ` +
                        `kured reboots nothing; look at it, then remove it with ${this.removal}`,
                );
            }
            if (attempt.kind === "held") {
                return { result: { held: attempt.by, now } };
            }
            this.written.add(mine.created);
            return { result: "acquired", write: attempt.value };
        });
    }

    /**
     * Renews the place.
     *
     * @throws UserError in one line when somebody else has the lock now, or the API server refuses
     */
    async renew(holder: string): Promise<void> {
        const look = await this.take(holder);
        if (look === "absent") {
            throw new UserError(`DaemonSet ${this.where} with kured's lock has gone`);
        }
        if (look !== "acquired") {
            throw new UserError(
                `kured's lock on DaemonSet ${this.where} was lost: it is held by ${describeHolders(look)}`,
            );
        }
    }

    /** Removes this run's entry and no other. */
    async release(): Promise<void> {
        await this.change((value) => ({
            result: "acquired",
            write: releaseLock(value, this.written),
        }));
    }

    /**
     * Reads the annotation and writes what is made of it, if the DaemonSet is still as it was read; else reads it
     * again.
     *
     * @param decide what the value becomes, with the time by the API server: null removes it, undefined leaves it
     */
    private async change(
        decide: (value: string | undefined, now: Date) => { result: Look; write?: string | null },
    ): Promise<Look> {
        const { lockNamespace: namespace, lockName: name, lockAnnotation } = this.kured.options;
        const { apps, server } = this.cluster;
        try {
            for (let conflicts = 0; ; conflicts++) {
                const found = await readDaemonSetWithTime(this.cluster, { namespace, name });
                if (!found) {
                    return "absent";
                }
                const { annotations = {}, resourceVersion } = found.object.metadata ?? {};
                const value = Object.hasOwn(annotations, lockAnnotation) ? annotations[lockAnnotation] : undefined;
                const { result, write } = decide(value, found.now);
                if (write === undefined) {
                    return result;
                }
                const body = { metadata: { resourceVersion, annotations: { [lockAnnotation]: write } } };
                const options = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
                try {
                    await withRetries(() => apps.patchNamespacedDaemonSet({ namespace, name, body }, options));
                    return result;
                } catch (error) {
                    if (statusOf(error) !== 409 || conflicts === CONFLICTS) {
                        throw error;
                    }
                    await rest(CONFLICT_PAUSE_MS);
                }
            }
        } catch (error) {
            throw toUserError(error, server);
        }
    }
}

/** Six digits of which the last is not 0. */
function fraction(): string {
    return `${String(randomInt(100_000)).padStart(5, "0")}${randomInt(1, 10)}`;
}

/** Who holds places, since when and for how long, for messages. */
export function describeHolders({ held, now }: Exclude<Look, string>): string {
    return held.map((entry) => describeHolder(entry, now)).join(" and ");
}

function describeHolder(entry: LockEntry, now: Date): string {
    const { nodeID, created, TTL = 0 } = entry;
    const since = created === undefined ? "" : ` since ${minute(Date.parse(created))}`;
    // Whoever may write DaemonSets may have written any text.
    const name = NODE_NAME_FORMAT.test(nodeID) ? `node ${nodeID}` : JSON.stringify(nodeID.slice(0, 80));
    if (isExpired(entry, now)) {
        return `${name}${since}, expired: the node's own kured has yet to free the node`;
    }
    return `${name}${since}${TTL > 0 && created ? `, at most until ${minute(Date.parse(created) + TTL / 1e6)}` : ""}`;
}

function minute(moment: number): string {
    const date = new Date(moment);
    return Number.isNaN(date.getTime()) ? "?" : asMinute(date.toISOString());
}
