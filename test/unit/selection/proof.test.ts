// What the machines that were made from an image say of it.
import { describe, expect, it, test } from "vitest";
import { proofOf, withNode, type MachineAndNode } from "../../../components/selection/proof";

const NOW = new Date("2026-11-25T12:00:00Z");
const RULES = { minimumReadyTimeMs: 3_600_000, newNodeTimeoutMs: 900_000 };
const ago = (minutes: number) => new Date(NOW.getTime() - minutes * 60_000);
const machine = { name: "n", running: true, ready: false, wasReady: false };
const ready = (minutes: number, changes: Partial<MachineAndNode> = {}): MachineAndNode => ({
    ...{ ...machine, ready: true, madeAt: ago(minutes + 2), readySince: ago(minutes), ...changes },
});
const notReady = (minutes: number, name = "n", changes: Partial<MachineAndNode> = {}): MachineAndNode => ({
    ...{ ...machine, name, madeAt: ago(minutes), ...changes },
});

const wasReady = notReady(90, "b", { wasReady: true });

describe("an image is", () => {
    test.each<[string, string, MachineAndNode[], string[]]>([
        ["unproven", "without a machine made from it", [], []],
        ["proven", "with a machine that has been Ready for the hour", [ready(60)], []],
        ["unproven", "with one that is Ready a minute too short", [ready(59)], []],
        ["unproven", "with one that has a minute left to become Ready", [notReady(14)], []],
        ["failed", "with one that is late", [notReady(16, "a")], ["a"]],
        ["unproven", "with one that is late while another is Ready", [notReady(16, "a"), ready(5)], ["a"]],
        ["proven", "with one that is late while another proves it", [notReady(16, "a"), ready(90)], ["a"]],
        ["failed", "with one that is late while another has time", [notReady(16, "a"), notReady(3)], ["a"]],
        ["unproven", "with one that was Ready and is not now", [wasReady], []],
        ["unproven", "with one that is late while another was Ready", [notReady(90, "a"), wasReady], ["a"]],
        ["unproven", "with one that is switched off", [notReady(90, "a", { running: false })], []],
        ["unproven", "with one of which Azure does not say when it was made", [machine], []],
        ["unproven", "with one that does not say since when it is Ready", [{ ...machine, ready: true }], []],
    ])("%s %s", (state, _, machines, late) => expect(proofOf(machines, NOW, RULES)).toEqual({ state, late }));
});

describe("a machine's node", () => {
    const made = { instanceId: "3", name: "k8s-vmss000003", image: {}, madeAt: ago(30), running: true };
    const node = { providerID: "", ready: false, createdAt: ago(25) };

    it("was Ready before where its condition has changed since it was registered", () => {
        expect(withNode(made, { ...node, readySince: ago(10) }).wasReady).toBe(true);
    });

    it("never was where the condition is as it was when it was registered", () => {
        expect(withNode(made, { ...node, readySince: ago(25) }).wasReady).toBe(false);
        expect(withNode(made, node).wasReady).toBe(false);
    });

    it("that is Ready is so, under the name that it has", () => {
        const found = withNode(made, { ...node, ready: true, readySince: ago(24) }, "worker-3");
        expect(found).toEqual({
            ...{ name: "worker-3", madeAt: ago(30), running: true, ready: true, wasReady: false, readySince: ago(24) },
        });
    });

    it("may be missing", () => {
        expect(withNode(made)).toEqual({
            ...{ name: "k8s-vmss000003", madeAt: ago(30), running: true, ready: false, wasReady: false },
            readySince: undefined,
        });
    });
});
