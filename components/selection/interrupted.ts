// Nodes that a capture which died left out of service: how they are told.
import { JOURNAL, isAbandoned, parseJournal, type Journal } from "../capture/journal";
import type { PoolNode } from "./rules";

type Annotated = Pick<PoolNode, "annotations">;

/** The journal of a capture that died on this node, if there is one. */
function abandoned({ annotations }: Annotated, now: Date): Journal | undefined {
    const journal = Object.hasOwn(annotations, JOURNAL) ? parseJournal(annotations[JOURNAL]) : undefined;
    return journal && isAbandoned(journal, now) ? journal : undefined;
}

/** Whether a cordoned node is so only because of a capture that died: nobody else wanted it out of service. */
export function cordonedByCapture(node: Annotated, now: Date): boolean {
    return abandoned(node, now)?.cordoned === false;
}

/** Names of the nodes that a capture which died left as they were at that moment. */
export function interrupted(nodes: PoolNode[], now: Date): string[] {
    return nodes.filter((node) => abandoned(node, now)).map(({ name }) => name);
}
