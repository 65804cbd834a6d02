// What CAPZ's log says of its looks at a machine pool.

/** One look at a pool's machines, after which CAPZ deletes those that its strategy selects. */
export interface Pass {
    ready: number;
    desired: number;
    /** Machines that are not of the pool's present image. */
    stale: number;
    failed: number;
}

const SELECTING = '"selecting machines to delete"';

/** The passes over a pool in this log, in their order. */
export function passesIn(log: string, pool: string): Pass[] {
    const lines = log.split("\n").filter((line) => line.includes(SELECTING) && text(line, "name") === pool);
    return lines.map((line) => ({
        ready: number(line, "readyMachines"),
        desired: number(line, "desiredReplicaCount"),
        stale: number(line, "machinesWithoutTheLatestModel"),
        failed: number(line, "failedMachines"),
    }));
}

function text(line: string, key: string): string | undefined {
    return new RegExp(` ${key}="([^"]*)"`).exec(line)?.[1];
}

function number(line: string, key: string): number {
    const found = new RegExp(` ${key}=(\\d+)`).exec(line)?.[1];
    if (found === undefined) {
        throw new Error(`CAPZ's log has no ${key} in: ${line}`);
    }
    return Number(found);
}
