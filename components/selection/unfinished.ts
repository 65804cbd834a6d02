// Nodes whose capture has not ended: what the journal that they carry says. Pure.
import { hasGone } from "../capture/captureProcess";
import { JOURNAL, looksAbandoned, parseJournal } from "../capture/journal";
import type { ListedNode } from "../node/nodeList";

/** A node that carries the journal of a capture. */
export interface UnfinishedCapture {
    node: string;
    /**
     * "running" in this or another process, "dead" as far as one look tells, or "unusable": not a journal that a
     * capture wrote.
     */
    state: "running" | "dead" | "unusable";
    /** The image version that it was captured for; empty where the journal does not tell. */
    version: string;
    /** Whether the node is cordoned only because of its capture. */
    cordoned: boolean;
}

/** The capture that a node's journal tells of, if it carries one. */
export function unfinishedCapture(
    { name, annotations }: { name: string; annotations: Record<string, string> },
    now: Date,
): UnfinishedCapture | undefined {
    if (!Object.hasOwn(annotations, JOURNAL)) {
        return undefined;
    }
    const journal = parseJournal(annotations[JOURNAL]);
    if (!journal) {
        return { node: name, state: "unusable", version: "", cordoned: false };
    }
    const state = hasGone(journal) || looksAbandoned(journal, now) ? "dead" : "running";
    return { node: name, state, version: journal.version, cordoned: !journal.cordoned };
}

/** A node of which `cordoned` leaves out what a capture that died has left: nobody else wanted it out of service. */
export function withoutOwnCordon<N extends Pick<ListedNode, "name" | "annotations" | "cordoned">>(
    node: N,
    now: Date,
): N {
    const capture = unfinishedCapture(node, now);
    const isOwn = capture?.state === "dead" && capture.cordoned;
    return { ...node, cordoned: node.cordoned && !isOwn };
}
