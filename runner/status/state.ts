// What a stack's state says of its pools. Pure.
import { CAPTURE, IMAGE_VERSION, SELECTION, type PreviousPool } from "../../policies/contract";
import { readState, type NodeSelectionState } from "../../components/selection/nodeSelection";
import { NEW_UPDATED_NODES_TYPE } from "../../components/core/resourceTypes";
import type { NewUpdatedNodesState } from "../../components/pool/newUpdatedNodes";
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
    /** ARM ids, in lower case, of the disks and snapshots that its images were made of; left out without any. */
    sources?: string[];
    /** What was added after bumps, so that images prove themselves; left out where nothing was. */
    newNodes?: AddedNodes[];
}

/** Nodes that were added for a version, or were not, as the stack's state says it. */
export type AddedNodes = Pick<NewUpdatedNodesState, "version" | "added" | "outcome">;

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
        const sources = sourcesOf(name, resources);
        const newNodes = resources
            .filter(({ type }) => type === NEW_UPDATED_NODES_TYPE)
            .map(({ outputs = {} }) => outputs as unknown as NewUpdatedNodesState)
            .filter(({ pool }) => pool === name)
            .map(({ version, added, outcome }) => ({ version, added, outcome }));
        return [
            name,
            {
                output,
                selection: readState(selection?.outputs ?? {}),
                definition: definitionOf(image?.id ?? ""),
                ...(sources.length > 0 && { sources }),
                ...(newNodes.length > 0 && { newNodes }),
            },
        ];
    });
    return new Map(read);
}

/** What a pool's captures gave that have an image: the two resources have one name. */
function sourcesOf(pool: string, resources: StateResource[]): string[] {
    const own = resources.filter(({ parent }) => nameOf(parent ?? "") === pool);
    const images = own.filter(({ type }) => IMAGE_VERSION.test(type)).map(({ urn }) => nameOf(urn));
    return own
        .filter(({ type, urn }) => CAPTURE.test(type) && images.includes(nameOf(urn)))
        .map(({ outputs = {} }) => String(outputs.snapshotId).toLowerCase());
}

/** ARM id of the image definition of a gallery image version; undefined for any other image. */
export function definitionOf(image: string): string | undefined {
    return /^(\/subscriptions\/.+\/galleries\/[^/]+\/images\/[^/]+)\/versions\/[^/]+$/i.exec(image)?.[1];
}
