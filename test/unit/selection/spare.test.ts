// Whether a pool can spare a node, which only a capture in place asks of it.
import { describe, expect, it } from "vitest";
import type { CaptureWay } from "../../../components/capture/mode";
import { decide } from "../../../components/selection/decide";
import { logLine } from "../../../components/selection/explain";
import type { PoolNode } from "../../../components/selection/rules";
import { IMAGE, choice, image, node, question } from "./facts";

const built = { history: [choice(IMAGE)], gallery: [image(IMAGE)] };
const old = (name: string) => node(name, { needed: "2026-11-01T00:00:00Z" });

function ask(nodes: PoolNode[], about: Parameters<typeof question>[0]) {
    const asked = question(about);
    const decision = decide(nodes, asked);
    return { ...decision, line: logLine("pool1", decision, asked.facts, asked.facts.newest) };
}

describe("a pool that cannot spare a node", () => {
    const others = (count: number, change: Partial<PoolNode> = {}) =>
        Array.from({ length: count }, (_, index) => ({ ...old(`other-${index}`), ...change }));
    const off = { name: "off", ready: false, details: undefined };

    it("keeps it, and says the numbers", () => {
        const { chosen, versions, line } = ask([node("n"), ...others(2), ...others(1, off)], built);
        expect([chosen, versions]).toEqual([undefined, built.history]);
        expect(line).toContain(
            "; node n fits, but 2 of the 3 other nodes are in service, and 3 must be (minimumReadyNodes)",
        );
    });

    it("waits while kured reboots a node anywhere in the cluster", () => {
        const { chosen, line } = ask([node("n")], { ...built, rebooting: ["elsewhere"] });
        expect(chosen).toBeUndefined();
        expect(line).toContain("; node n fits, but kured is rebooting node elsewhere; the next run looks again");
    });

    it("holds for a node that the configuration names as well", () => {
        const { noChoice } = ask([node("n"), ...others(1, { deleting: true })], { ...built, node: "n" });
        expect(noChoice).toMatchObject({ kind: "noSpare", others: 1, inService: 0 });
    });

    it("need not where the disk is copied, of which the node notices nothing", () => {
        const way: CaptureWay = { mode: "copy", why: "the cluster has disk.csi.azure.com" };
        const { chosen, line } = ask([node("n"), ...others(1, off)], { ...built, way, rebooting: ["elsewhere"] });
        expect(chosen?.choice).toMatchObject({ node: "n", capture: "copy" });
        expect(line).toContain("1 fits); capture by a copy: the node goes on (the cluster has disk.csi.azure.com)");
    });

    it("can spare one when enough others are in service", () => {
        const nodes = [node("n"), ...others(4), ...others(1, off)];
        const enough = { ...built, rebooting: ["elsewhere"], minimumReadyNodes: { value: 80, unit: "percent" } };
        expect(ask(nodes, enough).chosen?.node.name).toBe("n");
        expect(ask(nodes, { ...enough, minimumReadyNodes: { value: 81, unit: "percent" } }).chosen).toBeUndefined();
    });
});
