// What the pool has proven that another pool of the stack waits for. Pure.
import { versionIn } from "../../components/azure/ids";
import { compareVersions } from "../../components/core/version";
import type { CanaryProof } from "../../components/selection/decide";
import { proofOf } from "../../components/selection/proof";
import type { PoolFacts } from "./read";

/** The facts of all pools, each with what its canary has proven: the newest version by machines that are there. */
export function withCanaries(pools: PoolFacts[], now: Date): PoolFacts[] {
    return pools.map((facts) => {
        const canary = pools.find(({ name }) => name === facts.settings?.selection.canary);
        return canary ? { ...facts, canary: provenBy(canary, now) } : facts;
    });
}

function provenBy({ name, settings, machines, definition }: PoolFacts, now: Date): CanaryProof {
    const proven = [...machines].flatMap(([image, made]) => {
        const version = versionIn(image, definition);
        const state = settings && proofOf(made, now, settings.selection).state;
        return version !== undefined && state === "proven" ? [version] : [];
    });
    return { pool: name, proven: proven.sort(compareVersions).at(-1) };
}
