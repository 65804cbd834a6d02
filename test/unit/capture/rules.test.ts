// The pure parts of a capture: its journal, its names, which pods leave a node, and when a node has come up again.
import { hostname } from "node:os";
import type { V1Node, V1Pod } from "@kubernetes/client-node";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cleaningPod } from "../../../components/capture/cleaning";
import { podsToGo } from "../../../components/capture/drain";
import {
    ABANDONED_AFTER_MS,
    formatJournal,
    isAbandoned,
    parseJournal,
    type Journal,
} from "../../../components/capture/journal";
import { checkTarget, podName, snapshotName, type Target } from "../../../components/capture/names";
import { isReadyAgain } from "../../../components/node/node";
import { parseArmId } from "../../../components/azure/ids";
import { parseProviderId } from "../../../components/node/providerId";
import { elapsed } from "../../../components/core/duration";

const SCALE_SET =
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg/providers/Microsoft.Compute/virtualMachineScaleSets/k8s-pool1-vmss";

const TARGET: Target = {
    pool: "pool1",
    version: "2026.1122.0412",
    node: "k8s-pool1-vmss00000b",
    scaleSetId: SCALE_SET,
    instanceId: "11",
};

describe("the journal", () => {
    const journal: Journal = {
        ...{ pool: "pool1", version: "2026.1122.0412", resourceGroup: "rg", namespace: "kamino-capture" },
        ...{
            cordoned: false,
            scaleDownDisabled: "true",
            host: "elsewhere",
            process: 4,
            alive: "2026-11-22T05:00:00.000Z",
        },
    };
    const at = (milliseconds: number) => new Date(Date.parse(journal.alive) + milliseconds);

    test("comes back as it was written", () => {
        expect(parseJournal(formatJournal(journal))).toEqual(journal);
    });

    test("is nothing that anyone else has written", () => {
        fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => parseJournal(text) === undefined));
        const spoiled = {
            pool: "../x",
            version: "latest",
            resourceGroup: "a/b",
            namespace: "A",
            cordoned: "no",
            host: "",
            process: 0,
            alive: "now",
        };
        for (const [name, value] of Object.entries(spoiled)) {
            expect([name, parseJournal(JSON.stringify({ ...journal, [name]: value }))]).toEqual([name, undefined]);
        }
        expect(parseJournal(JSON.stringify({ ...journal, pool: "x".repeat(5000) }))).toBeUndefined();
    });

    test("without a sign of life for minutes is a dead capture's", () => {
        expect(isAbandoned(journal, at(ABANDONED_AFTER_MS - 1))).toBe(false);
        expect(isAbandoned(journal, at(ABANDONED_AFTER_MS + 1))).toBe(true);
    });

    test("of a process of this host that has gone is a dead capture's at once", () => {
        expect(isAbandoned({ ...journal, host: hostname(), process: process.pid }, at(0))).toBe(false);
        expect(isAbandoned({ ...journal, host: hostname(), process: 2 ** 30 }, at(0))).toBe(true);
    });
});

describe("names", () => {
    const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$/);
    const targets = fc.record({
        pool: fc.stringMatching(/^[A-Za-z0-9][\w.-]{0,79}$/),
        version: fc.constantFrom("2026.1122.0412", "2026.11.22", "2147483647.2147483647.2147483647"),
        node: fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join(".")),
        scaleSetId: fc.constant(SCALE_SET),
        instanceId: fc.nat().map(String),
    });

    test("of snapshots are valid in Azure, and always the same for the same disk", () => {
        fc.assert(
            fc.property(targets, (target) => {
                expect(snapshotName(target)).toMatch(/^[A-Za-z0-9][\w.-]{0,78}\w$/);
                expect(snapshotName({ ...target, scaleSetId: target.scaleSetId.toUpperCase() })).toBe(
                    snapshotName(target),
                );
                expect(snapshotName({ ...target, node: `${target.node}x` })).not.toBe(snapshotName(target));
            }),
        );
    });

    test("of pods are valid host names, one for each node and version", () => {
        fc.assert(
            fc.property(targets, (target) => {
                expect(podName(target)).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
                expect(podName({ ...target, node: `${target.node}x` })).not.toBe(podName(target));
            }),
        );
    });

    test.each([
        ["node", "a;reboot"],
        ["node", "../../etc"],
        ["node", "UPPER"],
        ["node", ""],
        ["version", "latest"],
        ["instanceId", "1/../2"],
        ["instanceId", ""],
        ["scaleSetId", "/subscriptions/x/../y"],
        ["scaleSetId", `${SCALE_SET}?api-version=1`],
    ])("a %s like %j is refused", (name, value) => {
        expect(() => checkTarget({ ...TARGET, [name]: value })).toThrow();
    });

    test("a node's provider id tells its scale set and instance", () => {
        expect(parseProviderId(`azure://${SCALE_SET}/virtualMachines/11`)).toEqual({
            scaleSetId: SCALE_SET,
            instanceId: "11",
        });
        for (const other of [
            undefined,
            "",
            "aws:///x/i-1",
            `azure://${SCALE_SET}`,
            `azure://${SCALE_SET}/virtualMachines/1a`,
        ]) {
            expect(parseProviderId(other)).toBeUndefined();
        }
    });

    test("an ARM id comes apart without regard to case", () => {
        const id =
            "/subscriptions/s-1/resourcegroups/RG/providers/Microsoft.Compute/galleries/g/images/i/versions/1.2.3";
        expect(parseArmId(id)).toEqual({ subscriptionId: "s-1", resourceGroup: "RG", names: ["g", "i", "1.2.3"] });
    });
});

