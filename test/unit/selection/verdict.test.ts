// Versions that must not be used, and what is used in their place.
import { describe, expect, it, test } from "vitest";
import { decide } from "../../../components/selection/decide";
import { logLine, stateLine } from "../../../components/selection/explain";
import type { Choice, FailedImage } from "../../../components/selection/nodeSelection";
import { usable, verdictOn, type Verdicts } from "../../../components/selection/verdict";
import type { PoolNode } from "../../../components/selection/rules";
import { choice, image, node, question } from "./facts";

const [FIRST, SECOND, THIRD] = ["2026.1119.0000", "2026.1120.0000", "2026.1121.0409"];
const failure = (version: string): FailedImage => ({ version, machines: 2, late: ["x", "y"] });
const proven = (version: string, name = "node-a"): Choice => choice(version, name, { proven: true });
const said = (verdicts: Partial<Verdicts>): Verdicts => ({ rejected: [], trusted: [], failed: [], ...verdicts });

describe("the version that is used", () => {
    const both = { rejected: [THIRD], failed: [failure(SECOND)] };
    const three = [proven(FIRST), choice(SECOND), choice(THIRD)];
    test.each<[string, Choice[], Partial<Verdicts>, string]>([
        ["is the newest", three, {}, THIRD],
        ["is the newest that the configuration does not reject", three, { rejected: [THIRD] }, SECOND],
        ["is found by numbers", three, { rejected: ["2026.1121.409"] }, SECOND],
        ["is the newest that has proven itself, after a failure", three, { failed: [failure(THIRD)] }, FIRST],
        ["stays so when an older one is trusted", three, { failed: [failure(THIRD)], trusted: [FIRST] }, FIRST],
        [
            "is one that is trusted like one that is proven",
            three,
            { failed: [failure(THIRD)], trusted: [SECOND] },
            SECOND,
        ],
        ["is a failed one that is trusted", three, { failed: [failure(THIRD)], trusted: [THIRD] }, THIRD],
        ["is not one that is trusted and rejected", three, { rejected: [THIRD], trusted: [THIRD] }, SECOND],
        ["is not a failed one, where a newer one is rejected", three, both, FIRST],
        [
            "is empty if the only one is rejected and the model points elsewhere",
            [choice(THIRD)],
            { rejected: [THIRD] },
            "",
        ],
    ])("%s", (_, choices, verdicts, version) => {
        expect(usable("pool1", choices, undefined, said(verdicts)).version).toBe(version);
    });

    it("is the same wherever the model points meanwhile", () => {
        const verdicts = said({ failed: [failure(THIRD)] });
        for (const live of [undefined, FIRST, SECOND, THIRD]) {
            expect(usable("pool1", three, live, verdicts).version).toBe(FIRST);
        }
    });

    it("is refused in one line where the model points at one that failed and no other has proven itself", () => {
        const choices = [choice(SECOND), choice(THIRD)];
        expect(() => usable("pool1", choices, THIRD, said({ failed: [failure(THIRD)] }))).toThrow(
            'kamino:pools, pool "pool1": image 2026.1121.0409 failed: 2 of 2 machines made from it not Ready in time (x, y), ' +
                "and none of 2026.1120.0000 has proven itself: go back to one of them with trust, or use 2026.1121.0409 all the same (add it to trust)",
        );
        expect(usable("pool1", choices, SECOND, said({ failed: [failure(THIRD)] })).version).toBe(SECOND);
    });

    it("is refused where there is nothing to go back to", () => {
        expect(() => usable("pool1", [choice(THIRD)], THIRD, said({ rejected: [THIRD] }))).toThrow(
            'kamino:pools, pool "pool1": image 2026.1121.0409 is rejected by the configuration (reject), and there is no other one to ' +
                "go back to: pin a version of the gallery (pin), or use it all the same (take it out of reject)",
        );
        const both = said({ rejected: [THIRD], failed: [failure(SECOND)] });
        expect(() => usable("pool1", [choice(SECOND), choice(THIRD)], THIRD, both)).toThrow(
            /rejected by the configuration.*no other one to go back to.*take it out of reject\)$/,
        );
    });
});

