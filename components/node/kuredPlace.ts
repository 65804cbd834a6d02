// A place in kured's lock while this run has it: for one pool, or for several that go on side by side.
import { setInterval } from "node:timers";
import { oncePer } from "../core/once";
import { Turns } from "../core/turns";
import { KuredAnnotation, type Look } from "./kuredAnnotation";
import type { Kured } from "./kuredDaemonSet";
import { RENEW_LOCK_MS, lockHolder } from "./kuredLockValue";
import type { Kubernetes } from "./kubernetes";

type Cluster = Pick<Kubernetes, "apps" | "config" | "server">;

/**
 * One place in the lock, with the names of the pools that it is for: so that another run takes none of these, also
 * where kured has more places than one.
 */
export class KuredPlace {
    private pools: string[] = [];
    /** What is written must be of the pools as they are. */
    private readonly turns = new Turns();
    private timer?: ReturnType<typeof setInterval>;

    constructor(private readonly annotation: KuredAnnotation) {}

    /** The DaemonSet, as `namespace/name`. */
    get where(): string {
        return this.annotation.where;
    }

    /** The command that removes the lock, for messages. */
    get removal(): string {
        return this.annotation.removal;
    }

    /** Takes the place for a pool, or makes it one for this pool as well. */
    join(pool: string): Promise<Look> {
        return this.turns.next(async () => {
            if (this.pools.includes(pool)) {
                return { held: [{ nodeID: lockHolder(...this.pools) }], now: new Date() };
            }
            const pools = [...this.pools, pool];
            const look = await this.annotation.take(lockHolder(...pools));
            if (look === "acquired") {
                this.pools = pools;
                // An API server that is away for a while is not a reason to stop: the entry lives for minutes without
                // being renewed.
                this.timer ??= setInterval(() => this.renewUnlessBusy(), RENEW_LOCK_MS);
            }
            return look;
        });
    }

    /** What takes long is not followed by all renewals that were due meanwhile: others would wait for these. */
    private renewUnlessBusy(): void {
        if (!this.turns.busy) {
            void this.renew().catch(() => undefined);
        }
    }

    /**
     * Renews the place, and takes it again if it has gone meanwhile. Does nothing once all have left it.
     *
     * @throws UserError in one line when somebody else has the lock now, or the API server refuses
     */
    renew(): Promise<void> {
        return this.turns.next(async () => {
            if (this.pools.length > 0) {
                await this.annotation.renew(lockHolder(...this.pools));
            }
        });
    }

    /** Has the place be for the others alone; the last one gives it back. Does nothing for one that has left. */
    leave(pool: string): Promise<void> {
        return this.turns.next(async () => {
            if (!this.pools.includes(pool)) {
                return;
            }
            this.pools = this.pools.filter((other) => other !== pool);
            if (this.pools.length > 0) {
                await this.annotation.renew(lockHolder(...this.pools));
                return;
            }
            clearInterval(this.timer);
            this.timer = undefined;
            await this.annotation.release();
        });
    }
}

/** The places that pools have together, by cluster, and by the lock and how many places it has. */
const placesTogether = oncePer(
    (cluster: Cluster) => cluster,
    (cluster) =>
        oncePer(
            ({ options: { lockNamespace, lockName, lockAnnotation, concurrency } }: Kured) =>
                [lockNamespace, lockName, lockAnnotation, concurrency].join(" "),
            (kured) => new KuredPlace(new KuredAnnotation(cluster, kured)),
        ),
);

/**
 * A place in the lock of a kured.
 *
 * @param together the one that the pools of this run have together, and not one for itself
 */
export function placeIn(cluster: Cluster, kured: Kured, together = false): KuredPlace {
    return together ? placesTogether(cluster)(kured) : new KuredPlace(new KuredAnnotation(cluster, kured));
}
