// Whether a lock on the stack's state is held by a live run or left over from one that was killed. Pure.
//
// Pulumi's file and blob backends lock a stack for an update by a small file that says who: user, host, process id, time. A
// run that is killed outright leaves it behind. The engine then refuses, and prints what the file says.
// Source of the message: pulumi pkg/backend/diy/lock.go.

/** One lock, as the engine told of it. */
export interface Lock {
    user: string;
    host: string;
    pid: number;
    /** RFC 3339. */
    since: string;
}

const LOCKED = "the stack is currently locked by";
const LOCK = /: created by (.*)@(\S+) \(pid (\d+)\) at (\S+)/;

/** The locks that kept an update from starting; empty when it failed for another reason, or did not fail. */
export function locksIn(output: string): Lock[] {
    if (!output.includes(LOCKED)) {
        return [];
    }
    return output
        .slice(output.indexOf(LOCKED))
        .split("\n")
        .flatMap((line) => {
            const match = LOCK.exec(line);
            return match ? [{ user: match[1], host: match[2], pid: Number(match[3]), since: match[4] }] : [];
        });
}

/** What is needed to tell. */
export interface Witness {
    /** The host that this runs on. In a pod that is the pod's name. */
    host: string;
    /** Whether a process of this host is there, and may be pulumi. */
    isRunning: (pid: number) => boolean;
    /** In the cluster: whether the run of this pod has ended for certain. */
    hasEnded: (pod: string) => Promise<boolean>;
}

/**
 * Why a lock is stale, in a few words; undefined when it is held by a live run or nobody can tell.
 *
 * Of this host: its process is gone. Of another: it is the name of a pod whose run has ended. Age alone proves nothing: making
 * an image takes an hour and more.
 */
export async function staleBecause(lock: Lock, { host, isRunning, hasEnded }: Witness): Promise<string | undefined> {
    if (lock.host === host) {
        return isRunning(lock.pid) ? undefined : `process ${lock.pid} on this host is gone`;
    }
    return (await hasEnded(lock.host)) ? `the pod ${lock.host} has ended` : undefined;
}

/** What to tell a person of a lock that is not ours to release. */
export function heldBy(locks: Lock[]): string {
    const holders = locks.map(({ user, host, pid, since }) => `${user}@${host} (pid ${pid}) since ${since}`);
    return (
        `the stack's state is locked by ${holders.join(", ")}; wait for that run to end, ` +
        "or release it with pulumi cancel when you know that it is dead"
    );
}
