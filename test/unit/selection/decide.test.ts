// Decisions: which node, which version, what history keeps, and the line that says so.
import { describe, expect, it, test } from "vitest";
import { decide, contenders } from "../../../components/selection/decide";
import { roundedDown } from "../../../components/core/duration";
import { logLine, stateLine } from "../../../components/selection/explain";
import { REBOOT_IN_PROGRESS } from "../../../components/node/kured";
import type { PoolNode } from "../../../components/selection/rules";
import type { UnfinishedCapture } from "../../../components/selection/unfinished";
import { IMAGE, choice, image, node, question } from "./facts";

const built = { history: [choice(IMAGE)], gallery: [image(IMAGE)] };
const old = (name: string) => node(name, { needed: "2026-11-01T00:00:00Z" });
const names = (choices: { version: string }[]) => choices.map(({ version }) => version);

function ask(nodes: PoolNode[], about: Parameters<typeof question>[0]) {
    const asked = question(about);
    const decision = decide(nodes, asked);
    return { ...decision, line: logLine("pool1", decision, asked.facts, asked.facts.newest), asked };
}

describe("a decision", () => {
    it("takes the node that is newer than the image, and says so in one line", () => {
        const nodes = [
            ...Array.from({ length: 9 }, (_, index) => old(`old-${index}`)),
            node("r1", { annotations: { [REBOOT_IN_PROGRESS]: "" } }),
            node("r2", { annotations: { [REBOOT_IN_PROGRESS]: "" } }),
            node("k8s-pool1-12345678-vmss00000b"),
        ];
        const { versions, current, currentNode, line } = ask(nodes, built);
        expect([names(versions), current, currentNode]).toEqual([
            [IMAGE, "2026.1122.0412"],
            "2026.1122.0412",
            "k8s-pool1-12345678-vmss00000b",
        ]);
        expect(line).toBe(
            "pool1: node k8s-pool1-12345678-vmss00000b, reboot needed 2026-11-22 04:12Z, ready 15h, " +
                "image 2026.1121.0409 → 2026.1122.0412 (12 nodes: 9 not newer than the image, 2 rebooting, 1 fits); " +
                "capture in place: the node is drained and off for minutes (kamino:capture)",
        );
    });

    it("says that new nodes still join by their own bootstrap, where they do", () => {
        const way = { mode: "copy", why: "the cluster has disk.csi.azure.com" } as const;
        const { line } = ask([node("n")], { ...built, way, bootstrap: "keep" });
        expect(line).toMatch(/com\); new nodes still join by their own bootstrap, from the patched disk$/);
    });

    it("takes no node that joined by kubeadm where its disk would be cleaned in place", () => {
        const { chosen, line } = ask([node("n")], { ...built, bootstrap: "keep" });
        expect(chosen).toBeUndefined();
        expect(line).toBe(
            "pool1: unchanged, image 2026.1121.0409 from node node-a; node n fits, but nodes that joined by kubeadm cannot " +
                "be cleaned in place (kamino:capture): set kamino:capture to copy, for which the cluster needs the driver " +
                "disk.csi.azure.com (1 node: 1 fits)",
        );
    });

    it("keeps everything when no node is newer", () => {
        const { versions, current, currentNode, line } = ask([old("a"), old("b")], built);
        expect([versions, current, currentNode]).toEqual([built.history, IMAGE, "node-a"]);
        expect(line).toBe(
            "pool1: unchanged, image 2026.1121.0409 from node node-a (2 nodes: 2 not newer than the image)",
        );
    });

    it("is nothing in an empty pool", () => {
        const { versions, current, line } = ask([], {});
        expect([versions, current, line]).toEqual([[], "", "pool1: unchanged, no image yet (0 nodes: 0 fit)"]);
    });

    it("records the moment in UTC, the VM, the way of the capture, and the first attempt", () => {
        const { chosen } = ask([node("n", { needed: "2026-11-22T06:12:09.5+02:00", instance: 407 })], built);
        expect(chosen?.choice).toEqual({
            ...{
                version: "2026.1122.0412",
                node: "n",
                instanceId: "407",
                rebootNeededAt: "2026-11-22T04:12:09Z",
                capture: "in-place",
                attempt: 1,
            },
        });
    });

    it("waits for as many candidates as wanted, and says how many there are", () => {
        const { chosen, line } = ask([node("a"), old("b")], { ...built, rules: { minimumCandidates: 2 } });
        expect(chosen).toBeUndefined();
        expect(line).toContain(
            "; 1 of the 2 nodes that minimumCandidates wants (2 nodes: 1 not newer than the image, 1 fits)",
        );
    });

    it("prunes history, but neither the live version nor the pinned one", () => {
        const versions = ["2026.1118.0000", "2026.1119.0000", "2026.1120.0000"];
        const past = { history: versions.map((each) => choice(each)), gallery: versions.map((each) => image(each)) };
        expect(names(ask([node("a")], { ...past, maxHistory: 2 }).versions)).toEqual([
            "2026.1120.0000",
            "2026.1122.0412",
        ]);
        expect(names(ask([node("a")], { ...past, maxHistory: 2, live: versions[0] }).versions)).toEqual([
            ...["2026.1118.0000", "2026.1120.0000", "2026.1122.0412"],
        ]);
        expect(names(ask([node("a")], { ...past, maxHistory: 2, pin: versions[0] }).versions)).toEqual(versions);
    });

    it("does not go back from a newer version that the model points at already", () => {
        const live = "2026.1121.2300";
        expect(ask([old("a")], { ...built, gallery: [...built.gallery, image(live)], live }).current).toBe(live);
    });
});

