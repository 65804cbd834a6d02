// The rules that a node must fulfil, in their order, each counted; and which of those that do is the one.
import { describe, expect, it, test } from "vitest";
import { REBOOT_IN_PROGRESS } from "../../../components/node/kured";
import {
    REASONS,
    best,
    filterCandidates,
    firstFailure,
    usualKubeletVersion,
    type Reason,
} from "../../../components/selection/rules";
import { IMAGE, SCALE_SET, choice, facts, node, rules } from "./facts";
import { instanceOf } from "../../../components/node/providerId";

type Change = NonNullable<Parameters<typeof node>[1]>;

describe("the kubelet version of a pool", () => {
    const of = (...versions: string[]) => usualKubeletVersion(versions.map((kubeletVersion) => ({ kubeletVersion })));

    test.each([
        ["that of most nodes", ["v1.27.4", "v1.26.9", "v1.26.9"], "v1.26.9"],
        ["the highest where two are as frequent, by number", ["v1.27.9", "v1.27.10"], "v1.27.10"],
        ["that of the nodes that have said theirs", ["", "", "v1.27.4"], "v1.27.4"],
        ["not known without a node that has said its own", ["", ""], undefined],
        ["not known in an empty pool", [], undefined],
    ])("is %s", (_, versions, expected) => expect(of(...versions)).toBe(expected));

    it("rejects no node where it is not known, and none that has not said its own", () => {
        expect(firstFailure(node("n", { kubeletVersion: "v1.25.3" }), facts())).toBeUndefined();
        const known = facts({ kubeletVersion: "v1.24.17" });
        expect(firstFailure(node("n", { kubeletVersion: "" }), known)).toBeUndefined();
    });
});

describe("a node is rejected by the rule", () => {
    const tainted = (taint: string) => ({ ...node("n").details!, taints: ["other", taint] });
    const elsewhere = { providerID: `azure://${SCALE_SET}2/virtualMachines/11`, ready: true };
    test.each<[Reason, string, Change, Parameters<typeof facts>[0]?]>([
        ["elsewhere", "of another scale set whose name begins the same", { details: elsewhere }],
        ["elsewhere", "without a provider id", { details: { providerID: "", ready: true } }],
        ["own", "that this program runs on", {}, { ownNode: "n" }],
        ["ignored", "in ignoreNodes", {}, { rules: rules({ ignoreNodes: ["m", "n"] }) }],
        ["cordoned", "that is cordoned", { cordoned: true }],
        ["controlPlane", "control plane", { labels: { "node-role.kubernetes.io/control-plane": "" } }],
        ["controlPlane", "master, as it was called", { labels: { "node-role.kubernetes.io/master": "true" } }],
        ["controlPlane", "master, by the legacy label", { labels: { "kubernetes.io/role": "master" } }],
        [
            "excludedByAnnotation",
            "with an annotation to ignore",
            { annotations: { "x/hold": "" } },
            { rules: rules({ ignoreAnnotations: ["x/hold"] }) },
        ],
        ["rebooting", "with a reboot in progress", { annotations: { [REBOOT_IN_PROGRESS]: "whatever" } }],
        [
            "rebooting",
            "that kured has cordoned for its reboot",
            { cordoned: true, annotations: { [REBOOT_IN_PROGRESS]: "x" } },
        ],
        ["goingAway", "that is being deleted", { deleting: true, cordoned: true }],
        ...[
            "ToBeDeletedByClusterAutoscaler",
            "node.kubernetes.io/out-of-service",
            "node.cloudprovider.kubernetes.io/shutdown",
            "karpenter.sh/disrupted",
        ].map((taint): [Reason, string, Change] => ["goingAway", `with taint ${taint}`, { details: tainted(taint) }]),
        [
            "otherKubelet",
            "whose kubelet is of another version than the pool's",
            { kubeletVersion: "v1.25.3" },
            { kubeletVersion: "v1.24.17" },
        ],
        ["neverRebooted", "without a reboot annotation", { needed: null }],
        ["unusable", "with a reboot annotation that cannot be used", { needed: "soon" }],
        ["future", "rebooted tomorrow", { needed: "2026-11-23T20:00:00Z" }],
        ["notNewer", "rebooted before the newest image", { needed: "2026-11-20T00:00:00Z" }],
        ["notNewer", "rebooted in the very minute of the newest image", { needed: "2026-11-21T04:09:59Z" }],
        ["notReady", "that is not Ready", { ready: false }],
        ["notReady", "that the list of nodes shows as not Ready", { ready: false, details: undefined }],
        ["notReadyAnew", "Ready since before kured saw the need", { readySince: "2026-11-22T04:12:08Z" }],
        [
            "notReadyAnew",
            "Ready since before its turn came, a day after the need",
            {
                needed: "2026-11-21T10:00:00Z",
                readySince: "2026-11-21T12:00:00Z",
                kuredWroteAt: new Date("2026-11-22T10:00:00Z"),
            },
        ],
        [
            "notNewer",
            "that the image is of, until kured sees another need, whenever its reboot began",
            { needed: "2026-11-21T04:09:30Z", kuredWroteAt: new Date("2026-11-21T04:15:00Z") },
            { built: [choice(IMAGE, "n")] },
        ],
        [
            "notNewer",
            "whose kured wrote in the future",
            { needed: "2026-11-20T00:00:00Z", kuredWroteAt: new Date("2026-11-23T00:00:00Z") },
        ],
        [
            "notNewer",
            "whose kured wrote before it saw the need",
            { needed: "2026-11-20T00:00:00Z", kuredWroteAt: new Date("2026-11-19T00:00:00Z") },
        ],
        ["tooFresh", "Ready a second too short", { readySince: "2026-11-22T19:00:01Z" }],
        ["tooFresh", "that does not say since when", { readySince: "never" }],
    ])("%s: %s", (reason, _, change, about) => {
        expect(firstFailure(node("n", change), facts(about))).toBe(reason);
    });

    it("of its name, when that could not be one", () => {
        expect(firstFailure(node("../../secrets"), facts())).toBe("badName");
        expect(firstFailure(node("x".repeat(254)), facts())).toBe("badName");
    });
});

