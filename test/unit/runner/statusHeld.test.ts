// `npm run status` of a pool that gets no new image: what somebody should look at, and what ends by itself.
import { describe, expect, it } from "vitest";
import { REBOOT_NEEDED } from "../../../components/node/kured";
import { asUtc } from "../../../components/core/duration";
import { versionOf } from "../../../components/core/version";
import type { PoolFacts } from "../../../runner/status/read";
import { ago, poolFacts, poolStatus, settingsOf } from "./statusExamples";

const DAY = 24 * 60;
const EXAMPLE = { name: "k8s-p-1-vmss", nodes: 3, versions: [30 * 24] };
const FIRST = "k8s-p-1-vmss000001";

/** The pool with the reboots of these nodes so many days ago; the others have none. */
function rebooted(days: Record<string, number>, example = EXAMPLE): PoolFacts["nodes"] {
    return poolFacts(example).nodes.map((node) => {
        const at = days[node.name] === undefined ? undefined : ago(days[node.name] * DAY);
        return {
            ...{
                ...node,
                kuredWroteAt: at,
                annotations: { ...(at && { [REBOOT_NEEDED]: asUtc(at) }) },
            },
            details: { ...node.details!, ready: true, readySince: at ?? ago(100 * DAY) },
        };
    });
}

const attention = (settings: object, changes: Partial<PoolFacts>, example = EXAMPLE) =>
    poolStatus(example, { settings: settingsOf(example.name, settings), ...changes }).attention;

describe("what keeps a pool from a new image", () => {
    it.each([
        [3, []],
        [8, [`node ${FIRST} was rebooted 8d ago, and the newest image is still ${versionOf(ago(30 * DAY))}: `]],
    ])("is said once a node has fitted for more than a week: after %d days", (days, expected) => {
        const found = attention({ minimumCandidates: 2 }, { nodes: rebooted({ [FIRST]: days }) });
        expect(found).toEqual(expected.map((line) => `${line}1 of the 2 nodes that minimumCandidates wants`));
    });

    it("is that no up has come, where a node would be taken", () => {
        expect(attention({}, { nodes: rebooted({ [FIRST]: 8 }) })).toEqual([
            expect.stringMatching(/^node \S+ was rebooted 8d ago.*: no up has taken one of these nodes since$/),
        ]);
    });

    it("is said of a pool that never had an image", () => {
        const example = { ...EXAMPLE, versions: [] };
        const nodes = rebooted({ [FIRST]: 8 }, example);
        expect(attention({ minimumCandidates: 2 }, { nodes }, example)).toEqual([
            `node ${FIRST} was rebooted 8d ago, and the pool has no image yet: 1 of the 2 nodes that minimumCandidates wants`,
        ]);
    });

    it("is nothing where no node was rebooted since, or where the configuration pins a version", () => {
        expect(attention({}, { nodes: rebooted({}) })).toEqual([]);
        expect(attention({ pin: versionOf(ago(30 * DAY)) }, { nodes: rebooted({ [FIRST]: 8 }) })).toEqual([]);
    });

    it("is said at once where a person has to do something", () => {
        const nodes = rebooted({ [FIRST]: 1 });
        const unusable = [{ node: "x", state: "unusable", version: "", cordoned: false } as const];
        expect(attention({}, { nodes, unfinished: unusable })).toEqual([
            "no node is captured while node x carries a kamino/capture-journal that no capture wrote: look at the node, then kubectl annotate node x kamino/capture-journal-",
        ]);
        const way = { mode: "in-place", why: "kamino:capture" } as const;
        expect(attention({ bootstrap: "keep" }, { nodes, way })).toEqual([
            expect.stringMatching(
                /^node \S+ fits, but nodes that joined by kubeadm cannot be cleaned in place .*: set kamino:capture to copy/,
            ),
        ]);
    });

    it("is a node that left service twice for an image that was not made, with the way out", () => {
        const way = { mode: "in-place", why: "kamino:capture" } as const;
        const failed = { "kamino/failed-captures": `${versionOf(ago(DAY))}=2@snapshot` };
        const nodes = rebooted({ [FIRST]: 1 }).map((node) => ({
            ...node,
            annotations: { ...node.annotations, ...(node.name === FIRST && failed) },
        }));
        expect(attention({}, { nodes, way })).toEqual([
            expect.stringMatching(
                /^node \S+ is not taken out of service once more: 2 captures .*; to try again name the node \(node\) or run kubectl annotate node /,
            ),
        ]);
    });

    it("is an image that Azure has failed to make twice, with the way out, once", () => {
        const { state } = poolFacts(EXAMPLE);
        const givenUp = [{ node: FIRST, version: versionOf(ago(8 * DAY)) }];
        const selection = { ...state.selection, givenUp };
        expect(attention({}, { nodes: rebooted({ [FIRST]: 8 }), state: { ...state, selection } })).toEqual([
            `Azure has failed twice to make image ${givenUp[0].version} of node ${FIRST}: see the resource group's activity log; to try it ` +
                "again name the node (node), a later reboot is tried without that",
        ]);
    });
});
