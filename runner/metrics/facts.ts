// What the metrics of a run are made of. Pure.
import { UserError } from "../../components/core/errors";
import { EXIT } from "../options";
import { mergePools, type PoolFacts } from "../poolFacts";
import type { Operation, Phase } from "../timeline";

/** A run that has ended. Times are in milliseconds since 1970. */
export interface EndedRun {
    /** As it was named; undefined when it is the one that Pulumi has selected. */
    stack?: string;
    mode: "preview" | "up";
    startedAt: number;
    endedAt: number;
    exitCode: number;
    phases: Phase[];
}

/** The same, as metrics look at it. */
export interface RunFacts extends EndedRun {
    stack: string;
    succeeded: boolean;
    /** When this stack's last run in this mode succeeded, as far as that is known. */
    lastSuccessAt?: number;
    /** What was done; of a preview, what would be. */
    operations: Operation[];
    pools: PoolFacts[];
}

/**
 * Looks at a run.
 *
 * @param lastSuccessAt of the runs before
 */
export function factsOf(run: EndedRun, lastSuccessAt?: number): RunFacts {
    const succeeded = run.exitCode !== EXIT.error;
    const operations = run.phases.flatMap((phase) => phase.operations);
    return {
        ...run,
        stack: stackOf(run),
        succeeded,
        lastSuccessAt: succeeded ? run.endedAt : lastSuccessAt,
        operations: operations.filter(({ outcome }) => (outcome === "planned") === (run.mode === "preview")),
        pools: mergePools(run.phases.flatMap(({ pools }) => pools)),
    };
}

/**
 * The stack's own name, without organization and project.
 *
 * @throws UserError where the engine did not get that far: metrics of an unknown stack would be nobody's, and the real
 *     ones would go on saying that all is well
 */
export function stackOf(run: Pick<EndedRun, "stack" | "phases">): string {
    const name = nameIn(run);
    if (name === undefined) {
        throw new UserError("the stack's name is not known; name it with --stack (KAMINO_STACK)");
    }
    return name;
}

/** The same; undefined where it is not known. */
export function nameIn({ stack, phases }: Pick<EndedRun, "stack" | "phases">): string | undefined {
    const found = phases.map(({ summary }) => summary.stack).find((name) => name !== undefined);
    return (stack ?? found)?.split("/").at(-1);
}
