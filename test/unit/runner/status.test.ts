// `npm run status`: what a person reads.
import { describe, expect, it } from "vitest";
import type { MachineAndNode } from "../../../components/selection/proof";
import type { PoolFacts } from "../../../runner/status/read";
import { render, statusOf } from "../../../runner/status/show";

const NOW = new Date("2026-11-25T12:00:00Z");
const RULES = { minimumReadyTimeMs: 3_600_000, newNodeTimeoutMs: 900_000 };
const ago = (minutes: number) => new Date(NOW.getTime() - minutes * 60_000);
const machine = { name: "n", running: true, ready: false, wasReady: false };
const ready = (minutes: number): MachineAndNode => ({
    ...{ ...machine, ready: true, madeAt: ago(minutes + 2), readySince: ago(minutes) },
});
const notReady = (minutes: number, name: string): MachineAndNode => ({ ...machine, name, madeAt: ago(minutes) });

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

    it("has the configuration's word on an image before that of its machines", () => {
        const machines = new Map([[version("2026.1122.412").toLowerCase(), [notReady(20, "x")]]]);
        const rules = { ...RULES, trust: ["2026.1122.0412"], reject: ["2026.1121.0409"] };
        const { images, attention } = statusOf(facts({ machines, image: version("2026.1122.0412") }), NOW, rules);
        expect(images.map(({ proof }) => proof)).toEqual(["trusted", "rejected"]);
        expect(attention).toEqual([]);
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