describe("a run that failed before the image was made", () => {
    const pending = choice("2026.1122.0412", "n", { rebootNeededAt: "2026-11-22T04:12:09Z" });
    const failed = { history: [...built.history, pending], gallery: built.gallery };

    const again = { ...pending, capture: "in-place" };

    it("is gone on with, also when its own capture has just restarted the node", () => {
        const { versions } = ask([node("n", { readySince: "2026-11-22T19:59:00Z" })], failed);
        expect(versions).toEqual([...built.history, again]);
    });

    it("is gone on with in another way of capturing, where that is what holds now", () => {
        const copied = {
            history: [...built.history, { ...pending, capture: "copy" as const }],
            gallery: built.gallery,
        };
        expect(ask([node("n")], copied).versions.at(-1)).toEqual(again);
    });

    it("does not hide a newer node", () => {
        const { versions } = ask(
            [node("n"), node("m", { needed: "2026-11-22T10:00:00Z", readySince: "2026-11-22T10:05:00Z" })],
            failed,
        );
        expect(names(versions)).toEqual([IMAGE, "2026.1122.1000"]);
    });

    it("is dropped when its node is of no use any more", () => {
        const { versions, current } = ask([node("n", { ready: false })], failed);
        expect([names(versions), current]).toEqual([[IMAGE], IMAGE]);
    });

    it("is a further attempt when Azure could not make the image", () => {
        const gallery = [...built.gallery, image("2026.1122.0412", { state: "Failed" })];
        const { versions, line } = ask([node("n")], { ...failed, gallery });
        expect(versions.at(-1)).toEqual({ ...again, attempt: 2 });
        expect(line).toContain("attempt 2");
    });
});

describe("a node whose reboot had to wait", () => {
    // Its need was seen before the donor's of the newest image; its turn came a day after that image.
    const waited = node("w", {
        needed: "2026-11-21T04:00:00Z",
        kuredWroteAt: new Date("2026-11-22T13:35:40Z"),
        readySince: "2026-11-22T13:36:00Z",
    });

    it("is newer than an image made meanwhile, and names its version by the reboot", () => {
        const { chosen, line } = ask([waited, old("b")], built);
        expect(chosen?.choice).toMatchObject({
            version: "2026.1122.1335",
            node: "w",
            rebootNeededAt: "2026-11-21T04:00:00Z",
        });
        expect(line).toContain("node w, reboot needed 2026-11-21 04:00Z, rebooted 2026-11-22 13:35Z, ready 6h, image");
    });

    it("is taken once: our own restart of it does not make it newer", () => {
        const first = ask([waited], built);
        const after = { ...waited, details: { ...waited.details!, readySince: new Date("2026-11-22T18:00:00Z") } };
        const again = ask([after, old("b")], {
            history: first.versions,
            gallery: [image(IMAGE), image("2026.1122.1335")],
        });
        expect([again.chosen, again.versions]).toEqual([undefined, first.versions]);
    });

    it("that an earlier version took and named by the need is not taken once more for the same reboot", () => {
        const donor = node("d", {
            needed: "2026-11-22T13:31:38Z",
            kuredWroteAt: new Date("2026-11-22T13:34:00Z"),
            readySince: "2026-11-22T13:40:00Z",
        });
        const past = {
            history: [choice("2026.1122.1331", "d", { rebootNeededAt: "2026-11-22T13:31:38Z" })],
            gallery: [image("2026.1122.1331")],
        };
        expect(ask([donor], past).chosen).toBeUndefined();
    });

    it("gives the image to the one that was rebooted last, of nodes whose need was seen within seconds", () => {
        const seen = (name: string, needed: string, wrote: string) =>
            node(name, {
                needed: `2026-11-22T${needed}Z`,
                kuredWroteAt: new Date(`2026-11-22T${wrote}Z`),
                readySince: `2026-11-22T${wrote}Z`,
            });
        const [zero, one, two] = [
            seen("0", "13:31:46", "13:36:33"),
            seen("1", "13:31:36", "13:35:40"),
            seen("2", "13:31:38", "13:34:05"),
        ];
        const first = ask([one, two], { ...built, now: new Date("2026-11-22T15:00:00Z") });
        expect(first.chosen?.choice).toMatchObject({ node: "1", version: "2026.1122.1335" });
        // Rebooted last of all, it is not passed over for good.
        const next = ask([zero, one, two], {
            history: first.versions,
            gallery: [image(IMAGE), image("2026.1122.1335")],
        });
        expect(next.chosen?.choice).toMatchObject({ node: "0", version: "2026.1122.1336" });
    });
});

