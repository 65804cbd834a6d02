// Events as the engine writes them, and runs made of them, for the tests of metrics and traces.
import type { EngineEvent } from "@pulumi/pulumi/automation";
import { outcomeLine, type SelectionOutcome } from "../../../components/selection/held";
import { summarize } from "../../../runner/events";
import type { EndedRun } from "../../../runner/metrics/facts";
import { phaseOf, type Phase } from "../../../runner/timeline";

export const SELECTION = "pulumi-nodejs:dynamic/kamino:NodeSelection";
export const CAPTURE = "pulumi-nodejs:dynamic/kamino:OsDiskCapture";
export const FOREIGN = "pulumi-nodejs:dynamic/kamino:ForeignChanges";
export const VERSION = "azure-native:compute:GalleryImageVersion";
export const MODEL = "azure-native:compute:VirtualMachineScaleSet";

/** The moment, in seconds, at which the events of a test begin. */
export const BEGIN = 1_795_000_000;

type Kind = "resourcePreEvent" | "resOutputsEvent" | "resOpFailedEvent";

/** A resource of a pool, as its events name it. */
export interface Resource {
    op: string;
    type: string;
    name: string;
    pool?: string;
    before?: object;
    after?: object;
}

/** One event of a resource, so many seconds after the begin. */
export function event(kind: Kind, at: number, resource: Resource, planning = false): EngineEvent {
    const { op, type, name, pool = "pool1", before, after } = resource;
    const urn = `urn:pulumi:prod::kamino::kamino:index:VmssPrototype$${type}::${name}`;
    const parent = `urn:pulumi:prod::kamino::kamino:index:VmssPrototype::${pool}`;
    const state = (inputs?: object) => (inputs ? { inputs, parent, custom: true } : null);
    const metadata = { op, type, urn, old: state(before), new: state(after ?? {}) };
    const body = { metadata, ...(planning && { planning }) };
    return { sequence: 0, timestamp: BEGIN + at, [kind]: body };
}

/** Begin and end of a change. */
export const done = (from: number, to: number, resource: Resource): EngineEvent[] => [
    event("resourcePreEvent", from, resource),
    event("resOutputsEvent", to, resource),
];

/** What a preview shows of a change. */
export const planned = (at: number, resource: Resource): EngineEvent[] => [
    event("resourcePreEvent", at, resource, true),
    event("resOutputsEvent", at, resource, true),
];

/** Something that a capture says. */
export const said = (at: number, message: string): EngineEvent =>
    ({
        sequence: 0,
        timestamp: BEGIN + at,
        diagnosticEvent: { message: `${message}\n`, severity: "info", color: "never", ephemeral: true },
    }) as unknown as EngineEvent;

export const NOT_HELD_OUTCOME: SelectionOutcome = { pool: "pool1", held: "none", why: "", rejected: [] };

/** What a selection says of itself for the runner alone, as the event log has it. */
export const noted = (outcome: SelectionOutcome): EngineEvent =>
    ({
        sequence: 0,
        timestamp: BEGIN,
        diagnosticEvent: {
            ...{ prefix: "<{%fg 5%}>debug: <{%reset%}>", message: `<{%reset%}>${outcomeLine(outcome)}<{%reset%}>\n` },
            ...{ severity: "debug", color: "never" },
        },
    }) as unknown as EngineEvent;

/** A scale set's inputs that name this image version. */
export const model = (version?: string) => ({
    virtualMachineProfile: {
        storageProfile: {
            imageReference: version
                ? { id: `/galleries/g/images/i/versions/${version}` }
                : { publisher: "microsoft-aks" },
        },
    },
});

export const choice = (version: string, node: string, change = {}) => ({
    ...{ version, node, instanceId: "1", rebootNeededAt: "2026-11-22T04:12:30Z", attempt: 1 },
    ...change,
});

/** A pool's selection. */
export const selection = (current: string, versions: object[], change = {}) => ({
    ...{ pool: "pool1", current, versions, nodesToRecover: [], explanation: "" },
    ...change,
});

/** One command of the engine that took so long, in seconds. */
export function phase(name: Phase["name"], from: number, to: number, events: EngineEvent[], succeeded = true): Phase {
    const times = { startedAt: (BEGIN + from) * 1000, endedAt: (BEGIN + to) * 1000 };
    return phaseOf({ name, ...times, succeeded, summary: summarize(events) }, events);
}

/** A run of these commands. */
export function runOf(mode: "preview" | "up", phases: Phase[], exitCode = 0): EndedRun {
    const startedAt = BEGIN * 1000;
    return { mode, phases, exitCode, startedAt, endedAt: Math.max(startedAt, ...phases.map(({ endedAt }) => endedAt)) };
}

const [OLD, NEW] = ["2026.1121.0409", "2026.1122.0412"];
const before = selection(OLD, [choice(OLD, "vmss000001", { proven: true })]);
const after = selection(NEW, [...before.versions, choice(NEW, "vmss00000b")]);

const changes = {
    selection: { op: "update", type: SELECTION, name: "pool1", before, after },
    capture: { op: "create", type: CAPTURE, name: `pool1-${NEW}`, after: { pool: "pool1", node: "vmss00000b" } },
    image: { op: "create", type: VERSION, name: `pool1-${NEW}` },
    model: { op: "update", type: MODEL, name: "pool1", before: model(OLD), after: model(NEW) },
};

const doing = (step: string, time: string) => `pool1: capturing node vmss00000b: ${step} (${time})`;

/** A bump that was previewed, and its update, an hour and more. */
export const BUMP = {
    before: OLD,
    after: NEW,
    changes,
    preview: Object.values(changes).flatMap((change) => planned(8, change)),
    update: [
        ...done(12, 12, changes.selection),
        event("resourcePreEvent", 12, changes.capture),
        said(12, doing("looking at the node and its VM", "0s")),
        said(13, doing("draining, 2 pods to go", "1s")),
        said(60, doing("draining, 1 pod to go", "48s")),
        said(100, doing("taking a snapshot of the OS disk", "1m 28s")),
        event("resOutputsEvent", 400, changes.capture),
        ...done(400, 4000, changes.image),
        ...done(4001, 4010, changes.model),
    ],
};
