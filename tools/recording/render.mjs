// Renders a recording as an animated SVG: few frames, short pauses, so that the file stays small and a reader stays
// awake.
//
//     node render.mjs FILE.cast FILE.svg
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";

const { render } = createRequire(import.meta.url)("svg-term");

/** Lines that are printed within this time are one frame, in seconds. */
const FRAME = 0.7;
/** A frame adds at most this many lines; more of them scroll by, one frame after the other. */
const LINES = 20;
/** Time between frames that scroll, in seconds. */
const SCROLL = 0.7;
/** Longest pause between two frames, in seconds. */
const PAUSE = 1.2;
/** How long the last frame stays before the recording starts again, in seconds. */
const END = 5;
/** Largest file that a README should load, in bytes. */
const LARGEST = 500_000;

const [source, target] = process.argv.slice(2);
// The format: https://docs.asciinema.org/manual/asciicast/v2/
const [header, ...events] = readFileSync(source, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

/** Pulumi's sign of life while nothing happens, and its question for the terminal's background. */
// eslint-disable-next-line no-control-regex
const PROGRESS = /^@ [a-z ]+\.+\r?\n|\u001b\]11;\?\u001b\\/gm;

/** Lines that came together, with the time of the first one. A line counts when it is complete. */
const bursts = [];
let line = "";
for (const [at, , data] of events.filter(([, kind]) => kind === "o")) {
    line += data;
    const end = line.lastIndexOf("\n") + 1;
    const complete = line.slice(0, end).replace(PROGRESS, "");
    line = line.slice(end);
    const burst = bursts.at(-1);
    if (complete !== "" && burst && at - burst.at < FRAME) {
        burst.data += complete;
    } else if (complete !== "") {
        bursts.push({ at, data: complete });
    }
}

/** Colours of the signs of a diff, as pulumi has them on a terminal; without spinners it leaves them out. */
const SIGNS = { "+": 32, "-": 31, "~": 33, "=": 36 };

/** Frames lie side by side: a line ends two columns before the next frame begins. */
const WIDTH = new RegExp(`.{1,${header.width - 2}}`, "gu");

/** Wraps a line and gives it the colour of its sign; the demo's own sentences and commands stand out. */
function paint(text) {
    const sign = /^ *([-+~=]) /.exec(text)?.[1];
    const style = text.startsWith("== ") ? 1 : text.startsWith("$ ") ? 36 : SIGNS[sign];
    const rows = text.trimEnd().match(WIDTH) ?? [""];
    return rows.map((row) => (style === undefined ? row : `\u001b[${style}m${row}\u001b[0m`) + "\r\n").join("");
}

const frames = [];
let time = 0;
let last = 0;
for (const { at, data } of bursts) {
    time += Math.min(at - last, PAUSE);
    last = at;
    const lines = data.split(/(?<=\n)/);
    for (let from = 0; from < lines.length; from += LINES) {
        time += from === 0 ? 0 : SCROLL;
        frames.push([
            time,
            "o",
            lines
                .slice(from, from + LINES)
                .map(paint)
                .join(""),
        ]);
    }
}
frames.push([time + END, "o", ""]);

const svg = render([header, ...frames].map((each) => JSON.stringify(each)).join("\n"), { window: true });
writeFileSync(target, svg);
const { size } = statSync(target);
process.stdout.write(
    `${target}: ${frames.length} frames, ${Math.round(time + END)} s, ${Math.round(size / 1000)} kB\n`,
);
if (size > LARGEST) {
    process.stderr.write(`${target} is larger than ${LARGEST / 1000} kB: raise FRAME\n`);
    process.exitCode = 1;
}
