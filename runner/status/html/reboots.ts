// The nodes' latest reboots: from when kured saw the need to the reboot itself, or until now where it is still to come.
// Pure.
import { asMinute } from "../../../components/core/duration";
import { shortNames, widthOf, type Frame } from "./geometry";
import type { Places } from "./lanes";
import { markup, type Markup } from "./markup";
import { mark } from "./symbols";
import type { Reboot } from "./timeline";

/** What is drawn, and where the reboot of each node is. */
export interface Band {
    height: number;
    drawn: Markup[];
    places: Places;
}

// With more nodes than this names would make the picture too high.
const MOST_NAMED = 14;

interface Bar {
    reboot: Reboot;
    from: number;
    to: number;
    /** Its name, and where that begins. */
    name: string;
    nameAt: number;
    row: number;
}

/** @param top where the band begins */
export function rebootBand(reboots: Reboot[], frame: Frame, top: number): Band {
    const named = reboots.length <= MOST_NAMED;
    const rowHeight = named ? 18 : 8;
    const bars = barsOf(reboots, frame, named);
    const rows = Math.max(0, ...bars.map(({ row }) => row + 1));
    const places: Places = new Map();
    const drawn = bars.map(({ reboot, from, to, name, nameAt, row }) => {
        const { node, rebootedAt, candidate } = reboot;
        const y = top + rowHeight * (row + 0.5);
        places.set(node, { x: to, y });
        return markup`<g><title>${titleOf(reboot)}</title>
<path class="${rebootedAt ? "bar" : "bar waits"}" d="M${from} ${y}H${to}"/>
${mark("need", from, y)}${rebootedAt ? mark(candidate ? "candidate" : "reboot", to, y) : ""}
${named ? markup`<text class="small muted halo" x="${nameAt}" y="${y + 4}">${name}</text>` : ""}</g>`;
    });
    return { height: rows * rowHeight, drawn, places };
}

/** Each in the first row that has room for it. */
function barsOf(reboots: Reboot[], frame: Frame, named: boolean): Bar[] {
    const names = shortNames(reboots.map(({ node }) => node));
    const ends: number[] = [];
    return reboots.map((reboot) => {
        const [from, to] = [frame.x(reboot.needSeenAt), frame.x(reboot.rebootedAt ?? frame.scale.domain()[1])];
        const name = named ? (names.get(reboot.node) ?? "") : "";
        const width = named ? widthOf(name) + 10 : 0;
        // Behind the reboot if it fits there, else before the need, else on the bar.
        const [behind, before] = [to + width <= frame.width, from - width >= 0];
        const nameAt = behind ? to + 10 : before ? from - width : from + 10;
        const [start, end] = [Math.min(nameAt - 4, from - 8), Math.max(to + 8, behind ? to + width + 8 : 0)];
        const free = ends.findIndex((each) => each <= start);
        const row = free === -1 ? ends.length : free;
        ends[row] = end;
        return { reboot, from, to, name, nameAt, row };
    });
}

function titleOf({ node, needSeenAt, rebootedAt, candidate }: Reboot): string {
    const seen = `${node}: need seen ${asMinute(needSeenAt.toISOString())}`;
    const then = rebootedAt ? `rebooted ${asMinute(rebootedAt.toISOString())}` : "waits for its reboot";
    return `${seen}, ${then}${candidate ? "; a candidate" : ""}`;
}
