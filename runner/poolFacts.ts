// What a run knows of its pools' images, by the engine's own events. Pure.
import type { EngineEvent, StepEventMetadata } from "@pulumi/pulumi/automation";
import {
    FOREIGN_CHANGES_TYPE,
    INFRASTRUCTURE_REF_TYPE,
    MACHINE_POOL_IMAGE_TYPE,
    NODE_SELECTION_TYPE,
    SCALE_SET_TYPE,
} from "../components/core/resourceTypes";
import type { StoredSelectionState } from "../components/selection/nodeSelection";
import type { SelectionOutcome } from "../components/selection/held";
import { imageVersionOf, nameOf, outcomeIn, templateVersions } from "./events";

/** What is known of one pool; what is left out is not. */
export interface PoolFacts {
    pool: string;
    /** The selection of the pool's node and images, as this version or an earlier one has written it. */
    selection?: StoredSelectionState;
    /** The version that the model points at, after what was done; empty when it is another image. */
    model?: string;
    /** How many changes of the model by somebody else were found. */
    foreignChanges?: number;
    /** What the selection has said of this run, besides what it keeps. */
    outcome?: SelectionOutcome;
}

/** What these events say of each pool, the later ones before the earlier ones. */
export function poolFactsIn(events: EngineEvent[]): PoolFacts[] {
    const steps = events.flatMap(({ resourcePreEvent: before }) => (before ? [before.metadata] : []));
    const versionOf = templateVersions(steps);
    return mergePools(
        events.flatMap((event): PoolFacts[] => {
            const { resourcePreEvent: before, resOutputsEvent: after } = event;
            const outcome = outcomeIn(event);
            if (outcome) {
                return [{ pool: outcome.pool, outcome }];
            }
            const done = after && !after.planning;
            const metadata = before?.metadata ?? (done ? after.metadata : undefined);
            return metadata && metadata.op !== "delete" ? factsOf(metadata, done === true, versionOf) : [];
        }),
    );
}

/** One for each pool: of what is said several times the last. */
export function mergePools(facts: PoolFacts[]): PoolFacts[] {
    const pools = new Map<string, PoolFacts>();
    facts.forEach((one) => pools.set(one.pool, { ...pools.get(one.pool), ...one }));
    return [...pools.values()];
}

function factsOf(
    { type, urn, old, new: planned }: StepEventMetadata,
    done: boolean,
    versionOf: ReturnType<typeof templateVersions>,
): PoolFacts[] {
    const pool = nameOf(urn);
    switch (type) {
        case NODE_SELECTION_TYPE:
            return [{ pool, selection: (planned?.inputs ?? {}) as StoredSelectionState }];
        case FOREIGN_CHANGES_TYPE:
            return [{ pool, foreignChanges: Object.keys((planned?.inputs.changes ?? {}) as object).length }];
        case SCALE_SET_TYPE:
        case MACHINE_POOL_IMAGE_TYPE:
        case INFRASTRUCTURE_REF_TYPE: {
            // Until it is written the model is what the last run has left. Before the adoption it is unknown.
            const state = done ? planned : old;
            return state ? [{ pool, model: imageVersionOf(state.inputs, versionOf) ?? "" }] : [];
        }
        default:
            return [];
    }
}
