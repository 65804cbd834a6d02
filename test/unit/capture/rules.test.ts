// The pure parts of a capture: its journal, its names, its pods, which pods leave a node, and when a node has come up
// again.
import type { V1ContainerState, V1Node, V1Pod } from "@kubernetes/client-node";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cleaningPod, provesCleaning, provesUntouched } from "../../../components/capture/cleaning";
import { podsToGo, refuseToDrain, waitForVolumes } from "../../../components/capture/drain";
import { isBackInService, isSameMachine, provesNewIdentity } from "../../../components/capture/identity";
import { byDigest, syncPod } from "../../../components/capture/pull";
import {
    ABANDONED_AFTER_MS,
    formatJournal,
    looksAbandoned,
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
            space: "4f3c1a52-0b6e-4c55-9a34-6f0a3f3f8a10/pid:[4026531836]",
            process: 4,
            machineId: "0f",
            bootId: "b-1",
            cleaning: true,
            heartbeatAt: "2026-11-22T05:00:00.000Z",
        },
    };
    const at = (milliseconds: number) => new Date(Date.parse(journal.heartbeatAt) + milliseconds);

    test("comes back as it was written", () => {
        expect(parseJournal(formatJournal(journal))).toEqual(journal);
    });

    test("of an earlier version is read, which called the heartbeat `alive` and knew no identity", () => {
        const { heartbeatAt, machineId, bootId, cleaning, space, ...rest } = journal;
        expect([machineId, bootId, cleaning, space?.length]).toEqual(["0f", "b-1", true, 53]);
        expect(parseJournal(JSON.stringify({ ...rest, alive: heartbeatAt }))).toEqual({ ...rest, heartbeatAt });
    });

    const idIn = (group: string) => `/subscriptions/s/resourceGroups/${group}/providers/Microsoft.Compute/disks/d`;

    test.each(["my-group_(1).x", ".net", "Größe", "グループ", "naïve\u0308", "ग्रुप", "x‿y"])(
        "a resource group may be called %s, in an ARM id and in a journal",
        (resourceGroup) => {
            expect(parseArmId(idIn(resourceGroup))).toMatchObject({ resourceGroup, names: ["d"] });
            expect(parseJournal(formatJournal({ ...journal, resourceGroup }))).toMatchObject({ resourceGroup });
        },
    );

    test.each(["ends.", "..", "a b", "a%2fb", "a?b", "a#b", "x".repeat(91), "a\u0000"])(
        "a resource group is never called %j",
        (resourceGroup) => {
            expect(() => parseArmId(idIn(resourceGroup))).toThrow("is not an Azure resource id");
            expect(parseJournal(formatJournal({ ...journal, resourceGroup }))).toBeUndefined();
        },
    );

    test("is nothing that anyone else has written", () => {
        fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => parseJournal(text) === undefined));
        const spoiled = {
            pool: "../x",
            version: "latest",
            resourceGroup: "a/b",
            namespace: "A",
            cordoned: "no",
            host: "",
            space: "here",
            process: 0,
            heartbeatAt: "now",
        };
        for (const [name, value] of Object.entries(spoiled)) {
            expect([name, parseJournal(JSON.stringify({ ...journal, [name]: value }))]).toEqual([name, undefined]);
        }
        expect(parseJournal(JSON.stringify({ ...journal, pool: "x".repeat(5000) }))).toBeUndefined();
    });

    test("without a heartbeat for minutes, or with one of a time to come, seems to be a dead capture's", () => {
        expect(looksAbandoned(journal, at(ABANDONED_AFTER_MS - 1))).toBe(false);
        expect(looksAbandoned(journal, at(ABANDONED_AFTER_MS + 1))).toBe(true);
        expect(looksAbandoned(journal, at(-ABANDONED_AFTER_MS - 1))).toBe(true);
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

    const volumes = [{ name: "scratch", emptyDir: {} }];
    const local = (name: string) =>
        pod(name, { spec: { containers: [], volumes }, status: { phase: "Running" } }, owner("ReplicaSet"));

    test.each([
        ["a pod without a controller", [pod("bare")], {}, /deleteBarePods\): undefined\/bare$/],
        ["an emptyDir", [local("web")], {}, /deleteEmptyDirData\): undefined\/web$/],
        ["one consent for the other", [pod("bare"), local("web")], { deleteBarePods: true }, /^these pods would lose/],
        ["neither, each named", [pod("bare"), local("web")], {}, /\/bare; these pods would lose .*\/web$/],
    ])("is refused without consent for %s", (_what, pods, consent, reason) => {
        expect(refuseToDrain(pods, consent)).toMatch(reason);
    });

    const run = (labels: Record<string, string>, metadata: object = {}) =>
        pod(
            "run",
            { spec: { containers: [], volumes }, status: { phase: "Running" } },
            {
                ...owner("Job"),
                namespace: "kamino",
                labels: { "app.kubernetes.io/name": "kamino", ...labels },
                ...metadata,
            },
        );

    test("is refused, whatever the consent, while another run of this program is on the node", () => {
        const consent = { deleteBarePods: true, deleteEmptyDirData: true };
        const line =
            /^another run of kamino is on it, and would be ended with it: kamino\/run; run again once it has ended, or /;
        expect(refuseToDrain([local("web"), run({})], consent)).toMatch(line);
        expect(refuseToDrain([local("web"), run({})], {})).toMatch(line);
        expect(refuseToDrain([local("web"), run({})], {})).not.toMatch(/emptyDir/);
        const capture = run({ "app.kubernetes.io/component": "capture" });
        expect(refuseToDrain([capture, run({}, { deletionTimestamp: new Date() })], consent)).toBeUndefined();
    });

    test("needs no consent for what is leaving, has ended, or stays", () => {
        const pods = [
            pod("leaving", {}, { deletionTimestamp: new Date() }),
            pod("done", { status: { phase: "Succeeded" } }),
            pod("daemon", { spec: { containers: [], volumes } }, owner("DaemonSet")),
            pod("web", {}, owner("ReplicaSet")),
        ];
        expect(refuseToDrain(pods, {})).toBeUndefined();
        const consent = { deleteBarePods: true, deleteEmptyDirData: true };
        expect(refuseToDrain([pod("bare"), local("web")], consent)).toBeUndefined();
    });

    test("waits for the last volume to be unmounted, and names those that are not", async () => {
        const seen = [["kubernetes.io/csi/disk-1"], ["kubernetes.io/csi/disk-1"], []];
        const read = () => Promise.resolve({ status: { volumesInUse: seen.shift() } });
        await waitForVolumes("node-a", read, {});
        expect(seen).toEqual([]);
        const stuck = () => Promise.resolve({ status: { volumesInUse: ["kubernetes.io/csi/disk-2"] } });
        await expect(waitForVolumes("node-a", stuck, { limit: 1 })).rejects.toThrow(
            /still in use on node node-a .*disk-2/,
        );
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

describe("a restarted machine", () => {
    const info = (machineID: string, bootID: string, systemUUID = "") => ({ machineID, bootID, systemUUID });
    const node = (nodeInfo: object, ready = "True") =>
        ({ status: { nodeInfo, conditions: [{ type: "Ready", status: ready }] } }) as unknown as V1Node;
    const before = { machineId: "0a0b", bootId: "b-1" };

    test.each([
        ["another machine id and another boot prove a clean disk", info("0c0d", "b-2"), undefined],
        ["the same machine id proves that it was not", info("0a0b", "b-2"), /same machine id/],
        ["the same boot proves nothing", info("0c0d", "b-1"), /not been restarted/],
        ["a machine id that is the hardware's own says nothing of the disk", info("0a0b", "b-2", "0A0B"), undefined],
        ["what kubelet does not report is not held against it", info("", ""), undefined],
    ])("%s", (_what, nodeInfo, doubt) => {
        if (doubt) {
            expect(provesNewIdentity(node(nodeInfo), before)).toMatch(doubt);
        } else {
            expect(provesNewIdentity(node(nodeInfo), before)).toBeUndefined();
        }
    });

    test.each([
        ["not while the API server still shows the boot before", true, info("x", "b-1"), "True", false],
        ["when it is Ready in a new boot", true, info("x", "b-2"), "True", true],
        ["not when it is not Ready, though its VM was never off", false, info("x", "b-1"), "False", false],
        ["when it is Ready and its VM was never off", false, info("x", "b-1"), "True", true],
    ])("is back in service %s", (_when, started, nodeInfo, ready, expected) => {
        expect(isBackInService(node(nodeInfo, ready), node(info("x", "b-1")), started, before)).toBe(expected);
    });

    test("is known by its VM's id, whichever way round its firmware says it", () => {
        const vmId = "c2a1f0b4-1d2e-4f3a-9b8c-001122334455";
        expect(isSameMachine(vmId.toUpperCase(), vmId)).toBe(true);
        expect(isSameMachine("b4f0a1c2-2e1d-3a4f-9b8c-001122334455", vmId)).toBe(true);
        expect(isSameMachine("b4f0a1c2-2e1d-3a4f-9b8c-001122334456", vmId)).toBe(false);
    });
});

describe("the cleaning pod", () => {
    const { spec } = cleaningPod({
        ...TARGET,
        namespace: "kamino-capture",
        image: "busybox",
        cleanPaths: ["/opt/agent/id", "/opt/a b"],
    });

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
        for (const { command, env } of [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]) {
            expect(command?.slice(0, 2)).toEqual(["/bin/sh", "-c"]);
            expect(command?.[2]).not.toContain(TARGET.node);
            expect(env).toContainEqual({ name: "KAMINO_NODE", value: TARGET.node });
            expect(env).toContainEqual({ name: "KAMINO_CLEAN_PATHS", value: "/opt/agent/id\n/opt/a b" });
        }
    });

    test("cuts the power only after the container that cleans has ended well", () => {
        const step = (container: { env?: { name: string; value?: string }[] } | undefined) =>
            container?.env?.find(({ name }) => name === "KAMINO_STEP")?.value;
        expect(spec?.initContainers?.map(step)).toEqual(["clean"]);
        expect(spec?.containers.map(step)).toEqual(["power-off"]);
    });

    const ended = (exitCode: number, message: string): V1Pod => ({
        status: {
            initContainerStatuses: [
                {
                    name: "clean",
                    image: "",
                    imageID: "",
                    ready: false,
                    restartCount: 0,
                    state: { terminated: { exitCode, message } },
                },
            ],
        },
    });

    test.each([
        ["its end with this version", ended(0, '{"cleaned":"2026.1122.0412"}'), true],
        ["not that of another version", ended(0, '{"cleaned":"2026.1121.0412"}'), false],
        ["not a failure", ended(1, '{"cleaned":"2026.1122.0412"}'), false],
        ["not an end without a word", ended(0, ""), false],
        ["not null", ended(0, "null"), false],
        ["not a pod that has yet to begin", {}, false],
        ["not a pod that has gone", undefined, false],
    ])("proves that the disk was cleaned by %s", (_what, pod, expected) => {
        expect(provesCleaning(pod, "2026.1122.0412")).toBe(expected);
    });

    const refused = "clean: /host/var/log is a symbolic link; the disk is not changed\n";
    const withState = (state: V1ContainerState): V1Pod => {
        const status = { name: "clean", image: "", imageID: "", ready: false, restartCount: 0, state };
        return { status: { initContainerStatuses: [status] } };
    };

    test.each([
        ["a refusal", ended(1, refused), true],
        ["one for now", ended(75, "clean: dpkg is at work; the disk is not changed"), true],
        ["waiting for the image", withState({ waiting: { reason: "ImagePullBackOff" } }), true],
        ["not a failure half-way", ended(1, "clean: no space left; the disk is partly cleaned"), false],
        ["not a failure without a word", ended(137, ""), false],
        ["not an end that went well", ended(0, '{"cleaned":"2026.1122.0412"}'), false],
        ["not a script at work", withState({ running: {} }), false],
        ["not a pod of which kubelet has said nothing", {}, false],
    ])("shows that the disk was not changed by %s", (_what, pod, expected) => {
        expect(provesUntouched(pod)).toBe(expected);
    });
});

