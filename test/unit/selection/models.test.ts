// A scale set whose machines use nearly as many images as Azure lets its VMs refer to models.
import { describe, expect, it, test } from "vitest";
import type { Machine } from "../../../components/azure/machines";
import { decide } from "../../../components/selection/decide";
import { logLine } from "../../../components/selection/explain";
import { imagesInUse, isHeld, isNearLimit, modelsText, type ImageInUse } from "../../../components/selection/models";
import { choice, image, node, question } from "./facts";

const DEFINITION =
    "/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/pool1";
const [FIRST, SECOND] = ["2026.1119.0000", "2026.1122.0412"];
const past = { history: [choice(FIRST, "a")], gallery: [image(FIRST)], live: FIRST };

/** One image after the other, each of one machine, the newest of which is the live one. */
function used(count: number, newest = FIRST): ImageInUse[] {
    const older = Array.from({ length: count - 1 }, (_, index) => ({
        version: `2026.010${index}.0400`,
        machines: [`m${index}`],
    }));
    return [...older, { version: newest, machines: ["a"] }];
}

function ask(inUse: ImageInUse[] | undefined, about: Parameters<typeof question>[0] = {}) {
    const asked = { ...question({ ...past, ...about }), imagesInUse: inUse };
    const decision = decide([node("n"), node("b", { needed: null })], asked);
    return { ...decision, line: logLine("pool1", decision, asked.facts, asked.facts.newest) };
}

test.each<[images: number, held: boolean, warned: boolean]>([
    [1, false, false],
    [6, false, false],
    [7, false, true],
    [8, false, true],
    [9, true, true],
    [10, true, true],
    [11, true, true],
])("with %i images in use a new one is held: %s, and a person is told: %s", (images, held, warned) => {
    const inUse = used(images);
    expect(isHeld(SECOND, inUse)).toBe(held);
    expect(isNearLimit(inUse)).toBe(warned);
    const { chosen, current, noChoice } = ask(inUse);
    expect([chosen?.choice.version, current, noChoice?.kind]).toEqual(
        held ? [undefined, FIRST, "models"] : [SECOND, SECOND, undefined],
    );
});

describe("an image that is in use already is not held", () => {
    test("whatever the spelling of its version", () => {
        expect(isHeld("2026.0122.0005", used(10, "2026.122.5"))).toBe(false);
    });

    test("where the choice of the last run is made again", () => {
        const pending = { history: [choice(FIRST, "a"), choice(SECOND, "n")], gallery: [image(FIRST)] };
        expect(ask(used(9, SECOND), { ...past, ...pending }).chosen?.choice.version).toBe(SECOND);
    });

    test("by a pin", () => {
        expect(ask(used(10), { pin: FIRST })).toMatchObject({ current: FIRST, noChoice: { kind: "pinned" } });
    });

    test("nor is the way back from one that failed", () => {
        const failed = { history: [choice(FIRST, "a", { proven: true }), choice(SECOND, "n")], live: SECOND };
        const verdicts = { failed: [{ version: SECOND, machines: 1, late: ["x"] }] };
        const back = ask(used(10), { ...failed, gallery: [image(FIRST), image(SECOND)], verdicts });
        expect([back.current, back.line.startsWith(`pool1: back to image ${FIRST}`)]).toEqual([FIRST, true]);
    });
});

test("nothing is held where it was not asked, as of single VMs", () => {
    expect(ask(undefined).chosen?.choice.version).toBe(SECOND);
});

describe("the line", () => {
    it("says how many images are in use, the limit, and what to do", () => {
        expect(ask(used(9)).line).toBe(
            "pool1: unchanged, image 2026.1119.0000 from node a; node n fits, but the scale set's machines use 9 images, and once they refer to " +
                "10 models Azure adds none of a further one: drain and delete the nodes on the oldest image (m0), and the autoscaler replaces them; " +
                "do not press Upgrade, which may reimage nodes that run pods (2 nodes: 1 without a reboot annotation, 1 fits)",
        );
    });

    it("names three nodes at most, of as many images as have to go", () => {
        const oldest = { version: "2025.1201.0400", machines: ["p", "q", "r", "s", "t"] };
        expect(modelsText([oldest, ...used(8)])).toContain("the nodes on the oldest image (p, q, r and 2 more)");
        expect(modelsText([oldest, ...used(10)])).toContain("the nodes on the 3 oldest images (p, q, r and 4 more)");
        expect(modelsText(used(7))).toContain("the nodes on the oldest image (m0), and");
    });
});

describe("the images in use", () => {
    const machine = (name: string, reference: Machine["image"], day: number): Machine => ({
        ...{ instanceId: name, name, image: reference, running: true },
        madeAt: new Date(`2026-11-${String(day).padStart(2, "0")}T00:00:00Z`),
    });
    const version = (name: string) => ({ id: `${DEFINITION}/versions/${name}` });
    const marketplace = { publisher: "p", offer: "o", sku: "s", version: "1.0.0" };

    test("are told apart by id or name, and ordered by the moment that names them or at which they were first used", () => {
        const found = imagesInUse(
            [
                machine("d", version("2026.1112.0000"), 13),
                machine("c", version("2026.1105.0000"), 20),
                machine("e", { id: version("2026.1112.0000").id.toUpperCase() }, 12),
                machine("b", marketplace, 9),
                machine("a", marketplace, 10),
            ],
            DEFINITION,
        );
        expect(found).toEqual([
            { version: "2026.1105.0000", machines: ["c"] },
            { version: undefined, machines: ["b", "a"] },
            { version: "2026.1112.0000", machines: ["e", "d"] },
        ]);
    });

    test("are one where the latest one is said, whichever versions that was", () => {
        const latest = (exactVersion: string) => ({ ...marketplace, version: "latest", exactVersion });
        const found = imagesInUse(
            [machine("a", latest("1.0.0"), 1), machine("b", latest("1.0.1"), 2), machine("c", latest("1.0.1"), 3)],
            DEFINITION,
        );
        expect(found.map(({ machines }) => machines)).toEqual([["a", "b", "c"]]);
    });
});