describe("a node fits", () => {
    test.each<[string, Change, Parameters<typeof facts>[0]?]>([
        ["that fulfils all rules", {}],
        ["Ready for exactly as long as wanted", { readySince: "2026-11-22T19:00:00Z" }],
        [
            "that waited for days, and whose reboot began after the newest image",
            { needed: "2026-11-18T10:00:00Z", kuredWroteAt: new Date("2026-11-21T05:00:00Z") },
        ],
        ["that kured labelled once more after its reboot", { kuredWroteAt: new Date("2026-11-22T05:01:30Z") }],
        ["Ready in the very second in which kured saw the need", { readySince: "2026-11-22T04:12:09Z" }],
        [
            "that the autoscaler could do without, which it takes back",
            { details: { ...node("n").details!, taints: ["DeletionCandidateOfClusterAutoscaler"] } },
        ],
        ["that the image is of, once kured saw another need", {}, { built: [choice(IMAGE, "n")] }],
        ["rebooted a minute after the newest image", { needed: "2026-11-21T04:10:00Z" }],
        ["with any reboot while there is no image", { needed: "2020-01-01T00:00:00Z" }, { newest: "" }],
        ["with another role than master", { labels: { "kubernetes.io/role": "agent" } }],
        ["newer than an image of the earlier naming", {}, { newest: "2026.11.22" }],
    ])("%s", (_, change, about) => expect(firstFailure(node("n", change), facts(about))).toBeUndefined());

    it("that was chosen before and was restarted by our own capture, without proving itself again", () => {
        const restarted = node("n", { readySince: "2026-11-22T19:59:00Z" });
        const pending = [choice("2026.1122.0412", "n")];
        expect(firstFailure(restarted, facts({ pending }))).toBeUndefined();
        expect(firstFailure(node("other", { readySince: "2026-11-22T19:59:00Z" }), facts({ pending }))).toBe(
            "tooFresh",
        );
        // kured has rebooted it since: it has to prove itself again.
        const rebootedAgain = node("n", { needed: "2026-11-22T18:00:00Z", readySince: "2026-11-22T19:59:00Z" });
        expect(firstFailure(rebootedAgain, facts({ pending }))).toBe("tooFresh");
    });
});

