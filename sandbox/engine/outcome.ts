// What one `pulumi` command came to: its words, its exit code, and the engine's events made easy to ask about.
import type { EngineEvent } from "@pulumi/pulumi/automation";

/** One resource's step, in a preview (planned) or an update (done). */
export interface Step {
    /** `create`, `update`, `delete`, `import`, `same`, `create-replacement`, `read`, … as the engine names them. */
    op: string;
    /** The resource's type, such as `azure-native:compute:VirtualMachineScaleSet`. */
    type: string;
    /** The resource's name in the program. */
    name: string;
    urn: string;
    /** Paths of the properties that differ, such as `virtualMachineProfile.storageProfile.imageReference.id`. */
    diffs: string[];
    inputs: Record<string, unknown>;
}

export interface OutcomeFields {
    command: string;
    exitCode: number;
    stdout: string;
    stderr: string;
    output: string;
    events: EngineEvent[];
    seconds: number;
}

const unchanging = new Set(["same", "read", "refresh", "discard"]);

export class Outcome {
    /** The command as typed. */
    readonly command: string;
    readonly exitCode: number;
    readonly stdout: string;
    readonly stderr: string;
    /** Both streams, in the order in which they were written. */
    readonly output: string;
    /** Everything the engine reported, in order; empty for commands that are not updates. */
    readonly events: EngineEvent[];
    /** How long it took. */
    readonly seconds: number;

    constructor(fields: OutcomeFields) {
        this.command = fields.command;
        this.exitCode = fields.exitCode;
        this.stdout = fields.stdout;
        this.stderr = fields.stderr;
        this.output = fields.output;
        this.events = fields.events;
        this.seconds = fields.seconds;
    }

    /** This outcome if the command succeeded; otherwise throws an Error with all that it said. */
    orFail(): this {
        if (this.exitCode !== 0) {
            throw new Error(`${this.command}: exit code ${this.exitCode}\n${this.output}`);
        }
        return this;
    }

    /** What `--json` printed; throws when that is not JSON. */
    json<T>(): T {
        return JSON.parse(this.stdout) as T;
    }

    /** Every resource's step, those that change nothing included; providers left out, as on the screen. */
    get steps(): Step[] {
        return this.events.flatMap((event) => {
            const metadata = event.resourcePreEvent?.metadata;
            if (!metadata || metadata.type.startsWith("pulumi:providers:")) {
                return [];
            }
            return {
                op: metadata.op,
                type: metadata.type,
                name: metadata.urn.split("::").at(-1) ?? "",
                urn: metadata.urn,
                diffs: Object.keys(metadata.detailedDiff ?? {}).length
                    ? Object.keys(metadata.detailedDiff ?? {})
                    : (metadata.diffs ?? []),
                inputs: (metadata.new?.inputs ?? {}) as Record<string, unknown>,
            };
        });
    }

    /**
     * The steps that change something, as `op name`, in the engine's order: short enough to compare with a list. What a
     * refresh finds changed is in `summary` alone: the engine knows it only after each step.
     */
    get changes(): string[] {
        return this.changedSteps.map((step) => `${step.op} ${step.name}`);
    }

    /** The steps that change something, in the engine's order. */
    get changedSteps(): Step[] {
        return this.steps.filter((step) => !unchanging.has(step.op));
    }

    /** How many resources of each operation the summary counts, such as `{ create: 3, same: 2 }`. */
    get summary(): Record<string, number> {
        const summaries = this.events.flatMap((event) =>
            event.summaryEvent ? [event.summaryEvent.resourceChanges] : [],
        );
        return { ...(summaries.at(-1) ?? {}) };
    }

    /** Messages to the user, of one severity or all; those meant to be overwritten (status lines) only on demand. */
    messages(severity?: "info" | "info#err" | "warning" | "error", ephemeral = false): string[] {
        return this.events.flatMap(({ diagnosticEvent: said }) =>
            said && (severity === undefined || said.severity === severity) && (said.ephemeral ?? false) === ephemeral
                ? [said.message.replace(/<\{%.*?%\}>/g, "").trim()]
                : [],
        );
    }
}
