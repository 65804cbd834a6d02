// Random pools and questions that the properties of the selection are about, and what any decision must be able to say.
import fc from "fast-check";
import { expect } from "vitest";
import type { Decision } from "../../../components/selection/decide";
import { logLine, stateLine } from "../../../components/selection/explain";
import { NOW, type question } from "./facts";

/** A moment that an annotation may well hold. */
export const recent = fc.date({ min: new Date("2026-11-01"), max: NOW, noInvalidDate: true });

/** As clocks write it in UTC, to the second. */
export const seconds = (date: Date) => date.toISOString().replace(/\.\d+Z$/, "Z");

/** The moment as a node with that offset writes it. */
export function withOffset(date: Date, minutes: number): string {
    const local = seconds(new Date(date.getTime() + minutes * 60_000)).slice(0, -1);
    const two = (value: number) => String(value).padStart(2, "0");
    return `${local}${minutes < 0 ? "-" : "+"}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
}

/** Minutes from UTC. */
export const offset = fc.integer({ min: -720, max: 840 });

/** Rules of any kind. */
export const settings = fc.record({
    prefer: fc.constantFrom("newest" as const, "longest-ready" as const),
    minimumCandidates: fc.integer({ min: 1, max: 3 }),
    maximumImageAgeMs: fc.constantFrom(undefined, 3_600_000, 3 * 86_400_000),
    minimumReadyTimeMs: fc.constantFrom(0, 3_600_000, 5 * 86_400_000),
});

/** Shows that a decision can be told as well, in one line. */
export function told(decision: Decision, asked: ReturnType<typeof question>): string {
    const line =
        logLine("pool1", decision, asked.facts, asked.facts.newest) +
        stateLine(decision, asked.facts, asked.facts.newest);
    // Nothing of what anyone has written into the cluster is in it.
    expect(line).toMatch(/^[^\p{C}\p{Zl}\p{Zp}]{1,500}$/u);
    return line;
}
