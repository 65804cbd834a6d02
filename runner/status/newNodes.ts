// Nodes that were added after a bump, or are being added, so that an image proves itself (newUpdatedNodes). Pure.
import { sameVersion } from "../../components/core/version";
import { markIn } from "../../components/pool/newNodes";
import type { PoolFacts } from "./read";
import type { NodeStatus } from "./show";

/** What became of an addition for one image. */
export interface NewNodesStatus {
    /** The image version. */
    image: string;
    /** `being added`: the scale set has its mark, and the stack's state does not have it yet. */
    state: "added" | "not added" | "being added";
    /** What became of the capacity, in words. */
    outcome: string;
    /** The machines that are there of it: of those made from the image the first. */
    nodes: string[];
}

/** The additions that the stack's state has, oldest first, and the one that it does not have yet. */
export function newNodesOf({ state, scaleSet }: PoolFacts, nodes: NodeStatus[]): NewNodesStatus[] {
    const { newNodes = [] } = state;
    const mark = markIn(scaleSet?.tags ?? {});
    const known = newNodes.map(({ version, added, outcome }): NewNodesStatus => {
        const made = namesOfMachines(nodes, version);
        // A run that was cut off has added them, and the next one found its mark.
        const before = added === 0 && mark !== undefined && sameVersion(mark.version, version);
        const state = added > 0 || before ? "added" : "not added";
        return { image: version, state, outcome, nodes: before ? made : made.slice(0, added) };
    });
    if (!mark || newNodes.some(({ version }) => sameVersion(version, mark.version))) {
        return known;
    }
    const outcome = `to capacity ${mark.capacity}, by an up that is under way or was cut off`;
    return [
        ...known,
        { image: mark.version, state: "being added", outcome, nodes: namesOfMachines(nodes, mark.version) },
    ];
}

/** Those that were made from an image, the first one first. */
function namesOfMachines(nodes: NodeStatus[], version: string): string[] {
    return nodes
        .filter(({ image = "" }) => sameVersion(image, version))
        .sort((a, b) => Number(a.madeAt ?? 0) - Number(b.madeAt ?? 0))
        .map(({ name }) => name);
}
