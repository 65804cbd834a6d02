// Nodes that are added after a bump: how many, up to which maximum, for which version, and never twice.
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { isBump, versionsWithNewNodes, type BumpFacts } from "../../../components/pool/declareNewNodes";
import {
    additionTo,
    decideNewNodes,
    lineBefore,
    lineOf,
    maximumOf,
    newNodesRefusal,
    withMark,
    withoutMark,
    type ScaleSetNow,
} from "../../../components/pool/newNodes";
import type { Choice } from "../../../components/selection/nodeSelection";

const DEFINITION = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/pool1";
const [OLD, NEW] = ["2026.1121.0409", "2026.1122.0412"];
const WANTED = { version: NEW, nodes: 1 };

/** A scale set at rest whose model points at the new version. */
const now = (change: Partial<ScaleSetNow> = {}): ScaleSetNow => ({
    version: NEW,
    upgradeMode: "Manual",
    upgradesItself: false,
    provisioningState: "Succeeded",
    capacity: 4,
    tags: { min: "1", max: "10" },
    ...change,
});

describe("the maximum", () => {
    test.each<[string, Record<string, string>, number | undefined, number | undefined]>([
        ["is what the autoscaler's tags say", { min: "1", max: "10" }, undefined, 10],
        ["is what the configuration says, without tags", {}, 5, 5],
        ["is the lower of both", { min: "1", max: "10" }, 5, 5],
        ["is the lower of both, the other way round", { min: "1", max: "10" }, 50, 10],
        ["is not known without either", {}, undefined, undefined],
        ["is not known by one tag alone, which the autoscaler ignores", { max: "10" }, undefined, undefined],
        ["is not known by tags of other names", { Min: "1", Max: "10" }, undefined, undefined],
        ["is not known by a tag that is not a number", { min: "1", max: "ten" }, undefined, undefined],
        ["is not known by a maximum below the minimum", { min: "5", max: "3" }, undefined, undefined],
    ])("%s", (_, tags, configured, expected) => expect(maximumOf(tags, configured)).toBe(expected));

    it("is asked for in one line where it is not known", () => {
        expect(newNodesRefusal({ count: 1 }, { name: "vmss1" }, "kamino:pools[0].scaleSet")).toBe(
            "kamino:pools[0].scaleSet: newUpdatedNodes needs the autoscaler's maximum, which the tags min and max of scale set " +
                `"vmss1" do not say: set the pool's maxNodes to it`,
        );
        expect(newNodesRefusal({ count: 1, maximum: 5 }, { name: "vmss1" }, "k")).toBeUndefined();
        expect(newNodesRefusal({ count: 1 }, { name: "vmss1", tags: { min: "0", max: "3" } }, "k")).toBeUndefined();
        expect(newNodesRefusal(undefined, { name: "vmss1" }, "k")).toBeUndefined();
    });

    it("of mode Flexible gets none, since it is not known what counts in its capacity", () => {
        const live = { name: "vmss1", tags: { min: "0", max: "3" }, orchestrationMode: "Flexible" };
        expect(newNodesRefusal({ count: 1, maximum: 5 }, live, "kamino:pools[0].scaleSet")).toMatch(
            /^kamino:pools\[0\]\.scaleSet: newUpdatedNodes is not for scale set "vmss1": its orchestration mode is Flexible, .*; raise the capacity by hand$/,
        );
        expect(newNodesRefusal(undefined, live, "k")).toBeUndefined();
    });
});

describe("the capacity", () => {
    it("is raised by what is wanted, at most to the maximum, and never lowered", () => {
        const natural = fc.integer({ min: 0, max: 1000 });
        fc.assert(
            fc.property(natural, fc.integer({ min: 1, max: 100 }), natural, (capacity, nodes, maximum) => {
                const { from, to } = additionTo(capacity, nodes, maximum);
                expect(from).toBe(capacity);
                expect(to).toBeGreaterThanOrEqual(capacity);
                expect(to).toBeLessThanOrEqual(Math.max(capacity, maximum));
                expect(to - from).toBe(Math.max(0, Math.min(nodes, maximum - capacity)));
            }),
        );
    });

    it("is raised of a scale set at rest whose model points at the version", () => {
        expect(decideNewNodes(now(), WANTED)).toEqual({ kind: "add", from: 4, to: 5 });
        expect(decideNewNodes(now(), { ...WANTED, nodes: 10 })).toEqual({ kind: "add", from: 4, to: 10 });
        expect(decideNewNodes(now({ version: "2026.1122.412" }), WANTED)).toMatchObject({ kind: "add" });
    });

    test.each<[string, Partial<ScaleSetNow>, RegExp]>([
        ["whose model points at another version", { version: OLD }, /does not point at it any more/],
        ["whose model points at no version of the pool's", { version: undefined }, /does not point at it any more/],
        ["that rolls out by itself", { upgradeMode: "Automatic" }, /not manual/],
        ["whose OS images Azure rolls out", { upgradesItself: true }, /not manual/],
        ["whose last change has failed", { provisioningState: "Failed" }, /has failed/],
        ["whose maximum has gone", { tags: {} }, /maximum is not known/],
        ["that says no capacity", { capacity: undefined }, /no capacity/],
        ["at its maximum", { capacity: 10 }, /^capacity 10 is the maximum$/],
        ["above its maximum", { capacity: 12 }, /^capacity 12 is above the maximum of 10$/],
    ])("is left alone of a scale set %s", (_, change, why) => {
        const verdict = decideNewNodes(now(change), WANTED);
        expect(verdict).toEqual({ kind: "none", why: expect.stringMatching(why) as string });
    });

    it("waits for a scale set that is being changed", () => {
        const verdict = decideNewNodes(now({ provisioningState: "Updating" }), WANTED);
        expect(verdict).toEqual({ kind: "wait", why: "the scale set is being changed (Updating)" });
    });

    it("is not raised again for a version that it was raised for, whatever became of it since", () => {
        const tags = withMark(now().tags, WANTED, { from: 4, to: 5 });
        expect(tags).toEqual({ min: "1", max: "10", "kamino-new-nodes": `${NEW}=5` });
        for (const capacity of [3, 4, 5]) {
            expect(decideNewNodes(now({ tags, capacity }), WANTED)).toEqual({
                kind: "none",
                why: "they were added before, to a capacity of 5 (tag kamino-new-nodes)",
            });
        }
        const upper = Object.fromEntries(Object.entries(tags).map(([name, value]) => [name.replace("k", "K"), value]));
        expect(decideNewNodes(now({ tags: upper }), WANTED)).toMatchObject({ kind: "none" });
    });

    it("is raised for the next version, whose mark takes the place of the last one's", () => {
        const tags = withMark(now().tags, { ...WANTED, version: OLD }, { from: 4, to: 5 });
        expect(decideNewNodes(now({ tags }), WANTED)).toMatchObject({ kind: "add" });
        expect(withMark(tags, WANTED, { from: 5, to: 6 })).toEqual({ ...now().tags, "kamino-new-nodes": `${NEW}=6` });
        expect(withoutMark(tags)).toEqual(now().tags);
    });

    it("is raised by what is missing, where machines of the version are there already", () => {
        expect(decideNewNodes(now(), { ...WANTED, nodes: 3 }, 1)).toEqual({ kind: "add", from: 4, to: 6 });
        expect(decideNewNodes(now(), WANTED, 1)).toEqual({ kind: "none", why: "1 made from it is there already" });
    });
});

