// The picture of a pool: time from left to right; on top the nodes' reboots, below it a lane for each image with the
// machines that were made from it. Pure.
import { asMinute } from "../../../components/core/duration";
import { AXIS_HEIGHT, axis } from "./axis";
import { frameOf, type Size } from "./geometry";
import { drawLane, HEAD, ROW } from "./lanes";
import { markup, type Markup } from "./markup";
import { rebootBand } from "./reboots";
import type { Timeline } from "./timeline";

const GAP = 10;

/**
 * One picture, with its text for those who cannot see it.
 *
 * @param id distinguishes it from the others of the page
 */
export function picture(pool: string, timeline: Timeline, size: Size, id: string): Markup {
    const frame = frameOf(timeline, size);
    const isAbove = frame.names === 0;
    const hasReboots = timeline.reboots.length > 0;
    const top = AXIS_HEIGHT + (isAbove && hasReboots ? HEAD : 0);
    const band = rebootBand(timeline.reboots, frame, top);
    const title = markup`<text class="strong halo" x="0" y="${isAbove ? top - 6 : top + 13}">Reboots</text>`;
    let y = hasReboots ? top + band.height + GAP : AXIS_HEIGHT;
    const lanes = timeline.lanes.map((lane) => {
        const drawn = drawLane(lane, timeline.from, frame, y, band.places);
        y += drawn.height + GAP;
        return drawn;
    });
    const height = Math.max(y, AXIS_HEIGHT + ROW);
    const [named, described] = [`${id}-title`, `${id}-text`];
    return markup`<svg class="${size}" role="img" aria-labelledby="${named} ${described}" viewBox="0 0 ${frame.width} ${height}">
<title id="${named}">Time line of ${pool}</title>
<desc id="${described}">${inWords(timeline)}</desc>
${lanes.map(({ back }) => back)}${axis(frame, height)}
${lanes.map(({ link }) => link)}
${hasReboots ? title : ""}${band.drawn}
${lanes.map(({ front }) => front)}
</svg>`;
}

/** The same in words. */
function inWords({ from, to, reboots, lanes }: Timeline): string {
    const span = `From ${asMinute(from.toISOString())} to ${asMinute(to.toISOString())}.`;
    const waiting = reboots.filter(({ rebootedAt }) => !rebootedAt).length;
    const seen = `${reboots.length} nodes whose need for a reboot kured has seen, ${waiting} of them still waiting.`;
    const images = lanes.map(({ image, proof, current, planned, machines, ready }) => {
        const said = [proof, current ? "new machines start from it" : ""].filter(Boolean).join(", ");
        const made = planned ? "" : `: ${machines} ${machines === 1 ? "machine" : "machines"}, ${ready} Ready`;
        return `Image ${image}${said && ` (${said})`}${made}.`;
    });
    return [span, seen, ...images, "The tables have it all."].join(" ");
}