describe("one bad capture stays one:", () => {
    const capture = { node: "x", state: "dead" as const, version: "2026.1122.0100", cordoned: true };
    const journals: [string, UnfinishedCapture, string][] = [
        [
            "of a capture that died",
            capture,
            "no other node is captured before node x is back in service, whose capture for image 2026.1122.0100 was cut off: an up recovers it first; where it cannot, look at the node and then clear it (kubectl annotate node x kamino/capture-journal-)",
        ],
        [
            "of another run's capture",
            { ...capture, state: "running" },
            "node x is being captured for image 2026.1122.0100 by another run",
        ],
        [
            "that no capture wrote",
            { ...capture, state: "unusable", version: "" },
            "no node is captured while node x carries a kamino/capture-journal that no capture wrote: look at the node, then kubectl annotate node x kamino/capture-journal-",
        ],
    ];

    test.each(journals)(
        "no node is taken while another one carries a journal %s, and the line says how to clear it",
        (_, one, words) => {
            for (const about of [built, { ...built, node: "n" }]) {
                const { chosen, versions, line } = ask([node("n"), node("x")], { ...about, unfinished: [one] });
                expect([chosen, versions]).toEqual([undefined, built.history]);
                expect(line).toContain(`unchanged, image ${IMAGE} from node node-a; ${words}`);
            }
        },
    );

    it("the node itself is gone on with when its capture died, but not while it runs", () => {
        const of = (state: UnfinishedCapture["state"]) =>
            ask([node("x")], { ...built, unfinished: [{ ...capture, state }] }).chosen;
        expect([of("dead")?.node.name, of("running"), of("unusable")]).toEqual(["x", undefined, undefined]);
    });

    it("an image that Azure failed to make twice is not tried a third time, until a person names its node or kured reboots it again", () => {
        const pending = choice("2026.1122.0412", "n", { rebootNeededAt: "2026-11-22T04:12:09Z", attempt: 2 });
        const failed = image("2026.1122.0412", { state: "Failed", attempt: 2, node: "n" });
        const first = ask([node("n")], { history: [...built.history, pending], gallery: [...built.gallery, failed] });
        expect([first.chosen, first.versions, first.givenUp]).toEqual([
            undefined,
            built.history,
            [{ node: "n", version: "2026.1122.0412" }],
        ]);
        expect(first.line).toContain(
            "; node n fits, but Azure has failed twice to make image 2026.1122.0412 of it: see",
        );

        // The failed version has gone with its choice; what is remembered stays.
        const later = { ...built, givenUp: first.givenUp };
        const second = ask([node("n")], later);
        expect([second.chosen, second.versions, second.givenUp]).toEqual([undefined, built.history, first.givenUp]);
        // Also while the version is still there.
        expect(ask([node("n")], { ...later, gallery: [...built.gallery, failed] }).chosen).toBeUndefined();

        expect(ask([node("n")], { ...later, node: "n" }).chosen?.choice).toMatchObject({
            version: "2026.1122.0412",
            attempt: 1,
        });
        const rebooted = node("n", { needed: "2026-11-22T10:00:00Z", readySince: "2026-11-22T10:05:00Z" });
        expect(ask([rebooted], later).chosen?.choice.version).toBe("2026.1122.1000");
        const newer = [...built.gallery, image("2026.1122.1100")];
        expect(ask([node("n")], { ...later, gallery: newer }).givenUp).toEqual([]);
    });
});

