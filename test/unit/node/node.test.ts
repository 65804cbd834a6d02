// When a node's kubelet is not waited for any more.
import type { V1Node } from "@kubernetes/client-node";
import { expect, test } from "vitest";
import { whyDead } from "../../../components/node/node";

const node = (ready: string, ...taints: string[]): V1Node => ({
    spec: { taints: taints.map((key) => ({ key, effect: "NoExecute" })) },
    status: { conditions: [{ type: "Ready", status: ready }] },
});

test.each([
    ["that the cluster has no more", undefined, "is gone"],
    ["whose kubelet is silent", node("Unknown", "node.kubernetes.io/unreachable"), "is not Ready"],
    ["whose kubelet says so", node("False"), "is not Ready"],
    ["that never said anything", {}, "is not Ready"],
    ["that was declared out of service", node("Unknown", "node.kubernetes.io/out-of-service"), "is out of service"],
    [
        "that is Ready, though it was declared so",
        node("True", "node.kubernetes.io/out-of-service"),
        "is out of service",
    ],
    ["that is Ready", node("True", "dedicated"), undefined],
] as const)("a node %s", (_which, found, why) => {
    expect(whyDead(found)).toBe(why);
});
