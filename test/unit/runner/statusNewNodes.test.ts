// `npm run status` and nodes that are added so that an image proves itself (newUpdatedNodes).
import { describe, expect, it, test } from "vitest";
import type { MachineAndNode } from "../../../components/selection/proof";
import type { PoolFacts } from "../../../runner/status/read";
import { page } from "../../../runner/status/html/page";
import { statusOf } from "../../../runner/status/show";
import { render } from "../../../runner/status/text";
import { NOW, ago, definitionOf, poolFacts, settingsOf } from "./statusExamples";

const POOL = "k8s-p-1-vmss";
const [OLD, NEW] = ["2026.1123.0000", "2026.1123.2013"];
const madeFrom = (name: string, minutes: number, readyFor?: number): MachineAndNode => ({
    ...{ name, running: true, wasReady: false, madeAt: ago(minutes) },
    ...(readyFor === undefined ? { ready: false } : { ready: true, readySince: ago(readyFor) }),
});

/** A pool whose image OLD has these machines besides its own. */
function facts(machines: MachineAndNode[], changes: Partial<PoolFacts> = {}): PoolFacts {
    const before = poolFacts({ name: POOL, nodes: 3, versions: [60] });
    const made = new Map(before.machines);
    made.set(`${definitionOf(POOL)}/versions/${OLD}`.toLowerCase(), machines);
    return { ...before, machines: made, ...changes };
}
const withState = (added: number, outcome: string, machines: MachineAndNode[], changes: Partial<PoolFacts> = {}) => {
    const before = facts(machines, changes);
    return { ...before, state: { ...before.state, newNodes: [{ version: OLD, added, outcome }] } };
};
const rules = settingsOf(POOL).selection;
const statusAt = (pool: PoolFacts) => statusOf(pool, NOW, rules);
const linesOf = (pool: PoolFacts) =>
    render([statusAt(pool)], NOW)
        .split("\n")
        .filter((line) => line.includes("new nodes for"));

describe("nodes that were added to prove an image", () => {
    const two = [madeFrom("later", 20), madeFrom("first", 45)];

    it("are the first that were made from it, with how they stand", () => {
        expect(statusAt(withState(1, "capacity 4 → 5", two)).newNodes).toEqual([
            { image: OLD, state: "added", outcome: "capacity 4 → 5", nodes: ["first"] },
        ]);
        expect(linesOf(withState(1, "capacity 4 → 5", two))).toEqual([
            `  new nodes for image ${OLD}: added (capacity 4 → 5): first (no node, late)`,
        ]);
    });

    it("may have gone since", () => {
        expect(linesOf(withState(1, "capacity 4 → 5", []))).toEqual([
            `  new nodes for image ${OLD}: added (capacity 4 → 5): none is there now`,
        ]);
    });

    it("are none where there was no room, and the line says why", () => {
        expect(linesOf(withState(0, "capacity 5 is the maximum", two))).toEqual([
            `  new nodes for image ${OLD}: not added (capacity 5 is the maximum)`,
        ]);
    });

    it("are on the page as well", () => {
        const html = page({ stack: "prod", pools: [statusAt(withState(1, "capacity 4 → 5", two))], now: NOW });
        expect(html).toContain(`new nodes for image ${OLD}: added (capacity 4 → 5): first (no node, late)`);
    });

    it("are not mentioned in a pool without them", () => {
        expect([statusAt(facts(two)).newNodes, linesOf(facts(two))]).toEqual([[], []]);
    });
});

test("nodes are being added where the scale set has the mark and the state does not have them yet", () => {
    const scaleSet = { capacity: 5, tags: { "kamino-new-nodes": `${OLD}=5` } };
    const line = `  new nodes for image ${OLD}: being added (to capacity 5, by an up that is under way or was cut off): `;
    expect(linesOf(facts([madeFrom("first", 2)], { scaleSet }))).toEqual([`${line}first (no node)`]);
    expect(linesOf(withState(1, "capacity 4 → 5", [madeFrom("first", 2)], { scaleSet }))).toEqual([
        `  new nodes for image ${OLD}: added (capacity 4 → 5): first (no node)`,
    ]);
});

test("nodes were added by a run that was cut off, where the next one has found its mark", () => {
    const scaleSet = { capacity: 5, tags: { "kamino-new-nodes": `${OLD}=5` } };
    const outcome = "they were added before, to a capacity of 5 (tag kamino-new-nodes)";
    expect(linesOf(withState(0, outcome, [madeFrom("first", 2)], { scaleSet }))).toEqual([
        `  new nodes for image ${OLD}: added (${outcome}): first (no node)`,
    ]);
});

describe("what an up would do", () => {
    const wants = (capacity: number, changes: Partial<PoolFacts> = {}) => {
        const settings = settingsOf(POOL, { newUpdatedNodes: 2, maxNodes: 5 });
        const before = poolFacts({ name: POOL, nodes: 3, versions: [60] });
        return statusAt({ ...before, settings, scaleSet: { capacity, tags: {} }, ...changes }).next.steps;
    };

    it("says how many nodes a bump adds", () => {
        expect(wants(3).slice(-2)).toEqual([
            `point the model at image ${NEW}`,
            "add 2 nodes made from it: capacity 3 → 5 (newUpdatedNodes)",
        ]);
        expect(wants(4).at(-1)).toBe("add 1 node made from it: capacity 4 → 5 (newUpdatedNodes)");
    });

    it("says why a bump adds none", () => {
        expect(wants(5).at(-1)).toBe("add no node made from it: capacity 5 is the maximum (newUpdatedNodes)");
    });

    it("says nothing of nodes where the pool wants none", () => {
        expect(wants(3, { settings: settingsOf(POOL) }).at(-1)).toBe(`point the model at image ${NEW}`);
    });
});
