// What a capture says of itself: on its node as an Event, and on the screen, from where a trace reads it again.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nodeEvent } from "../../../components/capture/nodeEvent";
import { elapsedOf } from "../../../components/core/duration";
import { capturingLine, parseCapturingLine } from "../../../components/capture/status";
import { UserError } from "../../../components/core/errors";

const target = {
    ...{ pool: "pool1", version: "2026.1122.0412", node: "k8s-pool1-vmss000001", instanceId: "1" },
    scaleSetId: "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachineScaleSets/vmss",
};
const now = new Date("2026-11-22T05:00:00Z");

describe("the Event on the node", () => {
    test("is one that kubectl describe node finds: in default, with the node's name as its UID", () => {
        expect(nodeEvent(target, { how: "in 7m; the node is back in service" }, now)).toMatchObject({
            ...{ type: "Normal", reason: "ImageCaptured" },
            message: "OS disk captured for image 2026.1122.0412 of pool pool1: in 7m; the node is back in service",
            metadata: {
                namespace: "default",
                name: expect.stringMatching(/^k8s-pool1-vmss000001\.[0-9a-f]+$/) as string,
            },
            involvedObject: { kind: "Node", name: target.node, uid: target.node },
            ...{ firstTimestamp: now, lastTimestamp: now, count: 1 },
        });
    });

    test("is a warning with the reason of a capture that failed", () => {
        const failure = new UserError('at step "drain": 1 pod does not leave; the node is back in service');
        expect(nodeEvent(target, { failure }, now)).toMatchObject({
            ...{ type: "Warning", reason: "ImageCaptureFailed" },
            message: `OS disk not captured for image 2026.1122.0412 of pool pool1: ${failure.message}`,
        });
    });

    test.each([
        ["a bearer token", "refused: Bearer abc.def-ghi", "abc.def-ghi"],
        ["a signed token", `refused: ${"eyJhbGciOi"}.eyJzdWIi.c2ln`, "eyJzdWIi"],
        ["a storage URL's signature", "https://store/container?sv=1&sig=c2VjcmV0", "c2VjcmV0"],
    ])("does not hold %s", (_, message, secret) => {
        expect(JSON.stringify(nodeEvent(target, { failure: new Error(message) }, now))).not.toContain(secret);
    });

    test("is at most as long as the API takes, whatever went wrong", () => {
        fc.assert(
            fc.property(fc.string({ maxLength: 5000 }), (text) => {
                const { message = "" } = nodeEvent(target, { failure: new Error(text) }, now);
                expect(message.length).toBeLessThanOrEqual(1024);
            }),
        );
    });
});

describe("the line that says what a capture is doing", () => {
    test.each([
        ["draining, 3 pods to go", "draining"],
        ["waiting for 1 volume to be unmounted", "waiting for volume to be unmounted"],
        ["taking a snapshot of the OS disk", "taking a snapshot of the OS disk"],
        ["waiting for kured's lock, held by a (since 1h)", "waiting for kured's lock"],
        ["the pod was deleted; the disk is copied once more in 5 minutes", "the pod was deleted"],
    ])("%s: is read again as step %s", (doing, step) => {
        const line = capturingLine("pool1", target.node, doing, "1m 3s");
        expect(parseCapturingLine(`${line}\n`)).toEqual({ pool: "pool1", node: target.node, step });
    });

    test("is read again with how long the capture usually takes", () => {
        for (const since of [elapsedOf(250_000, 720_000), elapsedOf(840_000, 720_000)]) {
            const line = capturingLine("pool1", target.node, "draining, 3 pods to go", since);
            expect(parseCapturingLine(line)?.step).toBe("draining");
        }
    });

    test("is read again whatever the step, which stays short", () => {
        fc.assert(
            fc.property(fc.string({ minLength: 1 }), (doing) => {
                const read = parseCapturingLine(capturingLine("pool1", target.node, doing, "7s"));
                expect(read).toMatchObject({ pool: "pool1", node: target.node });
                expect(read?.step.length).toBeLessThanOrEqual(60);
            }),
        );
    });

    test("is not any other line", () => {
        expect(parseCapturingLine("pool1: captured the OS disk of node a in 7s; the node is back in service")).toBe(
            undefined,
        );
    });
});
