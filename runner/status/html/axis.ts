// The axis of time at a picture's top. Pure.
import { widthOf, type Frame } from "./geometry";
import { markup, type Markup } from "./markup";

export const AXIS_HEIGHT = 40;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

interface Tick {
    x: number;
    /** The time of the day, or the day or month where ticks are as far apart as that. */
    text: string;
    /** The day of the first time of each day. */
    day?: string;
}

/** Ticks whose texts do not touch each other or the word `now` at the end. */
function ticksOf({ scale, left, right, size }: Frame): Tick[] {
    const count = size === "wide" ? 7 : 4;
    const moments = scale.ticks(count);
    const step = moments.length > 1 ? moments[1].getTime() - moments[0].getTime() : DAY_MS;
    const form = step < DAY_MS ? "%H:%M" : step < 28 * DAY_MS ? "%-d %b" : "%b %Y";
    const [text, day] = [form, "%-d %b"].map((specifier) => scale.tickFormat(count, specifier));
    let end = left - 12;
    let last = "";
    return moments.flatMap((moment): Tick[] => {
        const shown: Tick = { x: scale(moment), text: text(moment) };
        if (step < DAY_MS && day(moment) !== last) {
            shown.day = day(moment);
        }
        const half = Math.max(widthOf(shown.text), widthOf(shown.day ?? "")) / 2;
        if (shown.x - half < end + 8 || shown.x + half > right - widthOf("now") - 8) {
            return [];
        }
        end = shown.x + half;
        last = shown.day ?? last;
        return [shown];
    });
}

/** The axis, and a line down to the picture's end at each tick. */
export function axis(frame: Frame, height: number): Markup {
    const ticks = ticksOf(frame).map(({ x, text, day }) => {
        const at = x.toFixed(1);
        return markup`<path class="grid" d="M${at} ${AXIS_HEIGHT - 6}V${height}"/>
<text class="small muted" text-anchor="middle" x="${at}" y="${AXIS_HEIGHT - 12}">${text}</text>
${day === undefined ? "" : markup`<text class="small" text-anchor="middle" x="${at}" y="${AXIS_HEIGHT - 27}">${day}</text>`}`;
    });
    const { left, right } = frame;
    return markup`${ticks}
<path class="now" d="M${right} ${AXIS_HEIGHT - 6}V${height}"/>
<text class="small" text-anchor="end" x="${right}" y="${AXIS_HEIGHT - 12}">now</text>
<path class="axis" d="M${left} ${AXIS_HEIGHT - 6}H${right}"/>`;
}
