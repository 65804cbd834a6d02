// The report of a run that failed before it had one: without it the last report, of a success, would stay.
import { UserError, oneLine } from "../components/core/errors";
import { ReportFileError, deliver, deliverLastError } from "./deliver";
import { LeaseHeldError } from "./lease";
import { EXIT, type Options } from "./options";
import { kubeConfigOf, podFrom } from "./pod";
import { renderReport } from "./report";

/**
 * Delivers why a run failed to wherever its report would have gone, but for the screen, which has the error itself.
 * Where it did not begin because another run is under way, that one's report stays, and the reason stands beside it.
 * Never rejects.
 */
export async function deliverFailure(options: Options, env: NodeJS.ProcessEnv, error: unknown): Promise<void> {
    const { mode, stack = "the selected stack", report } = options;
    const reason = oneLine(error);
    const file = error instanceof ReportFileError ? undefined : report;
    const nothing = {
        pools: [],
        changes: [],
        violations: { mandatory: [], advisory: [] },
        warnings: [],
        isBehind: false,
    };
    const summary = { ...nothing, errors: [reason] };
    const { headline, text } = renderReport({ stack, mode, summary, diff: "", succeeded: false });
    const pod = podFrom(env);
    const cluster = pod && { config: kubeConfigOf(pod), pod };
    const isOther = error instanceof LeaseHeldError;
    const delivery = { mode, headline, text, screen: "", exitCode: EXIT.error };
    warnOf([
        ...(await deliver(delivery, { file, env, cluster: isOther ? undefined : cluster })),
        ...(isOther && cluster ? await deliverLastError(reason, cluster) : []),
    ]);
}

/**
 * What becomes of a report that was not delivered everywhere. What an up has done is done; a preview is its report.
 *
 * @throws UserError for a preview
 */
export function judgeDelivery(mode: Options["mode"], problems: string[]): void {
    if (mode === "preview" && problems.length > 0) {
        throw new UserError(problems.join("\n"));
    }
    warnOf(problems);
}

function warnOf(problems: string[]): void {
    problems.forEach((problem) => console.error(`warning: ${problem}`));
}
