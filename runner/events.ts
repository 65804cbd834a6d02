// Reads the engine's own events of a preview or an up: pools, changes, policy violations, warnings, errors. Pure.
import { createHash } from "node:crypto";
import type { EngineEvent, StepEventMetadata } from "@pulumi/pulumi/automation";
import {
    INFRASTRUCTURE_REF_TYPE,
    MACHINE_POOL_IMAGE_TYPE,
    MACHINE_TEMPLATE_TYPE,
    NODE_SELECTION_TYPE,
    SCALE_SET_TYPE,
} from "../components/core/resourceTypes";
import { parseOutcomeLine, type SelectionOutcome } from "../components/selection/held";
import type { StoredSelectionState } from "../components/selection/nodeSelection";

/** One pool, as it stood before and will stand after. */
export interface PoolLine {
    pool: string;
    /** The node of the newest image; empty when there is none yet. */
    node: string;
    /** When kured saw that node's need for a reboot, RFC 3339 UTC; empty when there is no image. */
    rebootNeededAt: string;
    /** The version that the model points at until then; empty for the first. */
    from: string;
    to: string;
    /** Nodes that an interrupted capture left out of service; the run restores them first. */
    restore: string[];
    /** The program's own line about the choice. */
    explanation: string;
    /** Why no node was taken in this run, where none was and the program has said it. */
    why?: string;
}

/** A resource that changes. */
export interface Change {
    op: string;
    type: string;
    name: string;
    /**
     * A hash of the resource's inputs: another one when any input is another, in which case a plan would be violated.
     */
    digest: string;
}

/** What a preview or an up came to. */
export interface Summary {
    /** The stack's own name; undefined when the engine did not get that far. */
    stack?: string;
    pools: PoolLine[];
    changes: Change[];
    /** Violations of mandatory policies, and of advisory ones. */
    violations: { mandatory: string[]; advisory: string[] };
    /** What the program warned of, such as a change by somebody else. */
    warnings: string[];
    errors: string[];
    /**
     * Whether an update has something to record that is not a change: an image is protected in the state only once an
     * update follows the one that made it, and changes nothing else then.
     */
    isBehind: boolean;
}

/** Operations that leave a resource as it is. */
const UNCHANGED = new Set(["same", "read", "refresh"]);

/** Whether a step changes a resource of the program's: not one that the engine keeps for itself. */
export function isChange({ op, type }: Pick<StepEventMetadata, "op" | "type">): boolean {
    return !UNCHANGED.has(op) && !isPulumisOwn(type);
}

/** Whether the run changes, or would change, anything. */
export function hasChanges(summary: Summary): boolean {
    return summary.changes.length > 0;
}

/** Reads the lines of an event log (`pulumi … --event-log`). Skips a line that a crash has cut off. */
export function parseEvents(log: string): EngineEvent[] {
    return log.split("\n").flatMap((line) => {
        try {
            return line.trim() === "" ? [] : [JSON.parse(line) as EngineEvent];
        } catch {
            return [];
        }
    });
}

/** Sums up the events of one preview or one update. */
export function summarize(events: EngineEvent[]): Summary {
    const steps = events.flatMap(({ resourcePreEvent }) => (resourcePreEvent ? [resourcePreEvent.metadata] : []));
    const why = new Map(
        events.flatMap((event) => outcomeIn(event) ?? []).map((outcome) => [outcome.pool, outcome.why]),
    );
    return {
        ...(steps.length > 0 && { stack: steps[0].urn.split("::")[0].split(":").at(-1) }),
        pools: steps
            .filter(({ type, op }) => type === NODE_SELECTION_TYPE && op !== "delete")
            .map((selection) => poolLine(selection, modelOf(selection, steps)))
            .map((line) => ({ ...line, ...(why.get(line.pool) && { why: why.get(line.pool) }) })),
        changes: steps.filter(isChange).map(changeOf),
        violations: { mandatory: violations(events, true), advisory: violations(events, false) },
        warnings: diagnostics(events, "warning"),
        errors: diagnostics(events, "error"),
        isBehind: steps.some((step) => step.op === "same" && protectionDiffers(step)),
    };
}

function protectionDiffers({ old, new: planned }: StepEventMetadata): boolean {
    // The engine writes null for what there is not.
    return old != null && planned != null && Boolean(old.protect) !== Boolean(planned.protect);
}

function changeOf({ op, type, urn, new: planned }: StepEventMetadata): Change {
    return { op, type, name: nameOf(urn), digest: digest(planned?.inputs ?? {}) };
}

