// Renders the report of a run: pools as a table, then the diff. Markdown that reads well as plain text too. Pure.
import { createHash } from "node:crypto";
import { safeToPrint, truncate } from "../components/core/text";
import { hasChanges, type PoolLine, type Summary } from "./events";

/** The facts that a report shows. */
export interface ReportInput {
    stack: string;
    mode: "preview" | "up";
    summary: Summary;
    /** The output of pulumi, without colours. */
    diff: string;
    succeeded: boolean;
    /** Of an up that does only what needs no review. */
    upkeep?: Upkeep;
}

/** What such an up has done before its preview, and whether what the preview shows is left for review. */
export interface Upkeep {
    /** Names of nodes that are back in service. */
    restored: string[];
    isLeft: boolean;
}

/**
 * The length that fits everywhere. GitHub allows 65,536 characters in a comment or issue, a ConfigMap a mebibyte; some
 * lines are added to the report later.
 */
const LONGEST = 64_000;
const SHORTEST_DIFF = 4_000;

const LEFT = "Nothing of this is done: it is left for review (`--upkeep`).";

/** One report in several lengths. */
export interface Report {
    /** The first line. */
    headline: string;
    text: string;
    /** The text without the marker for programs. */
    screen: string;
    /** The same without the diff, for a screen on which pulumi has just printed it. */
    brief: string;
}

/** Renders a report. */
export function renderReport(input: ReportInput): Report {
    const { summary, diff, upkeep } = input;
    const headline = headlineOf(input);
    const facts = [
        `## ${cell(headline)}`,
        upkeep?.isLeft ? LEFT : "",
        list("Nodes restored, after an interrupted capture", upkeep?.restored ?? []),
        table(summary.pools),
        list("Policies violated", summary.violations.mandatory),
        list("Errors", summary.errors),
        list("Warnings", summary.warnings),
        list(
            upkeep
                ? "Nodes to restore, after an interrupted capture"
                : "Nodes restored first, after an interrupted capture",
            summary.pools.flatMap(({ restore }) => restore),
        ),
        list("Advisory policies violated", summary.violations.advisory),
    ];
    const room = LONGEST - facts.join("\n\n").length - marker(input).length;
    const shown = [...facts, fenced(diff, Math.max(SHORTEST_DIFF, room))];
    return { headline, text: joined([...shown, marker(input)]), screen: joined(shown), brief: joined(facts) };
}

function joined(parts: string[]): string {
    return parts.filter((part) => part !== "").join("\n\n") + "\n";
}

/** The part of a report that programs read. */
export interface Marker {
    stack: string;
    /** Whether a preview found changes. */
    hasChanges: boolean;
    /** A hash of the changes, independent of wording. While it stays the same, an earlier review still applies. */
    fingerprint: string;
}

/**
 * Reads a report's marker; undefined when there is none. It is the last one: text from the cluster stands before it.
 * Earlier versions wrote `hasChanges` as `waits`.
 */
export function markerIn(text: string): Marker | undefined {
    const [, json = ""] = [...text.matchAll(/^<!-- kamino: (\{.*\}) -->$/gm)].at(-1) ?? [];
    try {
        const { stack, fingerprint, hasChanges, waits } = JSON.parse(json) as Partial<Marker> & { waits?: boolean };
        const has = hasChanges ?? waits;
        const isMarker = typeof stack === "string" && typeof fingerprint === "string" && typeof has === "boolean";
        return isMarker ? { stack, hasChanges: has, fingerprint } : undefined;
    } catch {
        return undefined;
    }
}

/** Writes the marker as a comment, which Markdown does not show. */
function marker({ stack, summary, succeeded }: ReportInput): string {
    const pools = summary.pools.map(({ pool, node, to, restore }) => ({ pool, node, to, restore }));
    const facts = JSON.stringify({ pools, changes: summary.changes, mandatory: summary.violations.mandatory });
    const fingerprint = createHash("sha256").update(facts).digest("hex");
    // The stack comes first: deploy/azure-pipelines.yml looks for it.
    const own: Marker = { stack, hasChanges: succeeded && hasChanges(summary), fingerprint };
    // "--" would end the comment early.
    return `<!-- kamino: ${JSON.stringify(own).replaceAll("--", "-\\u002d")} -->`;
}

function headlineOf({ stack, mode, summary, succeeded, upkeep }: ReportInput): string {
    const bumped = summary.pools.filter(isBumped).map(({ pool }) => pool);
    const change = bumped.length > 0 ? `a bump of ${bumped.join(", ")}` : "a change";
    if (!succeeded) {
        return `${stack}: ${mode} failed`;
    }
    if (!hasChanges(summary)) {
        const restored = upkeep?.restored ?? [];
        return restored.length > 0 ? `${stack}: restored ${restored.join(", ")}` : `${stack}: nothing to do`;
    }
    return mode === "preview" || upkeep?.isLeft ? `${stack}: ${change} is pending` : `${stack}: ${change} is done`;
}

/** Whether the pool's image changes. */
function isBumped({ from, to }: PoolLine): boolean {
    return to !== "" && from !== to;
}

function table(pools: PoolLine[]): string {
    if (pools.length === 0) {
        return "";
    }
    const rows = pools.map((line) =>
        [line.pool, line.node || "–", minute(line.rebootNeededAt), image(line), why(line)].map(cell).join(" | "),
    );
    return [
        "| pool | node | reboot need seen (UTC) | image | why |",
        "|---|---|---|---|---|",
        ...rows.map((row) => `| ${row} |`),
    ].join("\n");
}

/** What was decided, which may be days ago, and why nothing else was in this run. */
function why({ explanation, why: now }: PoolLine): string {
    return [explanation, now].filter(Boolean).join("; ") || "–";
}

function image(line: PoolLine): string {
    if (!isBumped(line)) {
        return line.to || "–";
    }
    return line.from === "" ? `first: **${line.to}**` : `${line.from} → **${line.to}**`;
}

function minute(time: string): string {
    return time === "" ? "–" : time.slice(0, 16).replace("T", " ");
}

/** Escapes text from the cluster, so that it cannot end its table cell or list item. */
function cell(text: string): string {
    return safeToPrint(text)
        .replace(/[\r\n]+/g, " ")
        .replace(/\|/g, "\\|")
        .replace(/</g, "&lt;");
}

function list(title: string, items: string[]): string {
    return items.length === 0 ? "" : [`**${title}**`, "", ...items.map((item) => `- ${cell(item)}`)].join("\n");
}

function fenced(diff: string, longest: number): string {
    // A comment in it could be taken for one of the report's own, which programs read.
    const text = safeToPrint(withoutReads(diff))
        .replaceAll("<!--", "<! --")
        .trimEnd()
        .replace(/^(\s*\n)+/, "");
    if (text === "") {
        return "";
    }
    const shown = truncate(text, longest, "\n… cut off; the run's log has it all");
    // A fence longer than any in the text, so that nothing in it can end it.
    const fence = "`".repeat(Math.max(2, ...[...shown.matchAll(/`+/g)].map(([run]) => run.length)) + 1);
    return [`${fence}diff`, shown.split("\n").map(forDiff).join("\n"), fence].join("\n");
}

/**
 * Removes resources that are only read, such as the stack's own outputs: a line with ">", and those indented below it.
 */
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

/**
 * Moves signs to the front, because viewers colour a diff by a line's first character. The dashes before "outputs" are
 * a rule.
 */
function forDiff(line: string): string {
    const sign = /^( +)([+-])(?=[ +-])(?!-outputs:--)/.exec(line);
    return sign ? sign[2] + sign[1] + line.slice(sign[0].length) : line;
}