describe("an image that is too old", () => {
    const aged = {
        history: [choice("2026.1001.0000")],
        gallery: [image("2026.1001.0000")],
        rules: { maximumImageAgeMs: 20 * 86_400_000 },
    };
    const unrebooted = node("a", { needed: "2026-09-01T00:00:00Z" });

    it("is made anew without a reboot, named by whole ages after it", () => {
        const { chosen } = ask([unrebooted], aged);
        // 40 days after the first of October; 52 have passed.
        expect(chosen?.choice).toMatchObject({
            version: "2026.1110.0000",
            node: "a",
            rebootNeededAt: "2026-09-01T00:00:00Z",
        });
    });

    it("takes no name that stands in the gallery as failed, unless it is a choice of the stack's", () => {
        const failed = image("2026.1110.0000", { state: "Failed" });
        const gallery = [...aged.gallery, failed];
        expect(ask([unrebooted], { ...aged, gallery }).chosen?.choice.version).toBe("2026.1110.0001");
        const history = [...aged.history, choice(failed.version, "another")];
        const { chosen } = ask([unrebooted], { ...aged, gallery, history });
        expect(chosen?.choice).toMatchObject({ version: failed.version, attempt: 2 });
    });

    it("does with nodes that were never rebooted, not with those whose annotation is not to be believed", () => {
        expect(ask([node("a", { needed: null })], aged).chosen?.choice.rebootNeededAt).toBe("2026-11-10T00:00:00Z");
        expect(
            ask([node("a", { needed: "soon" }), node("b", { needed: "2027-01-01T00:00:00Z" })], aged).chosen,
        ).toBeUndefined();
    });

    it("is made from a rebooted node, by that node's own moment, if there are enough", () => {
        expect(ask([unrebooted, node("b")], aged).chosen?.choice).toMatchObject({
            version: "2026.1122.0412",
            node: "b",
        });
    });

    it("still needs as many candidates as wanted, and nodes that are Ready", () => {
        expect(ask([unrebooted], { ...aged, rules: { ...aged.rules, minimumCandidates: 2 } }).chosen).toBeUndefined();
        expect(
            ask([{ ...unrebooted, details: { ...unrebooted.details!, ready: false } }], aged).chosen,
        ).toBeUndefined();
    });

    it("is not too old a minute before", () => {
        expect(ask([unrebooted], { ...aged, now: new Date("2026-10-20T23:59:00Z") }).chosen).toBeUndefined();
    });
});

describe("a node that the configuration names", () => {
    it("is taken whatever the soft rules say", () => {
        const fresh = node("n", { cordoned: true, readySince: "2026-11-22T19:59:59Z" });
        const { chosen, line } = ask([fresh, node("m")], {
            ...built,
            node: "n",
            rules: { ignoreNodes: ["n"], minimumCandidates: 5 },
        });
        expect(chosen?.choice.node).toBe("n");
        expect(line).toContain("as named by the configuration (node)");
    });

    it("is taken once", () => {
        const first = ask([old("n")], { ...built, node: "n" });
        expect(first.chosen?.choice.version).toBe("2026.1121.0410");
        const again = { history: first.versions, gallery: [image(IMAGE), image("2026.1121.0410")], node: "n" };
        const { chosen, versions, line } = ask([old("n")], again);
        expect([chosen, versions]).toEqual([undefined, first.versions]);
        expect(line).toContain("; node n was not rebooted since");
    });

    it("is taken again after a later reboot", () => {
        const own = { history: [choice(IMAGE, "n")], gallery: [image(IMAGE)], node: "n" };
        expect(ask([node("n")], own).chosen?.choice.version).toBe("2026.1122.0412");
    });

    it("keeps its version over a failed run, though our own capture restarted it", () => {
        const first = ask([node("n", { needed: null })], { node: "n" });
        expect(first.chosen?.choice.version).toBe("2026.1122.0500");
        const restarted = node("n", { needed: null, readySince: "2026-11-22T19:59:00Z" });
        expect(ask([restarted], { history: first.versions, node: "n" }).versions).toEqual(first.versions);
    });

    it("waits while it reboots or is not Ready", () => {
        const rebooting = node("n", { annotations: { [REBOOT_IN_PROGRESS]: "" } });
        expect(ask([rebooting], { ...built, node: "n" }).line).toContain("; node n is rebooting");
        expect(ask([node("n", { ready: false })], { ...built, node: "n" }).line).toContain("; node n is not Ready");
    });

    it("is refused when it is not there, not in the set, the own one or control plane", () => {
        const key = 'kamino:pools, pool "pool1", node: "n" ';
        expect(() => ask([node("m")], { node: "n" })).toThrow(
            `${key}is not a node of scale set "k8s-pool1-12345678-vmss"`,
        );
        const elsewhere = node("n", { details: { providerID: "azure:///x", ready: true } });
        expect(() => ask([elsewhere], { node: "n" })).toThrow(`${key}is not a node of scale set`);
        expect(() => ask([node("n")], { node: "n", ownNode: "n" })).toThrow(
            `${key}is the node that this program runs on`,
        );
        const master = node("n", { labels: { "kubernetes.io/role": "master" } });
        expect(() => ask([master], { node: "n" })).toThrow(`${key}is a control plane node`);
    });
});