const DIGEST = `sha256:${"0f".repeat(32)}`;

test.each([
    ["containerd's", "busybox:1.37.0", `docker.io/library/busybox@${DIGEST}`, `docker.io/library/busybox@${DIGEST}`],
    ["a mirror's", "r.example:5000/b:1", `r.example:5000/b@${DIGEST}`, `r.example:5000/b@${DIGEST}`],
    ["Docker's", "busybox", `docker-pullable://busybox@${DIGEST}`, `busybox@${DIGEST}`],
    ["given already", `b@${DIGEST}`, `docker.io/library/b@sha256:${"1".repeat(64)}`, `b@${DIGEST}`],
    ["unknown, of an image without a registry", "b:1", DIGEST, "b:1"],
    ["not there yet", "b:1", "", "b:1"],
    ["not one", "b:1", `b@${DIGEST} --privileged`, "b:1"],
])("the cleaner runs by the digest that was pulled: %s", (_, configured, imageID, expected) => {
    const status = { name: "sync", image: configured, imageID, ready: true, restartCount: 0 };
    expect(byDigest({ status: { containerStatuses: [status] } }, "sync", configured)).toBe(expected);
});

test("the pod that pulls the image and writes caches has no rights whatever: it fits the strictest Pod Security", () => {
    const { spec } = syncPod({ ...TARGET, namespace: "kamino-capture", image: "busybox" });
    expect(spec).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
        containers: [{ securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } } }],
    });
    expect(spec?.volumes).toBeUndefined();
});

test.each([
    [400, "0s"],
    [65_000, "1m 5s"],
    [3_900_000, "1h 5m"],
])("%d ms have elapsed as %s", (milliseconds, text) => {
    expect(elapsed(milliseconds)).toBe(text);
});
