// The marks of a picture. They differ in shape, so that nobody has to tell colours apart. Pure.
import { symbol, symbolCircle, symbolDiamond, symbolSquare, symbolStar, symbolTimes, type SymbolType } from "d3-shape";
import { markup, type Markup } from "./markup";

/** What a mark stands for. */
export type Mark = "need" | "reboot" | "candidate" | "origin" | "planned" | "capture" | "Ready" | "not Ready" | "late";

const SHAPES: Record<Mark, { type: SymbolType; size: number; style: string }> = {
    need: { type: symbolCircle, size: 30, style: "hollow" },
    reboot: { type: symbolCircle, size: 40, style: "ink" },
    candidate: { type: symbolStar, size: 70, style: "accent" },
    origin: { type: symbolDiamond, size: 60, style: "ink" },
    planned: { type: symbolDiamond, size: 60, style: "hollow" },
    capture: { type: symbolSquare, size: 36, style: "ink" },
    Ready: { type: symbolCircle, size: 60, style: "accent" },
    "not Ready": { type: symbolCircle, size: 60, style: "hollow" },
    late: { type: symbolTimes, size: 70, style: "cross" },
};

/** A mark at a place; its title shows where a pointer rests on it. */
export function mark(kind: Mark, x: number, y: number, title = ""): Markup {
    const { type, size, style } = SHAPES[kind];
    const path = symbol(type, size).digits(1)() ?? "";
    const said = title === "" ? "" : markup`<title>${title}</title>`;
    return markup`<path class="mark ${style}" data-mark="${kind}" transform="translate(${x} ${y})" d="${path}">${said}</path>`;
}

/** The sign of the image that new machines start from. */
export function pointerAt(x: number, y: number): Markup {
    return markup`<path class="mark accent" d="M${x} ${y - 5}l8 5-8 5z"/>`;
}

/** What each mark means, in the order of the legend. */
export const MEANINGS: [Mark, string][] = [
    ["need", "need for a reboot seen by kured"],
    ["reboot", "reboot"],
    ["candidate", "reboot of a candidate"],
    ["origin", "reboot that an image is named by"],
    ["planned", "reboot that the next image would be named by"],
    ["capture", "capture of the image"],
    ["Ready", "machine made; its node is Ready"],
    ["not Ready", "machine made; not Ready"],
    ["late", "machine made; not Ready in time"],
];
