// Declares the nodes that are added after a bump, where the pool's configuration wants some.
import * as pulumi from "@pulumi/pulumi";
import type { PreviousPool } from "../../policies/contract";
import { imageDefinitionId, versionIn } from "../azure/ids";
import { compareVersions, includesVersion, sameVersion } from "../core/version";
import type { Choice } from "../selection/nodeSelection";
import { lineBefore } from "./newNodes";
import { NewUpdatedNodes } from "./newUpdatedNodes";
import type { Pool } from "./pool";

/** What tells whether this run is the bump of a version. */
export interface BumpFacts {
    /** What the stack's last successful update said of the pool. */
    previous: PreviousPool;
    /** The version that the model is written with; left out where it is not written. */
    written?: string;
    /** The versions that the stack keeps. */
    choices: Choice[];
    imageDefinitionId: string;
    /** The version that the configuration pins. */
    pin?: string;
}

/**
 * Whether a run points the model at a version that this stack has newly made: not at one that is pinned, gone back to
 * or proven, and not at one that the model pointed at before. The last successful update knows it only from an adoption
 * on, where the model was not this stack's yet; an update that failed or was killed after its bump was not successful.
 * Pure.
 */
export function isBump({ previous, written = "", choices, imageDefinitionId, pin }: BumpFacts): boolean {
    const newest = [...choices].sort((a, b) => compareVersions(a.version, b.version)).at(-1);
    if (pin !== undefined || !newest || newest.proven || !sameVersion(newest.version, written)) {
        return false;
    }
    const { versions = [], model, accepted } = previous;
    const before = versionIn(model?.image, imageDefinitionId) ?? "";
    const isFirstWrite = !accepted && !includesVersion(versions, before);
    return isFirstWrite || !includesVersion(versions, written);
}

/** The versions that nodes are added for: those that the stack keeps of earlier ones, and that of this run's bump. */
export function versionsWithNewNodes(facts: BumpFacts): string[] {
    const { previous, choices, written = "" } = facts;
    const kept = choices.map(({ version }) => version).filter((each) => includesVersion(previous.newNodes ?? [], each));
    return isBump(facts) && !includesVersion(kept, written) ? [...kept, written] : kept;
}

/**
 * Declares them: one resource for each version, which does its work when it is created. Nothing where the setting
 * `newUpdatedNodes` is not there.
 *
 * @param written the scale set, whose model points at the version by then
 * @returns the versions, once their nodes were added
 */
export function declareNewNodes(
    name: string,
    pool: Pool,
    facts: Omit<BumpFacts, "imageDefinitionId" | "pin">,
    { parent, scaleSet }: { parent: pulumi.Resource; scaleSet: pulumi.Resource },
): pulumi.Output<string[]> {
    const { newNodes, selection } = pool.settings;
    if (!newNodes) {
        return pulumi.output([]);
    }
    const definition = imageDefinitionId(pool);
    const versions = versionsWithNewNodes({ ...facts, imageDefinitionId: definition, pin: selection.pin });
    const wanted = { nodes: newNodes.count, maxNodes: newNodes.maximum };
    const known = facts.previous.newNodes ?? [];
    const declared = versions.map((version) => {
        if (!includesVersion(known, version)) {
            sayBefore(name, pool, { ...wanted, version }, parent);
        }
        const at = { scaleSetId: pool.live.id, imageDefinitionId: definition };
        const opts = { parent, dependsOn: [scaleSet] };
        return new NewUpdatedNodes(`${name}-${version}`, { pool: name, version, ...wanted, ...at }, opts);
    });
    return pulumi.all(declared.map(({ id }) => id)).apply(() => versions);
}

/**
 * What a bump adds, by the capacity at the start of this run. It is not an input: the autoscaler would break each plan.
 */
function sayBefore(
    name: string,
    { live }: Pool,
    wanted: Parameters<typeof lineBefore>[0],
    parent: pulumi.Resource,
): void {
    void pulumi.log.info(`${name}: ${lineBefore(wanted, live.sku?.capacity ?? 0, live.tags ?? {})}`, parent);
}