describe("draining", () => {
    const pod = (name: string, rest: Partial<V1Pod> = {}, metadata = {}): V1Pod => ({
        ...rest,
        metadata: { name, ...metadata },
    });
    const owner = (kind: string) => ({
        ownerReferences: [{ kind, controller: true, name: "x", uid: "1", apiVersion: "apps/v1" }],
    });

    test("leaves DaemonSets' pods, mirror pods and finished pods, and nothing else", () => {
        const pods = [
            pod("web", { status: { phase: "Running" } }, owner("ReplicaSet")),
            pod("bare", { status: { phase: "Running" } }),
            pod("waiting", { status: { phase: "Pending" } }, owner("Job")),
            pod("daemon", { status: { phase: "Running" } }, owner("DaemonSet")),
            pod("mirror", { status: { phase: "Running" } }, { annotations: { "kubernetes.io/config.mirror": "x" } }),
            pod("done", { status: { phase: "Succeeded" } }, owner("Job")),
            pod("failed", { status: { phase: "Failed" } }),
        ];
        expect(podsToGo(pods).map(({ metadata }) => metadata?.name)).toEqual(["web", "bare", "waiting"]);
    });
});

describe("a node has come up again", () => {
    const node = (status: string, heartbeat: string, transition = "2026-11-22T04:00:00Z"): V1Node => ({
        status: {
            conditions: [
                {
                    type: "Ready",
                    status,
                    lastHeartbeatTime: new Date(heartbeat),
                    lastTransitionTime: new Date(transition),
                },
            ],
        },
    });
    const [early, late] = ["2026-11-22T05:00:00Z", "2026-11-22T05:10:00Z"];

    test.each([
        ["not when it still says what it said before it went off", node("True", early), node("True", early), false],
        ["when kubelet has spoken since", node("True", late), node("True", early), true],
        ["when it became Ready since", node("True", early, late), node("True", early), true],
        ["when it was known to be off", node("True", early), node("Unknown", early), true],
        ["not when it is not Ready", node("False", late), node("Unknown", early), false],
    ])("%s", (_when, now, before, expected) => {
        expect(isReadyAgain(now, before)).toBe(expected);
    });
});

describe("the cleaning pod", () => {
    const { spec } = cleaningPod({ ...TARGET, namespace: "kamino-capture", image: "busybox" });

    test("runs once, on its node whatever taints it has, with a deadline and without credentials", () => {
        expect(spec).toMatchObject({
            nodeName: TARGET.node,
            restartPolicy: "Never",
            automountServiceAccountToken: false,
            tolerations: [{ operator: "Exists" }],
        });
        expect(spec?.activeDeadlineSeconds).toBeGreaterThan(0);
    });

    test("gets its script as it is, and names as variables", () => {
        const [{ command, env }] = spec!.containers;
        expect(command?.slice(0, 2)).toEqual(["/bin/sh", "-c"]);
        expect(command?.[2]).not.toContain(TARGET.node);
        expect(env).toContainEqual({ name: "KAMINO_NODE", value: TARGET.node });
    });
});

test.each([
    [400, "0s"],
    [65_000, "1m 5s"],
    [3_900_000, "1h 5m"],
])("%d ms have elapsed as %s", (milliseconds, text) => {
    expect(elapsed(milliseconds)).toBe(text);
});
