// `npm run status`: what the machines made from an image say of it, and what a person reads.
import { describe, expect, it, test } from "vitest";
import { proofOf, type Machine } from "../../../runner/status/proof";
import type { PoolFacts } from "../../../runner/status/read";
import { render, statusOf } from "../../../runner/status/show";

const NOW = new Date("2026-11-25T12:00:00Z");
const RULES = { minimumReadyTimeMs: 3_600_000, newNodeTimeoutMs: 900_000 };
const ago = (minutes: number) => new Date(NOW.getTime() - minutes * 60_000);
const ready = (minutes: number, name = "n"): Machine => ({
    name,
    madeAt: ago(minutes + 2),
    ready: true,
    readySince: ago(minutes),
});
const notReady = (minutes: number, name = "n"): Machine => ({ name, madeAt: ago(minutes), ready: false });

describe("an image is", () => {
    test.each<[string, string, Machine[], string[]]>([
        ["unproven", "without a machine made from it", [], []],
        ["proven", "with a machine that has been Ready for the hour", [ready(60)], []],
        ["unproven", "with one that is Ready a minute too short", [ready(59)], []],
        ["unproven", "with one that has a minute left to become Ready", [notReady(14)], []],
        ["failed", "with one that is late", [notReady(16, "a")], ["a"]],
        ["unproven", "with one that is late while another is Ready", [notReady(16, "a"), ready(5)], ["a"]],
        ["proven", "with one that is late while another proves it", [notReady(16, "a"), ready(90)], ["a"]],
        ["failed", "with one that is late while another has time", [notReady(16, "a"), notReady(3)], ["a"]],
        ["unproven", "with one of which Azure does not say when it was made", [{ name: "n", ready: false }], []],
        ["unproven", "with one that does not say since when it is Ready", [{ name: "n", ready: true }], []],
    ])("%s %s", (state, _, machines, late) => expect(proofOf(machines, NOW, RULES)).toEqual({ state, late }));
});

const DEFINITION = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/pool1";
const version = (name: string) => `${DEFINITION}/versions/${name}`;
const facts = (changes: Partial<PoolFacts> = {}): PoolFacts => ({
    name: "pool1",
    output: {
        scaleSetId: "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachineScaleSets/pool1",
        version: "2026.1122.0412",
        versions: ["2026.1122.0412"],
        explanation: "node a, reboot needed 2026-11-22 04:12Z, image 2026.1122.0412",
        model: { image: version("2026.1122.0412"), rest: "" },
    },
    image: version("2026.1122.412"),
    definition: DEFINITION,
    gallery: [
        { version: "2026.1121.0409", state: "Succeeded", attempt: 1, node: "b" },
        { version: "2026.1122.412", state: "Updating", attempt: 1, node: "a" },
    ],
    machines: new Map([
        [version("2026.1122.412").toLowerCase(), [ready(90), ready(3)]],
        ["microsoft-aks:aks:ubuntu:2021.12.07", [ready(5000)]],
    ]),
    unfinished: [],
    leftovers: [],
    ...changes,
});

describe("the status of a pool", () => {
    it("is a table of its images, newest first, with the machines that were made from each", () => {
        expect(render([statusOf(facts({ image: version("2026.1122.0412") }), NOW, RULES)]).split("\n")).toEqual([
            "pool1: node a, reboot needed 2026-11-22 04:12Z, image 2026.1122.0412",
            "    image                                age  machines  Ready  proof     from node",
            "  * 2026.1122.412 (Updating)             3d   2         2      proven    a",
            "    2026.1121.0409                       4d   0         0      unproven  b",
            "    microsoft-aks:aks:ubuntu:2021.12.07       1         1",
        ]);
    });

    it("names an image that failed, and the machines", () => {
        const machines = new Map([[version("2026.1122.412").toLowerCase(), [notReady(20, "x"), notReady(1, "y")]]]);
        expect(statusOf(facts({ machines, image: version("2026.1122.0412") }), NOW, RULES).attention).toEqual([
            "image 2026.1122.412 failed: 1 of 2 machines made from it not Ready in time (x)",
        ]);
    });

    it("says that somebody else has changed the image", () => {
        const image = "Canonical:ubuntu:22_04-lts:latest";
        expect(statusOf(facts({ image }), NOW, RULES).attention).toEqual([
            "new machines start from Canonical:ubuntu:22_04-lts:latest, and this stack left the model at 2026.1122.0412: " +
                "somebody else has changed it",
        ]);
    });

    it("counts machines of a version of the same name in another gallery apart", () => {
        const elsewhere = version("2026.1122.412").replace("/galleries/g/", "/galleries/h/");
        const machines = new Map([[elsewhere, [ready(90)]]]);
        expect(statusOf(facts({ machines }), NOW, RULES).images).toMatchObject([
            { image: "2026.1122.412", machines: 0, proof: "unproven" },
            { image: "2026.1121.0409", machines: 0 },
            { image: "h/pool1/2026.1122.412", machines: 1, current: false },
        ]);
    });

    it("takes no other spelling of the same version for a change", () => {
        expect(statusOf(facts(), NOW, RULES).attention).toEqual([]);
    });

    it("names what captures have left", () => {
        const unfinished = [{ node: "a", state: "dead", version: "2026.1122.0412", cordoned: true } as const];
        const { attention } = statusOf(facts({ unfinished, leftovers: ["disk kamino-a-copy"] }), NOW, RULES);
        expect(attention).toEqual([
            "node a: its capture for image 2026.1122.0412 is dead",
            "disk kamino-a-copy: of a capture that is under way or was interrupted; the next up uses or removes it",
        ]);
    });
});