describe("a pinned version", () => {
    const two = {
        history: [choice("2026.1120.0000", "a"), choice(IMAGE, "b")],
        gallery: [image("2026.1120.0000"), image(IMAGE)],
    };

    it("is current, and no node is taken meanwhile", () => {
        const { current, currentNode, versions, chosen, line } = ask([node("n")], { ...two, pin: "2026.1120.0000" });
        expect([current, currentNode, versions, chosen]).toEqual(["2026.1120.0000", "a", two.history, undefined]);
        expect(line).toBe("pool1: pinned to image 2026.1120.0000 by the configuration (pin)");
    });

    it("may be one that only the gallery knows", () => {
        const { current, currentNode } = ask([], { gallery: [image("2026.11.1", { node: "x" })], pin: "2026.11.01" });
        expect([current, currentNode]).toEqual(["2026.11.1", "x"]);
    });

    it("that is not there is refused, with those that are", () => {
        expect(() => ask([], { ...two, pin: "2026.1101.0000" })).toThrow(
            'kamino:pools, pool "pool1", pin: there is no image version 2026.1101.0000 in the gallery; there is 2026.1120.0000, 2026.1121.0409',
        );
    });

    it("gives way to the newest when the pin is taken away", () => {
        expect(ask([old("n")], { ...two, live: "2026.1120.0000" }).current).toBe(IMAGE);
    });
});

describe("reading", () => {
    const bare = (each: PoolNode) => ({ ...each, details: undefined });

    it("is asked only of nodes that could win by their metadata", () => {
        const nodes = [node("a"), old("b"), node("c", { cordoned: true })].map(bare);
        expect(contenders(nodes, question(built))).toEqual(["a"]);
        expect(contenders(nodes, question({ ...built, pin: IMAGE }))).toEqual([]);
        expect(contenders(nodes, question({ ...built, node: "b" }))).toEqual(["b"]);
        expect(contenders(nodes, question({ ...built, node: "gone" }))).toEqual([]);
    });

    it("is asked of those without a reboot as well when the image is too old", () => {
        const nodes = [node("a"), old("b"), node("c", { needed: null }), node("d", { needed: "soon" })].map(bare);
        expect(contenders(nodes, question({ ...built, rules: { maximumImageAgeMs: 3_600_000 } }))).toEqual([
            "a",
            "b",
            "c",
        ]);
    });
});

describe("the explanation kept in the state", () => {
    it("says nothing that is different a minute later", () => {
        const { asked } = ask([], built);
        const decision = decide([node("n")], asked);
        expect(stateLine(decision, asked.facts, IMAGE)).toBe(
            "node n, reboot needed 2026-11-22 04:12Z, image 2026.1121.0409 → 2026.1122.0412",
        );
        expect(stateLine(decide([], asked), asked.facts, IMAGE)).toBe("image 2026.1121.0409 from node node-a");
        expect(stateLine(decide([], question()), asked.facts, "")).toBe("no node fits yet, so there is no image");
    });

    it("gives ages in one unit", () => {
        expect([0, 59, 119, 120, 7199, 7200, 172_799, 172_800].map((each) => roundedDown(each * 1000))).toEqual([
            ...["0s", "59s", "119s", "2m", "119m", "2h", "47h", "2d"],
        ]);
    });
});
