// How a stack's pools stand, as a text for a terminal. Pure.
import { asMinute, roundedDown } from "../../components/core/duration";
import { BASIS, type Forecast } from "./forecast";
import type { NewNodesStatus } from "./newNodes";
import type { ImageStatus, NodeStatus, PoolStatus } from "./show";

/** How parts of the text are set off; on a terminal by colours. */
export interface Emphasis {
    attention(text: string): string;
    heading(text: string): string;
}

const PLAIN: Emphasis = { attention: (text) => text, heading: (text) => text };

/** All pools as a text for a terminal. */
export function render(pools: PoolStatus[], now: Date, emphasis = PLAIN): string {
    return [...pools.map((pool) => renderPool(pool, now, emphasis)), `(What an up would do: ${BASIS}.)`].join("\n\n");
}

/** What an `up` would do, in one line. */
function upLine({ steps, stops }: Forecast): string {
    if (stops !== undefined) {
        return `an up would stop: ${stops}`;
    }
    return `an up would ${steps.length > 0 ? steps.join("; ") : "change nothing"}`;
}

// More than this many nodes are for --json and --html.
const MOST_NODES = 20;

function renderPool(
    { pool, explanation, next, images, nodes, newNodes, attention, unknown }: PoolStatus,
    now: Date,
    to: Emphasis,
) {
    const shown = [...nodes].sort((a, b) => Number(b.candidate) - Number(a.candidate)).slice(0, MOST_NODES);
    const more = nodes.length - shown.length;
    return [
        to.heading(`${pool}: ${explanation}`),
        `  ${upLine(next)}`,
        ...(next.why ? [`  ${next.why}`] : []),
        ...table(IMAGES, images.map(imageRow)),
        ...newNodes.map((each) => `  ${newNodesLine(each, nodes, now)}`),
        ...(nodes.length > 0
            ? table(
                  NODES,
                  shown.map((node) => nodeRow(node, now)),
              )
            : []),
        ...(more > 0 ? [`    and ${more} more: --json and --html show all`] : []),
        ...unknown.map((each) => `  (${each})`),
        ...attention.map((each) => to.attention(`  ! ${each}`)),
    ].join("\n");
}

const IMAGES = ["  image", "age", "machines", "Ready", "proof", "from node"];

function imageRow({ image, state, current, age = "", machines, ready, proof, donor = "" }: ImageStatus): string[] {
    const name = `${current ? "*" : " "} ${image}${state ? ` (${state})` : ""}`;
    return [name, age, String(machines), String(ready), proof ?? "", donor];
}

const NODES = ["  node", "made from image", "Ready for", "need seen", "rebooted", "candidate"];

function nodeRow(node: NodeStatus, now: Date): string[] {
    const { name, image = "", needSeenAt, rebootedAt } = node;
    return [`  ${name}`, image, readyText(node, now), minute(needSeenAt), minute(rebootedAt), candidateText(node)];
}

/** For how long a node has been Ready, or how it stands. */
export function readyText({ state, readySince, late }: NodeStatus, now: Date): string {
    if (state === "Ready") {
        return readySince ? roundedDown(Math.max(0, now.getTime() - readySince.getTime())) : "Ready";
    }
    return late ? `${state}, late` : state;
}

/** `new nodes for image V: added (capacity 4 → 5): NAME (Ready for 12m)`. */
export function newNodesLine(
    { image, state, outcome, nodes: names }: NewNodesStatus,
    nodes: NodeStatus[],
    now: Date,
): string {
    const shown = names.map((name) => {
        const node = nodes.find((each) => each.name === name);
        return node ? `${name} (${node.state === "Ready" ? "Ready for " : ""}${readyText(node, now)})` : name;
    });
    const which = shown.length > 0 ? shown.join(", ") : "none is there now";
    return `new nodes for image ${image}: ${state} (${outcome})${state === "not added" ? "" : `: ${which}`}`;
}

/** Whether a node could be taken now, or why not. */
export function candidateText({ candidate, why = "" }: NodeStatus): string {
    return candidate ? "yes" : why;
}

function minute(moment: Date | undefined): string {
    return moment ? asMinute(moment.toISOString()) : "";
}

function table(head: string[], rows: string[][]): string[] {
    const all = [head, ...rows];
    const widths = head.map((_, column) => Math.max(...all.map((row) => row[column].length)));
    return all.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column])).join("  ")}`.trimEnd());
}