function violations(events: EngineEvent[], mandatory: boolean): string[] {
    const policies = events.flatMap(({ policyEvent }) => (policyEvent ? [policyEvent] : []));
    const found = policies.filter(({ enforcementLevel }) => (enforcementLevel === "mandatory") === mandatory);
    return unique(found.map(({ policyName, message }) => `${policyName}: ${plain(message)}`));
}

function diagnostics(events: EngineEvent[], severity: "warning" | "error"): string[] {
    const found = events.flatMap(({ diagnosticEvent }) => (diagnosticEvent ? [diagnosticEvent] : []));
    return unique(found.filter((one) => one.severity === severity).map(({ message }) => plain(message)));
}

/** What a selection has said of itself, if this event is that. */
export function outcomeIn({ diagnosticEvent: said }: EngineEvent): SelectionOutcome | undefined {
    // The event log has lines of this severity as well, which the SDK's types leave out.
    return (said?.severity as string | undefined) === "debug" ? parseOutcomeLine(plain(said!.message)) : undefined;
}

/** The image versions that the pool's model points at and will point at, as far as the events say. */
function modelOf({ urn }: StepEventMetadata, steps: StepEventMetadata[]): { from?: string; to?: string } {
    const step = steps.find((one) => MODEL_TYPES.includes(one.type) && nameOf(one.urn) === nameOf(urn));
    const versionOf = templateVersions(steps);
    return { from: imageVersionOf(step?.old?.inputs, versionOf), to: imageVersionOf(step?.new?.inputs, versionOf) };
}

/** Resources that say which image new machines of a pool start from. */
const MODEL_TYPES = [SCALE_SET_TYPE, MACHINE_POOL_IMAGE_TYPE, INFRASTRUCTURE_REF_TYPE];

/** Finds the image version of a template by the template's name, among all that these steps are about. */
export function templateVersions(steps: StepEventMetadata[]): (template: string) => string | undefined {
    const states = steps.filter(({ type }) => type === MACHINE_TEMPLATE_TYPE).flatMap((step) => [step.old, step.new]);
    const templates = states.map((state) => (state?.inputs ?? {}) as { template?: string } & Model);
    return (name) => templates.find(({ template }) => template === name)?.computeGallery?.version;
}

interface Model {
    virtualMachineProfile?: { storageProfile?: { imageReference?: { id?: string } } };
    /** Of a MachinePool or a template. */
    computeGallery?: { version?: string };
    /** Of a MachineDeployment or MachineSet. */
    infrastructureRef?: { name?: string };
}

/**
 * The image version that the inputs of what a pool's machines start from name; undefined for any other image.
 *
 * @param versionOf the image version of a template
 */
export function imageVersionOf(
    { virtualMachineProfile, computeGallery, infrastructureRef }: Model = {},
    versionOf: (template: string) => string | undefined,
): string | undefined {
    if (infrastructureRef) {
        return versionOf(infrastructureRef.name ?? "");
    }
    if (computeGallery) {
        return computeGallery.version;
    }
    const id = virtualMachineProfile?.storageProfile?.imageReference?.id;
    return /\/versions\/([^/]+)$/.exec(id ?? "")?.[1];
}

function poolLine({ old, new: planned, urn }: StepEventMetadata, model: { from?: string; to?: string }): PoolLine {
    const before = (old?.inputs ?? {}) as StoredSelectionState;
    const after = (planned?.inputs ?? {}) as StoredSelectionState;
    const current = after.versions?.find(({ version }) => version === after.current);
    return {
        pool: after.pool ?? nameOf(urn),
        node: after.currentNode ?? current?.node ?? "",
        rebootNeededAt: current?.rebootNeededAt ?? current?.patched ?? "",
        // After a run that failed half-way the selection is ahead of the model.
        from: (model.to === undefined ? before.current : model.from) ?? "",
        to: after.current ?? "",
        restore: after.nodesToRecover ?? after.restore ?? [],
        explanation: after.explanation ?? "",
    };
}

/** Hashes inputs. The engine masks secrets in its events, so the hash says nothing about any. */
function digest(inputs: object): string {
    return createHash("sha256").update(JSON.stringify(inputs)).digest("hex").slice(0, 16);
}

function isPulumisOwn(type: string): boolean {
    return type.startsWith("pulumi:providers:") || type === "pulumi:pulumi:Stack";
}

/** A resource's name in the program. */
export function nameOf(urn: string): string {
    return urn.split("::").at(-1) ?? urn;
}

/** Removes the engine's colour marks, as in `<{%fg 1%}>`. */
export function plain(message: string): string {
    return message.replace(/<\{%.*?%\}>/g, "").trim();
}

function unique(lines: string[]): string[] {
    return [...new Set(lines)];
}