describe("the line", () => {
    test.each<[number, number, string]>([
        [
            1,
            4,
            `1 node is added once the model points at image ${NEW} (newUpdatedNodes): capacity 4 → 5, of at most 10`,
        ],
        [
            2,
            4,
            `2 nodes are added once the model points at image ${NEW} (newUpdatedNodes): capacity 4 → 6, of at most 10`,
        ],
        [
            3,
            9,
            `1 of 3 nodes is added once the model points at image ${NEW} (newUpdatedNodes): capacity 9 → 10, of at most 10`,
        ],
        [1, 10, `no node is added for image ${NEW} (newUpdatedNodes): capacity 10 is the maximum`],
    ])("for %i at capacity %i", (nodes, capacity, expected) =>
        expect(lineBefore({ ...WANTED, nodes }, capacity, now().tags)).toBe(expected),
    );

    it("of the addition itself", () => {
        expect(lineOf(WANTED, { from: 4, to: 5 })).toBe(`adding 1 node made from image ${NEW}: capacity 4 → 5`);
    });
});

describe("a bump", () => {
    const choice = (version: string, more: Partial<Choice> = {}): Choice => ({
        ...{ version, node: "n", instanceId: "0", rebootNeededAt: "2026-11-22T04:12:00Z", attempt: 1 },
        ...more,
    });
    const model = (image: string) => ({ image, rest: "" });
    const [atOld, atNew] = [OLD, NEW].map((version) => model(`${DEFINITION}/versions/${version}`));
    const marketplace = model("microsoft-aks:aks:x:1");
    const facts = (change: Partial<BumpFacts> = {}): BumpFacts => ({
        previous: { adopted: true, versions: [OLD], model: atOld },
        written: NEW,
        choices: [choice(OLD), choice(NEW)],
        imageDefinitionId: DEFINITION,
        ...change,
    });

    test.each<[string, Partial<BumpFacts>, boolean]>([
        ["a version that this run makes", {}, true],
        ["one that the adopting run made", { previous: { versions: [NEW], model: marketplace } }, true],
        ["one that a run made which failed after it", { previous: { versions: [OLD], model: atOld } }, true],
        ["a model that is not written", { written: undefined }, false],
        ["one that the model pointed at before", { previous: { versions: [OLD, NEW], model: atNew } }, false],
        ["one that is used again", { previous: { versions: [OLD, NEW], model: atOld } }, false],
        ["one that is gone back to", { written: OLD }, false],
        ["one that is pinned", { pin: NEW }, false],
        ["one that has proven itself", { choices: [choice(OLD), choice(NEW, { proven: true })] }, false],
        ["one of the gallery that is not this stack's", { choices: [] }, false],
        [
            "one that takes the place of an accepted foreign image again",
            { previous: { versions: [OLD, NEW], model: marketplace, accepted: { image: "x", insteadOf: NEW } } },
            false,
        ],
    ])("%s: %#", (_, change, expected) => expect(isBump(facts(change))).toBe(expected));

    it("is of one version; the nodes of earlier ones stay in the stack as long as their images do", () => {
        const previous = { adopted: true, versions: [OLD], model: atOld, newNodes: ["2026.1120.0409", OLD] };
        expect(versionsWithNewNodes(facts({ previous }))).toEqual([OLD, NEW]);
        expect(versionsWithNewNodes(facts({ previous, written: undefined }))).toEqual([OLD]);
        const after = { ...previous, versions: [OLD, NEW], model: atNew, newNodes: [OLD, NEW] };
        expect(versionsWithNewNodes(facts({ previous: after }))).toEqual([OLD, NEW]);
        expect(versionsWithNewNodes(facts())).toEqual([NEW]);
    });
});