test("a version is rejected before it is failed, and neither where it is unknown", () => {
    const verdicts = said({ rejected: [THIRD], failed: [failure(THIRD), failure(SECOND)] });
    expect([THIRD, SECOND, FIRST].map((version) => verdictOn(version, verdicts)?.kind)).toEqual([
        "rejected",
        "failed",
        undefined,
    ]);
});

describe("a decision", () => {
    const past = { history: [proven(SECOND, "b"), choice(THIRD, "c")], gallery: [image(SECOND), image(THIRD)] };
    const old = node("old", { needed: "2026-11-01T00:00:00Z" });
    function ask(nodes: PoolNode[], about: Parameters<typeof question>[0]) {
        const asked = question({ ...past, ...about });
        const decision = decide(nodes, asked);
        const { facts } = asked;
        return {
            ...decision,
            line: logLine("pool1", decision, facts, facts.newest),
            state: stateLine(decision, facts, facts.newest),
        };
    }

    it("goes back from a failed image to the newest that has proven itself, and stays there", () => {
        const verdicts = { failed: [failure(THIRD)] };
        const { current, currentNode, line, failed, left } = ask([old], { live: THIRD, verdicts });
        expect([current, currentNode, failed, left?.kind]).toEqual([SECOND, "b", [failure(THIRD)], "failed"]);
        expect(line).toBe(
            "pool1: back to image 2026.1120.0000 from node b; image 2026.1121.0409 failed: 2 of 2 machines made from it not " +
                "Ready in time (x, y) (1 node: 1 not newer than the image)",
        );
        const after = ask([old], { live: SECOND, verdicts });
        expect([after.current, after.left, after.line]).toEqual([
            SECOND,
            undefined,
            line.replace("back to", "unchanged,"),
        ]);
        expect(after.state).toBe(line.slice("pool1: back to ".length).replace(/ \(1 node.*/, ""));
    });

    it("keeps the newest version that has proven itself, however many newer ones there are", () => {
        const versions = ["2026.1116.0000", "2026.1117.0000", "2026.1118.0000", FIRST, SECOND, THIRD];
        const history = versions.map((version, index) => choice(version, "n", { proven: index < 2 }));
        const kept = ask([old], { history, gallery: versions.map((each) => image(each)), maxHistory: 2 }).versions;
        expect(kept.map(({ version }) => version)).toEqual(["2026.1117.0000", SECOND, THIRD]);
    });

    it("takes a node that was rebooted since", () => {
        const { current, chosen, left } = ask([node("n")], { live: THIRD, verdicts: { failed: [failure(THIRD)] } });
        expect([current, chosen?.node.name, left?.version]).toEqual(["2026.1122.0412", "n", THIRD]);
    });

    it("does not make a rejected image anew from its node, also when it was deleted from the gallery", () => {
        const donor = node("c", { needed: "2026-11-21T04:09:30Z" });
        const { current, chosen, line } = ask([donor], {
            ...{ gallery: [image(SECOND)], live: SECOND, verdicts: { rejected: [THIRD] } },
        });
        expect([current, chosen]).toEqual([SECOND, undefined]);
        expect(line).toBe(
            "pool1: unchanged, image 2026.1120.0000 from node b; node c fits, but image 2026.1121.0409 is rejected by the " +
                "configuration (reject): a later reboot gives another one (1 node: 1 fits)",
        );
    });

    it("refuses a pin to an image that must not be used, and says how to use it all the same", () => {
        const pin = (verdicts: Partial<Verdicts>) => () => ask([], { pin: THIRD, verdicts });
        expect(pin({ rejected: [THIRD] })).toThrow(
            /pin: image 2026\.1121\.0409 is rejected.*; to use it all the same take it out of reject$/,
        );
        expect(pin({ failed: [failure(THIRD)] })).toThrow(
            /pin: image .* failed: .*; to use it all the same add it to trust$/,
        );
        expect(pin({ failed: [failure(THIRD)], trusted: [THIRD] })().current).toBe(THIRD);
    });

    it("forgets the failure of an image that is older than the one in use, once it is not kept any more", () => {
        const verdicts = { failed: [failure(FIRST)] };
        expect(ask([old], { verdicts }).failed).toEqual([]);
        const kept = { history: [choice(FIRST), ...past.history], gallery: [image(FIRST), ...past.gallery] };
        expect(ask([old], { ...kept, verdicts }).failed).toEqual([failure(FIRST)]);
    });
});
