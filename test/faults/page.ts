// The page that tells what was broken and what became of it.
import { FAULTS, type Capture, type Fault, type Result } from "./matrix";

/** What became of the bumps of one way of capture. */
export interface Story {
    capture: Capture;
    /** The names of a bump's remote calls, in their order. */
    calls: string[];
    /** How many cases there are, those not yet come to included. */
    cases: number;
    results: Result[];
}

/** docs/faults.md from the results so far. Pure. */
export function pageOf(stories: Story[]): string {
    return [
        "# What a bump survives",
        "",
        "`make faults` breaks a bump at each of its remote calls in each of these ways. One more `pulumi up` follows. A cell says",
        "*yes* if nothing of kamino's is left on nodes, in Kubernetes or in Azure after it, the pool's capacity is as the",
        "autoscaler set it, and the image of the rebooted node is made; *later* if that run has only cleaned up, and a run",
        "makes the image once the node has been Ready for long enough again; *–* if the broken run did not come to the call;",
        "nothing where that was not tried, or cannot happen to such a call.",
        "A call that a run repeats is broken at its first time. A read changes nothing: a kill after it is one before it.",
        "What a killed run holds of kured's lock has run out before the next one, which would wait some minutes for it.",
        "",
        ...stories.map(
            ({ capture, cases, results }) =>
                `- \`capture: ${capture}\`: ${results.length} of ${cases} cases tried, ` +
                `${count(results, "reached")} of which came to their call; ${count(results, "survived")} survived.`,
        ),
        "",
        "| fault | what is done |",
        "|---|---|",
        ...Object.entries(FAULTS).map(([fault, words]) => `| ${fault} | ${words} |`),
        "",
        ...stories.flatMap(sectionOf),
    ].join("\n");
}

function sectionOf({ capture, calls, results }: Story): string[] {
    const faults = Object.keys(FAULTS) as Fault[];
    const cell = (call: string, fault: Fault) => {
        const found = results.find((result) => result.call === call && result.fault === fault);
        return !found ? "" : !found.reached ? "–" : !found.survived ? "**no**" : found.later ? "later" : "yes";
    };
    const lost = results.filter(({ survived }) => !survived);
    return [
        `## \`capture: ${capture}\``,
        "",
        `| call | ${faults.join(" | ")} |`,
        `|---|${faults.map(() => "---").join("|")}|`,
        ...calls.map((call) => `| \`${call}\` | ${faults.map((fault) => cell(call, fault)).join(" | ")} |`),
        "",
        ...(lost.length > 0 ? ["Not survived:", "", ...lost.map(lineOf), ""] : []),
    ];
}

function lineOf({ call, fault, broken, next, leftovers }: Result): string {
    return `- ${fault}, \`${call}\`: the broken run: ${broken}; the next one: ${next}. ${leftovers.join("; ")}`;
}

function count(results: Result[], what: "reached" | "survived"): number {
    return results.filter((result) => result[what]).length;
}
