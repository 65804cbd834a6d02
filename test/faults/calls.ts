// The remote calls of a run, each under a name that is the same in every run, so that a fault can be put at a certain
// one.

/** One remote call. */
export interface Call {
    service: "Azure" | "Kubernetes";
    method: string;
    /** Without query. */
    path: string;
}

/** Sees every call of a run. While a promise of its is pending, the call waits. */
export interface Watcher {
    before(call: Call): Promise<void> | void;
    after(call: Call): Promise<void> | void;
}

/**
 * A call's name: what differs from run to run (names of nodes, pods, versions, disks, operations) is a `*`.
 * Undefined for what is not a step of a bump: signing in, polling an operation.
 */
export function nameOf({ service, method, path }: Call): string | undefined {
    if (service === "Azure" && /\/locations\/[^/]+\/\w*operations\//i.test(path)) {
        return undefined;
    }
    const short =
        service === "Azure"
            ? path.replace(/^.*?\/providers\//i, "").replace(/^\/subscriptions\/[^/]+/i, "")
            : path.replace(/^\/apis?\//, "");
    const plain = short
        .split("/")
        .map((part, index, parts) => (isMemberOf(parts[index - 1]) ? "*" : part))
        .join("/");
    return `${service} ${method} ${plain}`;
}

/** Collections, whose members have names that differ. Without case, as Azure compares them. */
const COLLECTIONS = new Set(
    (
        "namespaces nodes pods persistentvolumes persistentvolumeclaims volumeattachments daemonsets virtualmachinescalesets " +
        "virtualmachines galleries images versions disks snapshots locations resourcegroups csidrivers events"
    ).split(" "),
);

function isMemberOf(collection = ""): boolean {
    return COLLECTIONS.has(collection.toLowerCase());
}

/**
 * Counts calls by name: the first of a name is where a fault is put. A run repeats what it waits for, and a fault
 * at a repetition is one at the first of it.
 */
export class Calls implements Watcher {
    readonly seen: string[] = [];
    private armed?: { name: string; phase: "before" | "after"; strike: () => Promise<void> | void };

    /** Forgets what was seen, and puts something at the first call of this name. */
    arm(name: string, phase: "before" | "after", strike: () => Promise<void> | void): void {
        this.seen.length = 0;
        this.armed = { name, phase, strike };
    }

    /** Forgets what was seen and what was armed. */
    clear(): void {
        this.seen.length = 0;
        this.armed = undefined;
    }

    async before(call: Call): Promise<void> {
        const name = nameOf(call);
        if (name !== undefined && !this.seen.includes(name)) {
            this.seen.push(name);
        }
        await this.meet(name, "before");
    }

    async after(call: Call): Promise<void> {
        await this.meet(nameOf(call), "after");
    }

    private async meet(name: string | undefined, phase: "before" | "after"): Promise<void> {
        const armed = this.armed;
        if (armed && armed.name === name && armed.phase === phase) {
            this.armed = undefined;
            await armed.strike();
        }
    }
}
