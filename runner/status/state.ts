// What a stack's state says of its pools. Pure.
import { IMAGE_VERSION, SELECTION, type PreviousPool } from "../../policies/contract";
import { readState, type NodeSelectionState } from "../../components/selection/nodeSelection";
import { nameOf } from "../events";
import type { StateResource } from "../pulumi";

/** One pool in the stack's outputs. */
export interface PoolOutput extends PreviousPool {
    scaleSetId: string;
    version: string;
    versions: string[];
    explanation: string;
}

/** One pool in the stack's state. */
export interface PoolState {
    output: PoolOutput;
    /** What the last selection decided; empty where the state has none. */
    selection: Partial<NodeSelectionState>;
    /** ARM id of the image definition that the stack's images are versions of; undefined while it has none. */
    definition?: string;
}

/** The pools that the stack's last successful update stated, by name; undefined before that. */
export function poolsIn(resources: StateResource[]): Map<string, PoolState> | undefined {
    const { pools } = (resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {}) as {
        pools?: Record<string, PoolOutput>;
    };
    if (!pools) {
        return undefined;
    }
    const read = Object.entries(pools).map(([name, output]): [string, PoolState] => {
        const selection = resources.find(({ type, urn }) => SELECTION.test(type) && nameOf(urn) === name);
        const image = [...resources]
            .reverse()
            .find(({ type, parent }) => IMAGE_VERSION.test(type) && nameOf(parent ?? "") === name);
        return [
            name,
            {
                output,
                selection: readState(selection?.outputs ?? {}),
                definition: definitionOf(image?.id ?? ""),
            },
        ];
    });
    return new Map(read);
}

/** ARM id of the image definition of a gallery image version; undefined for any other image. */
export function definitionOf(image: string): string | undefined {
    return /^(\/subscriptions\/.+\/galleries\/[^/]+\/images\/[^/]+)\/versions\/[^/]+$/i.exec(image)?.[1];
}
