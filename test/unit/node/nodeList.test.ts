// The list of nodes: what one row of it tells, and whether a pool can spare one more.
import { describe, expect, it, test } from "vitest";
import { REBOOT_IN_PROGRESS, REBOOT_NEEDED } from "../../../components/node/kured";
import { canSpare, toListedNode, type MinimumNodes } from "../../../components/node/nodeList";

describe("a row of the list", () => {
    test.each([
        ["Ready", true, false],
        ["Ready,SchedulingDisabled", true, true],
        ["NotReady", false, false],
        ["NotReady,SchedulingDisabled", false, true],
        ["Unknown", false, false],
        ["", false, false],
    ])("with status %j is ready %s, cordoned %s", (status, ready, cordoned) => {
        expect(toListedNode({ name: "n" }, status)).toMatchObject({ name: "n", ready, cordoned, deleting: false });
    });

    it("has its kubelet's version, or nothing where it has not said it yet", () => {
        expect(toListedNode({ name: "n" }, "Ready", "v1.27.4").kubeletVersion).toBe("v1.27.4");
        expect(toListedNode({ name: "n" }, "Ready").kubeletVersion).toBe("");
    });

    it("tells that the node is being deleted", () => {
        expect(toListedNode({ name: "n", deletionTimestamp: new Date() }, "Ready").deleting).toBe(true);
    });

    describe("tells when kured last wrote to the node", () => {
        const time = new Date("2026-11-25T13:35:40Z");
        const fieldsV1 = {
            "f:metadata": { "f:annotations": { [`f:${REBOOT_NEEDED}`]: {}, [`f:${REBOOT_IN_PROGRESS}`]: {} } },
            "f:spec": { "f:unschedulable": {} },
        };
        const kured = {
            manager: "kured",
            operation: "Update",
            apiVersion: "v1",
            fieldsType: "FieldsV1",
            fieldsV1,
            time,
        };
        test.each([
            ["by its entry among the managers of fields", [{ ...kured, manager: "kubelet" }, kured], time],
            ["as JSON has it, a text", [{ ...kured, time: time.toISOString() as unknown as Date }], time],
            ["not by another manager's entry", [{ ...kured, manager: "kubectl-annotate" }], undefined],
            ["not by an entry without its annotation", [{ ...kured, fieldsV1: { "f:spec": {} } }], undefined],
            ["not by an entry of the status", [{ ...kured, subresource: "status" }], undefined],
            ["not by a time that is none", [{ ...kured, time: "soon" as unknown as Date }], undefined],
            ["not where the record was cleared", [], undefined],
        ])("%s", (_, managedFields, wrote) => {
            expect(toListedNode({ name: "n", managedFields }, "Ready").kuredWroteAt).toEqual(wrote);
        });
    });
});

describe("a pool", () => {
    const fine = { annotations: {}, cordoned: false, ready: true, deleting: false };
    const marked = { [REBOOT_IN_PROGRESS]: "2026-11-25T13:31:46Z" };
    const pool = (size: number, ...others: object[]) =>
        Array.from({ length: size }, (_, index) => ({ name: `n${index}`, ...fine, ...others[index - 1] }));

    test.each<
        [string, ReturnType<typeof pool>, MinimumNodes | undefined, string[], Partial<ReturnType<typeof canSpare>>]
    >([
        ["of one node can spare it", pool(1), undefined, [], { others: 0, spare: true }],
        [
            "needs all others where nothing is set",
            pool(3, { ready: false }),
            undefined,
            [],
            { inService: 1, needed: 2, spare: false },
        ],
        [
            "needs as many as set",
            pool(3, { ready: false }),
            { value: 1, unit: "nodes" },
            [],
            { inService: 1, needed: 1, spare: true },
        ],
        [
            "needs a part of the others, rounded up",
            pool(10, { ready: false }),
            { value: 80, unit: "percent" },
            [],
            { inService: 8, needed: 8, spare: true },
        ],
        [
            "does not have what it has not",
            pool(3),
            { value: 5, unit: "nodes" },
            [],
            { inService: 2, needed: 5, spare: false },
        ],
        [
            "may be told to need none",
            pool(2, { ready: false }),
            { value: 0, unit: "nodes" },
            ["n1"],
            { needed: 0, spare: true },
        ],
        [
            "does not count what is being deleted",
            pool(3, { deleting: true }),
            { value: 2, unit: "nodes" },
            [],
            { inService: 1, spare: false },
        ],
        [
            "does not count what kured drains",
            pool(3, { cordoned: true, annotations: marked }),
            { value: 2, unit: "nodes" },
            [],
            { inService: 1, spare: false },
        ],
        ["counts what waits for kured", pool(3, { annotations: marked }), undefined, [], { inService: 2, spare: true }],
        [
            "counts what a person has cordoned",
            pool(3, { cordoned: true }),
            undefined,
            [],
            { inService: 2, spare: true },
        ],
        ["waits for a reboot anywhere", pool(3), undefined, ["x"], { rebooting: "x", spare: false }],
        ["does not wait for the reboot of the node itself", pool(3), undefined, ["n0"], { spare: true }],
        ["does not wait where a number is set", pool(3), { value: 1, unit: "nodes" }, ["x"], { spare: true }],
    ])("%s", (_, nodes, minimum, rebooting, expected) => {
        expect(canSpare(nodes, "n0", rebooting, minimum)).toMatchObject(expected);
    });

    it("does not count the node that is to be taken itself", () => {
        expect(canSpare([{ name: "n0", ...fine, ready: false }], "n0", [])).toMatchObject({ others: 0, spare: true });
    });
});
