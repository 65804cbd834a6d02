// Renders a recording as an animated SVG: few frames, short pauses, so that the file stays small and a reader stays awake.
//
//     node render.mjs FILE.cast FILE.svg
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";

const { render } = createRequire(import.meta.url)("svg-term");

/** Output within this time is one frame, in seconds. */
const FRAME = 0.5;
/** A frame adds at most so many lines; more of them scroll by, one frame after the other. */
const LINES = 16;
/** Time between frames that scroll, in seconds. */
const SCROLL = 0.8;
/** Longest pause between two frames, in seconds. */
const PAUSE = 1.5;
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

/** Output that came together, with the time at which it began. */
const bursts = [];
for (const [at, , data] of events.filter(([, kind]) => kind === "o")) {
    const burst = bursts.at(-1);
    if (burst && at - burst.at < FRAME) {
        burst.data += data;
    } else {
        bursts.push({ at, data });
    }
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
        frames.push([time, "o", lines.slice(from, from + LINES).join("")]);
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
