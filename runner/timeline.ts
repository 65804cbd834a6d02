// When which resource was changed in a run, by the engine's own events: what metrics and traces are made of. Pure.
import type { EngineEvent, StepEventMetadata } from "@pulumi/pulumi/automation";
import { parseCapturingLine } from "../components/capture/status";
import { CAPTURE_TYPE } from "../components/core/resourceTypes";
import { isChange, nameOf, plain, type Summary } from "./events";
import { poolFactsIn, type PoolFacts } from "./poolFacts";

/** Something that took time. Times are in milliseconds since 1970; those of the engine are whole seconds. */
export interface Interval {
    name: string;
    startedAt: number;
    endedAt: number;
}

/** One change of one resource. */
export interface Operation extends Interval {
    /** As Pulumi names it: `create`, `update`, `delete`, `import`, … */
    operation: string;
    type: string;
    /** The pool that the resource is of. */
    pool?: string;
    /** `planned`: a preview shows it. `interrupted`: the run ended before the resource did. */
    outcome: "planned" | "succeeded" | "failed" | "interrupted";
    /** What a capture did one after the other. */
    steps: Interval[];
}

/** One command of the engine. */
export interface Phase extends Interval {
    name: "preview" | "up";
    succeeded: boolean;
    summary: Summary;
    operations: Operation[];
    pools: PoolFacts[];
}

/** What the engine's events say of one command. */
export function phaseOf(command: Omit<Phase, "operations" | "pools">, events: EngineEvent[]): Phase {
    return { ...command, operations: operationsIn(events, command.endedAt), pools: poolFactsIn(events) };
}

/**
 * The changes in the order in which they began.
 *
 * @param end when the command ended, for what the engine did not see the end of
 */
function operationsIn(events: EngineEvent[], end: number): Operation[] {
    const operations: Operation[] = [];
    const open = new Map<string, Operation>();
    const close = (metadata: StepEventMetadata, at: number, outcome: Operation["outcome"]) => {
        const operation = open.get(keyOf(metadata));
        if (operation) {
            open.delete(keyOf(metadata));
            finish(operation, at, outcome);
        }
    };
    for (const { timestamp, resourcePreEvent, resOutputsEvent, resOpFailedEvent, diagnosticEvent } of events) {
        const at = timestamp * 1000;
        if (resourcePreEvent && isOneResource(resourcePreEvent.metadata)) {
            const { metadata, planning } = resourcePreEvent;
            const operation = begin(metadata, at, planning ? "planned" : "interrupted");
            operations.push(operation);
            if (!planning) {
                open.set(keyOf(metadata), operation);
            }
        } else if (resOutputsEvent && !resOutputsEvent.planning) {
            close(resOutputsEvent.metadata, at, "succeeded");
        } else if (resOpFailedEvent) {
            close(resOpFailedEvent.metadata, at, "failed");
        } else if (diagnosticEvent?.message) {
            addStep([...open.values()], plain(diagnosticEvent.message), at);
        }
    }
    open.forEach((operation) => finish(operation, end, "interrupted"));
    return operations;
}

function begin(metadata: StepEventMetadata, at: number, outcome: Operation["outcome"]): Operation {
    const { op: operation, type, urn } = metadata;
    const pool = poolOf(metadata);
    const times = { startedAt: at, endedAt: at };
    return { name: nameOf(urn), operation, type, ...(pool !== undefined && { pool }), ...times, outcome, steps: [] };
}

function finish(operation: Operation, at: number, outcome: Operation["outcome"]): void {
    Object.assign(operation, { endedAt: at, outcome });
    const last = operation.steps.at(-1);
    if (last) {
        last.endedAt = at;
    }
}

/** A line of a capture: its step begins, and the one before ends, unless it is still the same. */
function addStep(open: Operation[], line: string, at: number): void {
    const said = parseCapturingLine(line);
    const capture = said && open.find(({ type, pool }) => type === CAPTURE_TYPE && pool === said.pool);
    if (!capture) {
        return;
    }
    const last = capture.steps.at(-1);
    if (last) {
        last.endedAt = at;
    }
    if (last?.name !== said.step) {
        capture.steps.push({ name: said.step, startedAt: at, endedAt: at });
    }
}

/** A component is not one: it lasts as long as what is in it. */
function isOneResource(metadata: StepEventMetadata): boolean {
    return isChange(metadata) && (metadata.new ?? metadata.old)?.custom !== false && !/:index:/.test(metadata.type);
}

function keyOf({ urn, op }: StepEventMetadata): string {
    return `${op} ${urn}`;
}

/** The pool that a resource is of: the name of the VmssPrototype above it. */
function poolOf({ new: planned, old }: StepEventMetadata): string | undefined {
    const parent = (planned ?? old)?.parent ?? "";
    return parent.includes("kamino:index:VmssPrototype::") ? nameOf(parent) : undefined;
}
