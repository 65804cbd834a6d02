// Captures by a copy of systems whose root is not ext4 on partition 1, and of pods that admission changes.
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { KubernetesObjectApi } from "@kubernetes/client-node";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Vm } from "../../sandbox/azure";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { sender, type Send } from "../azure/support";
import { heard, startCapture } from "./support/capture";
import { captureObjects, copyInputsFor, resourcesOf } from "./support/copy";
import { machinesOf } from "./support/pools";

let sandbox: Sandbox;
let send: Send;
let unused: Vm[];
let vm: Vm;

beforeAll(async () => {
    sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 8 }] });
    send = await sender(sandbox.azure);
    unused = machinesOf(sandbox, "pool1");
});

beforeEach(() => {
    vm = unused.pop()!;
});
afterEach(() => {
    sandbox.nodes.volumes.driver = "mount-utils";
    sandbox.nodes.volumes.brokenDisks = 0;
});
afterAll(() => sandbox?.stop());

function put(path: string, text: string) {
    mkdirSync(dirname(join(vm.diskDirectory, path)), { recursive: true });
    writeFileSync(join(vm.diskDirectory, path), text);
}

const XFS = "UUID=5f3c2f0e-7a50-4c5f-9d2a-000000000000 / xfs defaults 0 0\n";
const LVM = "/dev/mapper/rootvg-rootlv / xfs defaults 0 0\n";

/** A capture by a copy, what it said, and the disk that it came to. */
async function capture(settings = {}) {
    const running = startCapture(sandbox, copyInputsFor(sandbox, vm, settings));
    const { captured, error } = await running.result;
    const folder = captured && sandbox.azure.diskFolder(captured.snapshotId);
    return { error, folder };
}

/** Names of all that a capture of this node has left, in the cluster and in Azure. */
async function left(): Promise<string[]> {
    const [disks, snapshots, objects] = await Promise.all([
        resourcesOf(send, "disks", vm),
        resourcesOf(send, "snapshots", vm),
        captureObjects(sandbox),
    ]);
    return [...[...disks, ...snapshots].map(({ id }) => id).filter((id) => id !== vm.osDiskId), ...objects];
}

const isCleaned = (folder = "") => existsSync(join(folder, "var/log/kamino-ancestry.log"));

test.each(["mount-utils", "own"] as const)(
    "a root of XFS is mounted as that once ext4 has failed, by a driver that mounts by %s",
    async (driver) => {
        sandbox.nodes.volumes.driver = driver;
        put("etc/fstab", XFS);
        const { error, folder } = await capture();
        expect(error).toBeUndefined();
        expect(isCleaned(folder)).toBe(true);
    },
);

test.each([
    [
        "mount-utils",
        /partition 1 of the disk holds neither ext4 nor XFS; set kamino:rootPartition.*on LVM set kamino:capture to in-place: /,
    ],
    [
        "own",
        /partition 1 of the disk is part of a logical volume \(LVM\).*set kamino:capture to in-place; the node was not/,
    ],
] as const)(
    "a root on a logical volume is refused soon and in one line, with a driver of %s",
    async (driver, reason) => {
        sandbox.nodes.volumes.driver = driver;
        put("etc/fstab", LVM);
        const begun = Date.now();
        const { error } = await capture();
        expect(error).toMatch(reason);
        expect(error).not.toContain("\n");
        // Two attempts to attach; a pod that does not start is waited for a quarter of an hour.
        expect(Date.now() - begun).toBeLessThan(120_000);
        expect(await left()).toEqual([]);
    },
);

test("Azure Linux has its root on the third partition, unless the configuration says another", async () => {
    put("etc/os-release", 'ID=azurelinux\nVERSION_ID="3.0"\nPRETTY_NAME="Microsoft Azure Linux 3.0"\n');
    const { nodeInfo } = (await sandbox.nodes.api.core.readNode({ name: vm.nodeName })).status!;
    // As its kubelet says it from its next start.
    await sandbox.nodes.api.core.patchNodeStatus({
        name: vm.nodeName,
        body: [{ op: "replace", path: "/status/nodeInfo/osImage", value: "Microsoft Azure Linux 3.0" }],
    });
    expect(nodeInfo?.osImage).not.toContain("Azure Linux");
    const wrong = await capture({ rootPartition: 1 });
    expect(wrong.error).toMatch(/partition 1 of the disk holds neither.*kamino:rootPartition/);
    const boot = await capture({ rootPartition: 2 });
    expect(boot.error).toMatch(/this is not a root file system.*kamino:rootPartition/);
    const { error, folder } = await capture();
    expect(error).toBeUndefined();
    expect(readFileSync(join(folder ?? "", "etc/os-release"), "utf8")).toContain("azurelinux");
    expect(isCleaned(folder)).toBe(true);
});

test("a disk in which fsck finds errors is copied once more, some minutes later", async () => {
    sandbox.nodes.volumes.brokenDisks = 1;
    const running = startCapture(sandbox, copyInputsFor(sandbox, vm));
    await heard(running, "the disk is copied once more in 5 minutes");
    expect(running.said()).toContain("the copy's file system has errors: MountVolume.MountDevice failed");
    expect(await left()).toEqual([]);
    running.kill("SIGTERM");
    expect((await running.result).error).toMatch(/interrupted by SIGTERM; the node was not touched/);
});

test("a copy whose owners a mount has changed is refused by the script", async () => {
    put("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
    chmodSync(join(vm.diskDirectory, "etc/passwd"), 0o664);
    const { error } = await capture();
    expect(error).toMatch(/\/etc\/passwd can be written by its group.*fsGroup.*the node was not touched/);
    expect(await left()).toEqual([]);
});

test("a pod to which admission gives an fsGroup is taken away before it touches the copy", async () => {
    const client = sandbox.nodes.api.config.makeApiClient(KubernetesObjectApi);
    const [apiVersion, name] = ["admissionregistration.k8s.io/v1", "adds-a-group"];
    const expression = "Object{spec: Object.spec{securityContext: Object.spec.securityContext{fsGroup: 2000}}}";
    const rules = [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }];
    const policy = {
        apiVersion,
        kind: "MutatingAdmissionPolicy",
        metadata: { name },
        spec: {
            reinvocationPolicy: "Never",
            matchConstraints: { resourceRules: rules },
            mutations: [{ patchType: "ApplyConfiguration", applyConfiguration: { expression } }],
        },
    };
    const binding = {
        apiVersion,
        kind: "MutatingAdmissionPolicyBinding",
        metadata: { name },
        spec: { policyName: name },
    };
    await client.create(policy);
    await client.create(binding);
    const probe = () =>
        sandbox.nodes.api.core.createNamespacedPod({
            namespace: "default",
            dryRun: "All",
            body: { metadata: { name: "probe" }, spec: { containers: [{ name: "probe", image: "probe" }] } },
        });
    // The API server takes a new policy into use some seconds later.
    await expect.poll(async () => (await probe()).spec?.securityContext?.fsGroup, { timeout: 60_000 }).toBe(2000);
    const { error } = await capture();
    expect(error).toMatch(/pod kamino-capture\/copy-\S+ was admitted with fsGroup 2000.*kamino:captureNamespace/);
    expect(await left()).toEqual([]);
});
