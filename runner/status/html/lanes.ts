// The lanes of a picture: an image each, with the machines that were made from it. Pure.
import { asMinute } from "../../../components/core/duration";
import { birthsRow, statesOf } from "./births";
import { fitting, LETTER, SMALL_LETTER, type Frame } from "./geometry";
import { markup, type Markup } from "./markup";
import { mark, pointerAt } from "./symbols";
import type { Lane } from "./timeline";

/** Height of one row of marks, and of names that are above a lane. */
export const ROW = 20;
export const HEAD = 20;

/** Where the reboot of each node is drawn. */
export type Places = Map<string, { x: number; y: number }>;

/** A lane, in the order in which its parts cover each other. */
export interface DrawnLane {
    height: number;
    back: Markup | string;
    link: Markup | string;
    front: Markup;
}

/** @param top where the lane begins */
export function drawLane(lane: Lane, from: Date, frame: Frame, top: number, places: Places): DrawnLane {
    const { current, births, machines } = lane;
    const head = frame.names === 0 ? HEAD : 0;
    const states = statesOf(births);
    const twoRows = frame.names > 0 && machines > 0;
    const height = head + ROW * Math.max(1 + states.length, twoRows ? 2 : 1);
    const line = top + head + ROW / 2;
    const rows = states.map((state, index) => {
        const same = births.filter((birth) => birth.state === state);
        return birthsRow(same, from, frame, line + ROW * (index + 1));
    });
    const area = { y: top - 3, width: frame.width, height: height + 6 };
    return {
        height,
        back: current
            ? markup`<rect class="lane" x="0" y="${area.y}" width="${area.width}" height="${area.height}" rx="5"/>`
            : "",
        link: linkTo(lane, frame, line, places),
        front: markup`<g class="${current ? "current" : ""}">${laneHead(lane, frame, top)}
${lifeOf(lane, frame, line)}
${rows}</g>`,
    };
}

/** The image's name and how it stands; beside the lane in two rows, or above it in one. */
function laneHead(lane: Lane, frame: Frame, top: number): Markup {
    const y = top + 14;
    const pointer = lane.current ? pointerAt(3, top + 9) : "";
    return markup`${pointer}${frame.names === 0 ? headAbove(lane, frame, y) : headBeside(lane, frame, y)}`;
}

const INDENT = 16;

function headAbove({ image, proof, machines, ready }: Lane, { right }: Frame, y: number): Markup {
    const name = fitting(image, 170);
    const room = right - 5 - INDENT - name.length * LETTER - 10;
    const said = [proof, machines > 0 ? `${ready} of ${machines} Ready` : ""].filter(Boolean).join(", ");
    return markup`<text class="strong halo" x="${INDENT}" y="${y}">${name}</text>
<text class="small muted halo" text-anchor="end" x="${right - 5}" y="${y}">${fitting(said, room, SMALL_LETTER)}</text>`;
}

// A version's name has as many letters as have room in this.
const VERSION_WIDTH = 112;

function headBeside({ image, proof, machines, ready }: Lane, { names }: Frame, y: number): Markup {
    const name = fitting(image, proof === "" ? names - INDENT : VERSION_WIDTH);
    const x = INDENT + VERSION_WIDTH + 4;
    const beside = fitting(proof, names - x - 2, SMALL_LETTER);
    const counted = `${machines} ${machines === 1 ? "machine" : "machines"}, ${ready} Ready`;
    return markup`<text class="strong" x="${INDENT}" y="${y}">${name}</text>
${proof === "" ? "" : markup`<text class="small muted" x="${x}" y="${y}">${beside}</text>`}
${machines === 0 ? "" : markup`<text class="small muted" x="${INDENT}" y="${y + ROW}">${counted}</text>`}`;
}

// Nearer than this the marks of a reboot and of the capture after it would lie on each other.
const APART = 8;

/** From the reboot that the image is named by to its capture, and on until now. */
function lifeOf(lane: Lane, frame: Frame, y: number): Markup {
    const { rebootedAt, capturedAt, donor, current, planned, image } = lane;
    if (!rebootedAt) {
        return markup`<path class="${current ? "life current" : "life"}" d="M${frame.left} ${y}H${frame.right}"/>`;
    }
    const at = frame.x(rebootedAt);
    const captured = capturedAt && capturedAt >= rebootedAt ? frame.x(capturedAt) : undefined;
    const title = `${image}: named by a reboot at ${asMinute(rebootedAt.toISOString())}${donor ? ` of ${donor}` : ""}`;
    const capture = capturedAt ? `captured ${asMinute(capturedAt.toISOString())}` : "";
    const apart = captured !== undefined && captured - at >= APART;
    return markup`<path class="${current ? "life current" : planned ? "life waits" : "life"}" d="M${at} ${y}H${frame.right}"/>
${mark(planned ? "planned" : "origin", at, y, apart || capture === "" ? title : `${title}, ${capture}`)}
${apart ? mark("capture", captured, y, `${image}: ${capture}`) : ""}`;
}

/** From the donor's reboot down to its image. */
function linkTo({ rebootedAt, donor }: Lane, frame: Frame, y: number, places: Places): Markup | string {
    const place = donor === undefined ? undefined : places.get(donor);
    return place && rebootedAt ? markup`<path class="link" d="M${frame.x(rebootedAt)} ${place.y + 7}V${y - 6}"/>` : "";
}
