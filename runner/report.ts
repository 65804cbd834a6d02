// The readable report of a run: pools as a table, then the diff. Markdown, which reads well as plain text too. Pure.
import { createHash } from "node:crypto";
import { waits, type PoolLine, type Summary } from "./events";

export interface ReportInput {
    stack: string;
    mode: "preview" | "up";
    summary: Summary;
    /** What pulumi printed, without colours. */
    diff: string;
    /** Whether it ended well. */
    succeeded: boolean;
}

/** GitHub takes comments and issues of up to 65,536 characters, a ConfigMap a mebibyte: the smaller one holds, less some lines of ours. */
const LONGEST = 64_000;
const SHORTEST_DIFF = 4_000;

/** A report, made. */
export interface Report {
    /** Its first line alone, for where there is room for one. */
    headline: string;
    text: string;
    /** The same for a screen: without what is for programs. */
    screen: string;
    /** And without the diff, where pulumi has just said all that. */
    brief: string;
}

export function report(input: ReportInput): Report {
    const { summary, diff } = input;
    const headline = headlineOf(input);
    const told = [
        `## ${headline}`,
        table(summary.pools),
        list("Policies violated", summary.violations.mandatory),
        list("Errors", summary.errors),
        list(
            "To be put back in service first",
            summary.pools.flatMap(({ restore }) => restore),
        ),
        list("Policies that advise against it", summary.violations.advisory),
    ];
    const room = LONGEST - told.join("\n\n").length - marker(input).length;
    const shown = [...told, fenced(diff, Math.max(SHORTEST_DIFF, room))];
    return { headline, text: joined([...shown, marker(input)]), screen: joined(shown), brief: joined(told) };
}

function joined(parts: string[]): string {
    return parts.filter((part) => part !== "").join("\n\n") + "\n";
}

/** What a report says of itself to programs. */
export interface Marker {
    stack: string;
    waits: boolean;
    /** The same for the same changes, whatever else the texts say: by it, yesterday's review is known to hold today. */
    fingerprint: string;
}

const MARKER = /<!-- kamino: (\{.*\}) -->/;

/** Reads a report's marker; undefined when there is none. */
export function markerIn(text: string): Marker | undefined {
    const match = MARKER.exec(text);
    return match ? (JSON.parse(match[1]) as Marker) : undefined;
}

/** Not shown where Markdown is. */
function marker({ stack, summary, succeeded }: ReportInput): string {
    const pools = summary.pools.map(({ pool, node, to, restore }) => ({ pool, node, to, restore }));
    const facts = JSON.stringify({ pools, changes: summary.changes, mandatory: summary.violations.mandatory });
    const fingerprint = createHash("sha256").update(facts).digest("hex");
    const own: Marker = { stack, waits: succeeded && waits(summary), fingerprint };
    // "--" would end the comment early.
    return `<!-- kamino: ${JSON.stringify(own).replaceAll("--", "-\\u002d")} -->`;
}

function headlineOf({ stack, mode, summary, succeeded }: ReportInput): string {
    const bumped = summary.pools.filter(isBumped).map(({ pool }) => pool);
    const what = bumped.length > 0 ? `a bump of ${bumped.join(", ")}` : "a change";
    if (!succeeded) {
        return `${stack}: ${mode} failed`;
    }
    if (!waits(summary)) {
        return `${stack}: nothing to do`;
    }
    return mode === "preview" ? `${stack}: ${what} waits` : `${stack}: ${what} is done`;
}

/** Whether the pool's image moves. */
export function isBumped({ from, to }: PoolLine): boolean {
    return to !== "" && from !== to;
}

function table(pools: PoolLine[]): string {
    if (pools.length === 0) {
        return "";
    }
    const rows = pools.map((line) =>
        [line.pool, line.node || "–", moment(line.patched), image(line), line.explanation || "–"].map(cell).join(" | "),
    );
    return [
        "| pool | node | patched (UTC) | image | why |",
        "|---|---|---|---|---|",
        ...rows.map((row) => `| ${row} |`),
    ].join("\n");
}

function image(line: PoolLine): string {
    if (!isBumped(line)) {
        return line.to || "–";
    }
    return line.from === "" ? `first: **${line.to}**` : `${line.from} → **${line.to}**`;
}

function moment(patched: string): string {
    return patched === "" ? "–" : patched.slice(0, 16).replace("T", " ");
}

/** What comes from the cluster must not break out of its cell. */
function cell(text: string): string {
    return text
        .replace(/[\r\n]+/g, " ")
        .replace(/\|/g, "\\|")
        .replace(/</g, "&lt;");
}

function list(title: string, items: string[]): string {
    return items.length === 0 ? "" : [`**${title}**`, "", ...items.map((item) => `- ${cell(item)}`)].join("\n");
}

function fenced(diff: string, longest: number): string {
    const text = withoutReads(diff)
        .trimEnd()
        .replace(/^(\s*\n)+/, "");
    if (text === "") {
        return "";
    }
    const shown = text.length > longest ? `${text.slice(0, longest)}\n… cut off; the run's log has it all` : text;
    // A fence longer than any in the text, so that nothing in it can end it.
    const fence = "`".repeat(Math.max(2, ...[...shown.matchAll(/`+/g)].map(([run]) => run.length)) + 1);
    return [`${fence}diff`, shown.split("\n").map(forDiff).join("\n"), fence].join("\n");
}

/** Leaves out what is only read, such as the stack's own last outputs: a line that begins with ">", and those indented below it. */
function withoutReads(diff: string): string {
    let read = Infinity;
    const kept = diff.split("\n").filter((line) => {
        const indentation = line.search(/\S/);
        if (/^ *> \S+: \(read\)/.test(line)) {
            read = indentation;
        } else if (indentation <= read) {
            read = Infinity;
        }
        return read === Infinity;
    });
    return kept.join("\n");
}

/** Viewers colour a diff by a line's first character; pulumi indents its signs. Before "outputs" it writes none, but a rule. */
function forDiff(line: string): string {
    const sign = /^( +)([+-])(?=[ +-])(?!-outputs:--)/.exec(line);
    return sign ? sign[2] + sign[1] + line.slice(sign[0].length) : line;
}