describe("counting", () => {
    // One that breaks every rule at once; making it right in the rules' order shows which rule comes next.
    it("is by the first rule broken, in the order of the rules", () => {
        const about = facts({ ownNode: "n", rules: rules({ ignoreNodes: ["n"], ignoreAnnotations: ["x/hold"] }) });
        const broken: Change = {
            labels: { "kubernetes.io/role": "master" },
            annotations: { "x/hold": "", [REBOOT_IN_PROGRESS]: "" },
            needed: "soon",
            cordoned: true,
            deleting: true,
            details: { providerID: "", ready: false },
        };
        const mended: [Reason, Change, Parameters<typeof facts>[0]][] = [
            ["elsewhere", {}, {}],
            ["own", { details: undefined, ready: false }, {}],
            ["ignored", {}, { ownNode: undefined }],
            ["rebooting", {}, { rules: rules({ ignoreAnnotations: ["x/hold"] }) }],
            ["goingAway", { annotations: { "x/hold": "" } }, {}],
            ["cordoned", { deleting: false }, {}],
            ["controlPlane", { cordoned: false }, {}],
            ["excludedByAnnotation", { labels: {} }, {}],
            ["unusable", {}, { rules: rules() }],
            ["notNewer", { needed: "2026-11-01T00:00:00Z" }, {}],
        ];
        let change = broken;
        let now = about;
        for (const [reason, step, aboutStep] of mended) {
            change = { ...change, ...step };
            now = { ...now, ...aboutStep };
            expect(firstFailure(node("n", change), now)).toBe(reason);
        }
    });

    it("counts each node once, and none of another scale set", () => {
        const nodes = [
            node("a"),
            node("b", { needed: "2026-11-01T00:00:00Z" }),
            node("c", { needed: "2026-11-02T00:00:00Z" }),
            node("d", { annotations: { [REBOOT_IN_PROGRESS]: "" } }),
            node("e", { details: { providerID: "azure:///elsewhere", ready: true } }),
        ];
        const { total, rejected, candidates } = filterCandidates(nodes, facts());
        expect({ total, rejected, fit: candidates.map(({ name }) => name) }).toEqual({
            total: 4,
            rejected: { notNewer: 2, rebooting: 1 },
            fit: ["a"],
        });
    });

    it("has words for every rule", () => expect(Object.values(REASONS).every(Boolean)).toBe(true));
});

describe("of those that fit", () => {
    const early = node("early", { needed: "2026-11-22T01:00:00Z", readySince: "2026-11-22T02:00:00Z" });
    const late = node("late", { needed: "2026-11-22T06:00:00+02:00", readySince: "2026-11-22T05:00:00Z" });
    const twin = node("twin", { needed: "2026-11-22T04:00:00Z", readySince: "2026-11-22T05:00:00Z" });

    it("newest takes the one rebooted last, by the moment and not by how it is written", () => {
        expect(best([early, late], facts())?.name).toBe("late");
    });

    it("longest-ready takes the one Ready longest", () => {
        const about = facts({ rules: rules({ prefer: "longest-ready" }) });
        expect(best([late, early], about)?.name).toBe("early");
    });

    it("newest takes the one whose turn came last, though its need was seen first", () => {
        const waited = node("waited", {
            needed: "2026-11-19T01:00:00Z",
            kuredWroteAt: new Date("2026-11-22T04:30:00Z"),
        });
        expect(best([early, waited, late], facts())?.name).toBe("waited");
    });

    it("a tie goes to the first by name", () => {
        expect(best([twin, late], facts())?.name).toBe("late");
        expect(best([late, twin], facts({ rules: rules({ prefer: "longest-ready" }) }))?.name).toBe("late");
    });

    it("longest-ready goes on with a node that our own capture restarted", () => {
        const about = facts({ rules: rules({ prefer: "longest-ready" }), pending: [choice("2026.1122.0400", "late")] });
        expect(best([early, late], about)?.name).toBe("late");
    });

    it("there may be none", () => expect(best([], facts())).toBeUndefined());
});

describe("the scale set of a node", () => {
    test.each([
        [`azure://${SCALE_SET}/virtualMachines/11`, "11"],
        [`azure://${SCALE_SET.toUpperCase()}/virtualMachines/0`, "0"],
        [`azure://${SCALE_SET}/virtualMachines/11/x`, undefined],
        [`azure://${SCALE_SET}/virtualMachines/`, undefined],
        [`azure://${SCALE_SET}0/virtualMachines/1`, undefined],
        ["aws:///eu-west-1a/i-0", undefined],
        ["", undefined],
    ])("is known by its provider id, without case: %s", (id, instance) => {
        expect(instanceOf(id, SCALE_SET)).toBe(instance);
    });
});

it("knows the image that the tests are about", () => expect(facts().newest).toBe(IMAGE));
