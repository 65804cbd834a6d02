// The machines of one image on their lane: one mark each, or their number where several would lie on each other. Pure.
import { asMinute } from "../../../components/core/duration";
import { round, widthOf, type Frame } from "./geometry";
import { markup, type Markup } from "./markup";
import { mark } from "./symbols";
import type { Birth } from "./timeline";

/** Machines that are shown as one. */
interface Cluster {
    births: Birth[];
    /** Their middle. */
    x: number;
    text: string;
    width: number;
}

const MARK_WIDTH = 12;
const GAP = 3;
const STATES: Birth["state"][] = ["Ready", "not Ready", "late"];

/** The states that have a row on a lane, in the rows' order. */
export function statesOf(births: Birth[]): Birth["state"][] {
    return STATES.filter((state) => births.some((birth) => birth.state === state));
}

/** One row: the machines in one state. */
export function birthsRow(births: Birth[], from: Date, frame: Frame, y: number): Markup[] {
    return clustersOf(births, from, frame).map(({ births, x, text, width }) => {
        const [{ state }] = births;
        if (text === "") {
            return mark(state, x, y, titleOf(births));
        }
        const [left, style] = [round(x - width / 2), { Ready: "accent", "not Ready": "hollow", late: "bad" }[state]];
        const rounded = state === "late" ? 2 : 8;
        return markup`<g><title>${titleOf(births)}</title>
<rect class="mark ${style}" data-mark="${state}" x="${left}" y="${y - 8}" width="${round(width)}" height="16" rx="${rounded}"/>
<text class="small on-${style}" text-anchor="middle" x="${x}" y="${y + 4}">${text}</text></g>`;
    });
}

// From left to right; what would touch the cluster before becomes part of it.
function clustersOf(births: Birth[], from: Date, frame: Frame): Cluster[] {
    const clusters: Cluster[] = [];
    for (const birth of births) {
        clusters.push(clusterOf([birth], from, frame));
        while (clusters.length > 1 && edges(clusters.at(-1)!)[0] < edges(clusters.at(-2)!)[1] + GAP) {
            const [one, other] = clusters.splice(-2);
            clusters.push(clusterOf([...one.births, ...other.births], from, frame));
        }
    }
    return clusters;
}

function edges({ x, width }: Cluster): [number, number] {
    return [x - width / 2, x + width / 2];
}

/** Machines from before the picture begins are at its edge, with a sign. */
function clusterOf(births: Birth[], from: Date, { x, left, right }: Frame): Cluster {
    const number = `${births.length}${births[0].state === "late" ? " late" : ""}`;
    const text = births[0].at < from ? `‹ ${number}` : births.length === 1 ? "" : number;
    const width = text === "" ? MARK_WIDTH : widthOf(text) + 10;
    const middle = births.reduce((sum, { at }) => sum + x(at), 0) / births.length;
    const [least, most] = [left - MARK_WIDTH / 2 + width / 2, right + MARK_WIDTH / 2 - width / 2];
    return { births, text, width, x: round(Math.min(Math.max(middle, least), most)) };
}

const MOST_NAMES = 20;

function titleOf(births: Birth[]): string {
    const shown = births.slice(0, MOST_NAMES).map(({ node, at }) => `${node}, made ${asMinute(at.toISOString())}`);
    const more = births.length - shown.length;
    return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join("\n");
}
