// Where things are in a picture: its widths, the scale of time, and how many letters fit. Pure.
import { scaleUtc } from "d3-scale";
import { truncate } from "../../../components/core/text";
import type { Timeline } from "./timeline";

/** The two pictures of a pool: beside a column of names, and below its names on a phone. */
export type Size = "wide" | "narrow";

/** A picture's horizontal measures, in pixels. */
export interface Frame {
    size: Size;
    width: number;
    /** Width of the column of names; 0 where names are above. */
    names: number;
    /** The first and the last moment are here. */
    left: number;
    right: number;
    /** Where a moment is. One that is out of the picture is at its edge. */
    x: (moment: Date) => number;
    scale: ReturnType<typeof scaleUtc<number, number>>;
}

const WIDTHS = { wide: 880, narrow: 340 };
const NAMES = { wide: 214, narrow: 0 };
const MARGIN = 12;

export function frameOf({ from, to }: Timeline, size: Size): Frame {
    const [width, names] = [WIDTHS[size], NAMES[size]];
    const [left, right] = [names + MARGIN, width - MARGIN];
    const scale = scaleUtc<number, number>().domain([from, to]).range([left, right]).clamp(true);
    return { size, width, names, left, right, scale, x: (moment) => round(scale(moment)) };
}

export function round(value: number): number {
    return Math.round(value * 10) / 10;
}

/** Pixels that one letter takes at most, for the fonts of `style.ts`. */
export const LETTER = 7.45;
export const SMALL_LETTER = 6.85;

/** How wide a small text is at most. */
export function widthOf(text: string): number {
    return text.length * SMALL_LETTER;
}

/** The text, or as much of it as has room. */
export function fitting(text: string, room: number, letter = LETTER): string {
    return truncate(text, Math.max(1, Math.floor(room / letter)));
}

/**
 * Names as short as tells them apart: without what all have at their beginning, but with six letters at least, which is
 * what Azure gives each machine of a scale set.
 */
export function shortNames(names: string[]): Map<string, string> {
    const common = commonStart(names).length;
    const short = (name: string) => {
        const start = Math.min(common, name.length - 6);
        return start <= 1 ? name : `…${name.slice(start)}`;
    };
    return new Map(names.map((name) => [name, truncate(short(name), 14)]));
}

/** What all names have at their beginning. */
function commonStart(names: string[]): string {
    const [first = "", ...others] = names;
    let common = others.length > 0 ? first.length : Math.max(0, first.length - 6);
    for (const name of others) {
        while (!name.startsWith(first.slice(0, common))) {
            common--;
        }
    }
    return first.slice(0, common);
}
