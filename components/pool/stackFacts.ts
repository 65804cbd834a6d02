// What this stack knows of itself before anything is read from Azure: what its last successful update said, and what
// its state has.
import * as pulumi from "@pulumi/pulumi";
import { IMAGE_DEFINITION, SCALE_SET, type PreviousPool } from "../../policies/contract";
import { STACK_TAG } from "../azure/tags";
import { includesVersion } from "../core/version";
import type { Pool } from "./pool";
import { readStackState, type StackState, type StateResource } from "../engine/stackState";

/** What a stack knows of itself. */
export interface StackFacts {
    /** Its own name, as in `organization/kamino/prod`. */
    name: string;
    /**
     * What its last successful update said of each pool, by name. Empty on the first run, and after a first run that
     * failed half-way: then pools are adopted again, which changes nothing for those that are in the stack already.
     */
    previous: Map<string, PreviousPool>;
    /** What its state has; undefined where that cannot be read. */
    state?: StackState;
}

/**
 * Reads what a stack knows of itself.
 *
 * @param name its own name, as in `organization/kamino/prod`
 */
export async function readStackFacts(name: string): Promise<StackFacts> {
    const [previous, state] = await Promise.all([previousPools(name), readStackState(name)]);
    return { name, previous, state };
}

async function previousPools(stack: string): Promise<Map<string, PreviousPool>> {
    const reference = new pulumi.StackReference(stack);
    const details = await reference.getOutputDetails("pools");
    return new Map(Object.entries((details.value ?? {}) as Record<string, PreviousPool>));
}

/**
 * What the last update said of a pool. Adopted is only what the state still has: a scale set that has left it
 * (`pulumi state delete`, a state from a backup) would be created, which Azure's provider refuses for ever.
 */
export function previousOf({ previous, state }: StackFacts, { settings, machinePool, machines }: Pool): PreviousPool {
    const said = previous.get(settings.name) ?? {};
    const isDeclared = machinePool === undefined && machines === undefined;
    const hasLeft = state !== undefined && isDeclared && state.find(SCALE_SET, settings.name) === undefined;
    return hasLeft && said.adopted ? { ...said, adopted: false } : said;
}

/** A pool's image definition where this stack declares it, as its state has it. */
export function definitionInState({ state }: StackFacts, pool: string): StateResource | undefined {
    return state?.find(IMAGE_DEFINITION, pool);
}

/**
 * ARM id of the definition that a pool's images were in at the last update. Outputs of earlier versions do not name
 * it: then the state may, or the model that was written.
 */
export function lastDefinition(facts: StackFacts, pool: string): string | undefined {
    const { imageDefinitionId, model, versions = [] } = facts.previous.get(pool) ?? {};
    const inState = definitionInState(facts, pool)?.outputs.id;
    const [, ofModel, version = ""] = /^(.+\/images\/[^/]+)\/versions\/([^/]+)$/i.exec(model?.image ?? "") ?? [];
    return (
        imageDefinitionId ??
        (typeof inState === "string" ? inState : undefined) ??
        (includesVersion(versions, version) ? ofModel : undefined)
    );
}

/**
 * The names by which this stack has marked a resource as its own: the one that it has, and the one that it had when the
 * state was written, from before a `pulumi stack rename`.
 */
export function ownNames({ name }: StackFacts, inState: StateResource | undefined): string[] {
    const tags = inState?.outputs.tags as Record<string, unknown> | undefined;
    const before = tags?.[STACK_TAG];
    return typeof before === "string" ? [name, before] : [name];
}

/** Whether this stack has made a resource, by its tag; by the state where somebody has taken that off. */
export function isMadeHere(
    facts: StackFacts,
    { tags }: { tags?: Record<string, string> },
    inState: StateResource | undefined,
): boolean {
    const tag = tags?.[STACK_TAG];
    return tag === undefined ? inState !== undefined : ownNames(facts, inState).includes(tag);
}
