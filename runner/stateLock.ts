// Tells a stale lock on the stack's state from a live one. Pure.
//
// Pulumi's file and blob backends lock a stack during an update. The lock is a small file with user, host, process id
// and time. A run that is killed leaves it behind. The engine then refuses every update and prints what the file says.
// Source of the message: pulumi pkg/backend/diy/lock.go.

/** One lock, as the engine prints it. */
export interface Lock {
    user: string;
    host: string;
    pid: number;
    /** RFC 3339. */
    since: string;
}

const LOCKED = "the stack is currently locked by";
const LOCK = /: created by (.*)@(\S+) \(pid (\d+)\) at (\S+)/;

/** Finds the locks because of which an update was refused; none when it failed for another reason, or did not fail. */
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

/** What `staleReason` needs to know about this host and the cluster. */
export interface LockProbe {
    /** The host of this run, where its name proves anything. In a pod it is the pod's name. */
    host: string | undefined;
    /** Whether a process of this host exists and may be pulumi. */
    isRunning: (pid: number) => boolean;
    /** In the cluster: whether the run of this pod has ended for certain. */
    hasEnded: (pod: string) => Promise<boolean>;
}

/** Where a run is, as far as it decides what its host's name proves. */
export interface RunPlace {
    host: string;
    env: NodeJS.ProcessEnv;
    /** Whether a process that does not exist here does not exist on the machine. */
    seesAllProcesses: boolean;
    /** Whether it is the pod of a schedule, whose name no other one has, and which holds the Lease. */
    isScheduled: boolean;
}

/**
 * The name of this host, unless another machine or container may have it as well: then a process that is not here may
 * be alive there. A lock has nothing else of its machine, such as the id of its boot.
 *
 * The machines of CI services are made of one image and may share its name. A container has its own processes, and with
 * the network of its host that one's name.
 */
export function knownHost({ host, env, seesAllProcesses, isScheduled }: RunPlace): string | undefined {
    // Each service writes "true" in its own capitals.
    const isOfService = [env.GITHUB_ACTIONS, env.TF_BUILD].some((value) => value?.toLowerCase() === "true");
    const isOwn = !isOfService && seesAllProcesses && host !== "localhost";
    return isScheduled || isOwn ? host : undefined;
}

/**
 * Says in a few words why a lock is stale; undefined when a live run holds it or nobody can tell.
 *
 * A lock of this host is stale when its process is gone, if the host's name is known to be its own. A lock of another
 * host is stale when that host is a pod whose run has ended. Age proves nothing, because an image takes an hour and
 * more.
 */
export async function staleReason(lock: Lock, { host, isRunning, hasEnded }: LockProbe): Promise<string | undefined> {
    if (lock.host === host) {
        return isRunning(lock.pid) ? undefined : `process ${lock.pid} on this host is gone`;
    }
    return (await hasEnded(lock.host)) ? `the pod ${lock.host} has ended` : undefined;
}

/** The message for locks that this run must not cancel. */
export function lockedMessage(locks: Lock[]): string {
    const holders = locks.map(({ user, host, pid, since }) => `${user}@${host} (pid ${pid}) since ${since}`);
    return (
        `the stack's state is locked by ${holders.join(", ")}; wait for that run to end, ` +
        "or run pulumi cancel when you know that it is dead"
    );
}
