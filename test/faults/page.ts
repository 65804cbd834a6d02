// The page that tells what was broken and what became of it.
import { FAULTS, type Fault, type Result } from "./matrix";

/** docs/faults.md from the results of a whole run. Pure. */
export function pageOf(results: Result[], calls: string[]): string {
    const faults = Object.keys(FAULTS) as Fault[];
    const cell = (call: string, fault: Fault) => {
        const found = results.find((result) => result.call === call && result.fault === fault);
        return !found ? "" : !found.reached ? "–" : found.survived ? "yes" : "**no**";
    };
    const rows = calls.map((call) => `| \`${call}\` | ${faults.map((fault) => cell(call, fault)).join(" | ")} |`);
    const lost = results.filter(({ survived }) => !survived);
    const reached = results.filter((result) => result.reached);
    return [
        "# What a bump survives",
        "",
        "`make faults` breaks a bump at each of its remote calls in each of these ways. One more `pulumi up` follows. A cell says",
        "*yes* if nothing of kamino's is left on nodes, in Kubernetes or in Azure after it, the pool's capacity is as the",
        "autoscaler set it, and the image of the rebooted node is made; *–* if the run did not come to the call.",
        "",
        `${results.length} cases, ${reached.length} of which came to their call; ${results.length - lost.length} survived.`,
        "",
        "| fault | what is done |",
        "|---|---|",
        ...faults.map((fault) => `| ${fault} | ${FAULTS[fault]} |`),
        "",
        `| call | ${faults.join(" | ")} |`,
        `|---|${faults.map(() => "---").join("|")}|`,
        ...rows,
        "",
        ...(lost.length > 0
            ? [
                  "Not survived:",
                  "",
                  ...lost.map(
                      ({ call, fault, next, leftovers }) =>
                          `- ${fault}, \`${call}\`: the next run: ${next}. ${leftovers.join("; ")}`,
                  ),
                  "",
              ]
            : []),
    ].join("\n");
}
