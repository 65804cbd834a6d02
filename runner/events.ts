// What a preview or an up came to, read from the engine's own events: pools, changes, policy violations, errors. Pure.
import type { EngineEvent, StepEventMetadata } from "@pulumi/pulumi/automation";

/** One pool, as its NodeSelection stood before and will stand after. */
export interface PoolLine {
    pool: string;
    /** The node that the newest image is of; empty when there is none yet. */
    node: string;
    /** When it was patched, RFC 3339 UTC; empty when there is no image. */
    patched: string;
    /** The version before; empty for the first. */
    from: string;
    to: string;
    /** Nodes to be put back in service after an interrupted capture. */
    restore: string[];
    /** The program's own line about the choice. */
    explanation: string;
}

/** A resource that changes. */
export interface Change {
    op: string;
    type: string;
    name: string;
}

export interface Summary {
    pools: PoolLine[];
    changes: Change[];
    /** Mandatory policies that were violated, and advisory ones. */
    violations: { mandatory: string[]; advisory: string[] };
    errors: string[];
}

const SELECTION = "pulumi-nodejs:dynamic/kamino:NodeSelection";
/** Operations that leave a resource as it is. */
const QUIET = new Set(["same", "read", "refresh"]);

/** Whether anything is to be done. */
export function waits(summary: Summary): boolean {
    return summary.changes.length > 0;
}

/** Reads the lines of an event log (`pulumi … --event-log`). A last line that a crash has cut off is passed over. */
export function parseEvents(log: string): EngineEvent[] {
    return log.split("\n").flatMap((line) => {
        try {
            return line.trim() === "" ? [] : [JSON.parse(line) as EngineEvent];
        } catch {
            return [];
        }
    });
}

/** Sums up one preview's or one update's events. */
export function summarize(events: EngineEvent[]): Summary {
    const steps = events.flatMap(({ resourcePreEvent }) => (resourcePreEvent ? [resourcePreEvent.metadata] : []));
    const changes = steps.filter(({ op, type }) => !QUIET.has(op) && !isPulumisOwn(type));
    const policies = events.flatMap(({ policyEvent }) => (policyEvent ? [policyEvent] : []));
    const said = (mandatory: boolean) =>
        policies
            .filter(({ enforcementLevel }) => (enforcementLevel === "mandatory") === mandatory)
            .map(({ policyName, message }) => `${policyName}: ${plain(message)}`);
    return {
        pools: steps.filter(({ type, op }) => type === SELECTION && op !== "delete").map(poolLine),
        changes: changes.map(({ op, type, urn }) => ({ op, type, name: nameOf(urn) })),
        violations: { mandatory: unique(said(true)), advisory: unique(said(false)) },
        errors: unique(
            events.flatMap(({ diagnosticEvent }) =>
                diagnosticEvent?.severity === "error" ? [plain(diagnosticEvent.message)] : [],
            ),
        ),
    };
}

/** The fields of a NodeSelection that a report shows. */
interface Selection {
    pool?: string;
    current?: string;
    currentNode?: string;
    versions?: { version: string; node: string; patched: string }[];
    restore?: string[];
    explanation?: string;
}

function poolLine({ old, new: planned, urn }: StepEventMetadata): PoolLine {
    const before = (old?.inputs ?? {}) as Selection;
    const after = (planned?.inputs ?? {}) as Selection;
    const current = after.versions?.find(({ version }) => version === after.current);
    return {
        pool: after.pool ?? nameOf(urn),
        node: after.currentNode ?? current?.node ?? "",
        patched: current?.patched ?? "",
        from: before.current ?? "",
        to: after.current ?? "",
        restore: after.restore ?? [],
        explanation: after.explanation ?? "",
    };
}

function isPulumisOwn(type: string): boolean {
    return type.startsWith("pulumi:providers:") || type === "pulumi:pulumi:Stack";
}

function nameOf(urn: string): string {
    return urn.split("::").at(-1) ?? urn;
}

/** The engine marks colours as `<{%fg 1%}>`. */
function plain(message: string): string {
    return message.replace(/<\{%.*?%\}>/g, "").trim();
}

function unique(lines: string[]): string[] {
    return [...new Set(lines)];
}
