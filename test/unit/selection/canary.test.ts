// A pool that waits for another one to prove an image first.
import { describe, expect, it, test } from "vitest";
import { decide, type CanaryProof } from "../../../components/selection/decide";
import { logLine } from "../../../components/selection/explain";
import { choice, image, node, question } from "./facts";

const [FIRST, SECOND] = ["2026.1119.0000", "2026.1122.0412"];
const past = { history: [choice(FIRST, "a")], gallery: [image(FIRST)], live: FIRST };

function ask(canary: CanaryProof | undefined, about: Parameters<typeof question>[0] = {}) {
    const asked = { ...question({ ...past, ...about }), canary };
    const decision = decide([node("n")], asked);
    return { ...decision, line: logLine("pool1", decision, asked.facts, asked.facts.newest) };
}

test.each<[string, string | undefined, boolean]>([
    ["nothing", undefined, false],
    ["an image of an earlier day", "2026.1121.2359", false],
    ["an image of the same day, made earlier", "2026.1122.0000", true],
    ["an image of a later day", "2026.1123.0100", true],
    ["an image that is named by no moment", "1.0.0", false],
])("with %s proven", (_, proven, taken) => {
    const { chosen, current } = ask({ pool: "canary1", proven });
    expect([chosen?.choice.version, current]).toEqual(taken ? [SECOND, SECOND] : [undefined, FIRST]);
});

describe("the line", () => {
    it("says which pool it waits for, and what that has proven", () => {
        expect(ask({ pool: "canary1", proven: "2026.1121.2359" }).line).toBe(
            "pool1: unchanged, image 2026.1119.0000 from node a; node n fits, but waits for pool canary1, none of whose new nodes has " +
                "proven an image of 2026-11-22 or later yet (the newest is 2026.1121.2359) (1 node: 1 fits)",
        );
        expect(ask({ pool: "canary1" }).line).toContain("2026-11-22 or later yet (nor any other)");
    });

    it("is as ever without a canary, and for a pin, which takes nothing", () => {
        expect(ask(undefined).chosen?.choice.version).toBe(SECOND);
        expect(ask({ pool: "canary1" }, { pin: FIRST }).line).toContain("pinned to image 2026.1119.0000");
    });
});
