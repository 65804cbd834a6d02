// What a preview or an up came to, read from the engine's own events: pools, changes, policy violations, errors. Pure.
import { createHash } from "node:crypto";
import type { EngineEvent, StepEventMetadata } from "@pulumi/pulumi/automation";

/** One pool, as it stood before and will stand after. */
export interface PoolLine {
    pool: string;
    /** The node that the newest image is of; empty when there is none yet. */
    node: string;
    /** When it was patched, RFC 3339 UTC; empty when there is no image. */
    patched: string;
    /** The version that the model points at until then; empty for the first. */
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
    /** Of what the resource is declared as: another one when any of its inputs is another, as a plan is then violated. */
    digest: string;
}

export interface Summary {
    /** The stack's own name; undefined when the engine did not get as far as that. */
    stack?: string;
    pools: PoolLine[];
    changes: Change[];
    /** Mandatory policies that were violated, and advisory ones. */
    violations: { mandatory: string[]; advisory: string[] };
    errors: string[];
}

const SELECTION = "pulumi-nodejs:dynamic/kamino:NodeSelection";
const SCALE_SET = "azure-native:compute:VirtualMachineScaleSet";
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
        ...(steps.length > 0 && { stack: steps[0].urn.split("::")[0].split(":").at(-1) }),
        pools: steps
            .filter(({ type, op }) => type === SELECTION && op !== "delete")
            .map((selection) => poolLine(selection, modelOf(selection, steps))),
        changes: changes.map(({ op, type, urn, new: planned }) => ({
            ...{ op, type, name: nameOf(urn) },
            digest: digest(planned?.inputs ?? {}),
        })),
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

/** The image versions that the pool's model points at and is to point at, as far as it is told. */
function modelOf({ urn }: StepEventMetadata, steps: StepEventMetadata[]): { from?: string; to?: string } {
    const step = steps.find((one) => one.type === SCALE_SET && nameOf(one.urn) === nameOf(urn));
    return { from: versionIn(step?.old?.inputs), to: versionIn(step?.new?.inputs) };
}

interface Model {
    virtualMachineProfile?: { storageProfile?: { imageReference?: { id?: string } } };
}

function versionIn(inputs: Model = {}): string | undefined {
    const id = inputs.virtualMachineProfile?.storageProfile?.imageReference?.id;
    return /\/versions\/([^/]+)$/.exec(id ?? "")?.[1];
}

function poolLine({ old, new: planned, urn }: StepEventMetadata, model: { from?: string; to?: string }): PoolLine {
    const before = (old?.inputs ?? {}) as Selection;
    const after = (planned?.inputs ?? {}) as Selection;
    const current = after.versions?.find(({ version }) => version === after.current);
    return {
        pool: after.pool ?? nameOf(urn),
        node: after.currentNode ?? current?.node ?? "",
        patched: current?.patched ?? "",
        // After a run that failed half-way the selection is ahead of the model.
        from: (model.to === undefined ? before.current : model.from) ?? "",
        to: after.current ?? "",
        restore: after.restore ?? [],
        explanation: after.explanation ?? "",
    };
}

/** Secrets are masked in events, so none is in it. */
function digest(inputs: object): string {
    return createHash("sha256").update(JSON.stringify(inputs)).digest("hex").slice(0, 16);
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
