// Captures by a copy, of real nodes of the sandbox: the node is watched all the while, and nothing of it is in the
// copy.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { StorageV1Api, makeInformer, type V1DaemonSet, type V1Node, type V1Pod } from "@kubernetes/client-node";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { DISK_DRIVER, captureWay } from "../../components/capture/mode";
import type { OsDiskCaptureInputs } from "../../components/capture/osDiskCapture";
import { kubernetes } from "../../components/node/kubernetes";
import { REBOOT_IN_PROGRESS } from "../../components/node/kured";
import type { Vm } from "../../sandbox/azure";
import { NODE_LOCK } from "../../sandbox/nodes/kuredAnnotations";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { sender, type Send } from "../azure/support";
import { heard, serviceOf, startCapture, startCaptures, type RunningCapture } from "./support/capture";
import { attachedTo, captureObjects, copyInputsFor, resourcesOf } from "./support/copy";
import { machinesOf } from "./support/pools";

const MASTER_ROLE = "node-role.kubernetes.io/master";
const MASTER = { [MASTER_ROLE]: "true" };

let sandbox: Sandbox;
let send: Send;
let unused: Vm[];

beforeAll(async () => {
    const zones = ["1", "2"];
    const pools = [
        { name: "pool1", capacity: 12, zones },
        { name: "pool2", capacity: 1, zones },
        { name: "pool3", capacity: 1, zones: ["3"] },
        // As AKS Engine's masters are: with the driver, and with a taint that everything of the system tolerates.
        { name: "master", capacity: 1, zones: ["3"], labels: MASTER, taints: [`${MASTER_ROLE}=true:NoSchedule`] },
    ];
    sandbox = await startSandbox({ pools });
    send = await sender(sandbox.azure);
    unused = machinesOf(sandbox, "pool1");
});

afterEach(() => sandbox.azure.faults.clear());
afterAll(() => sandbox?.stop());

/** A node that no other test has touched. */
const freshNode = () => unused.pop()!;

/** Where the packages of images go. */
const lists = () => join(sandbox.directory, "lists of packages");

const inputsOf = (vm: Vm, settings = {}, change: Partial<OsDiskCaptureInputs> = {}) =>
    copyInputsFor(sandbox, vm, settings, change);

function start(...[vm, settings, change]: Parameters<typeof inputsOf>): RunningCapture {
    const env = { ...sandbox.env, KAMINO_PACKAGES: lists() };
    return startCapture({ ...sandbox, env }, inputsOf(vm, settings, change));
}

const ofNode = (kind: "disks" | "snapshots", vm: Vm) => resourcesOf(send, kind, vm);
const objects = () => captureObjects(sandbox);

/** Calls back with each holder of kured's lock, until it is stopped. */
async function watchLock(seen: (holder: string | undefined) => void): Promise<() => Promise<void>> {
    const { apps, config } = sandbox.nodes.api;
    const look = ({ metadata }: V1DaemonSet) => {
        const lock = metadata?.annotations?.[NODE_LOCK];
        seen(lock === undefined ? undefined : (JSON.parse(lock) as { nodeID: string }).nodeID);
    };
    const path = "/apis/apps/v1/namespaces/kube-system/daemonsets";
    const list = () => apps.listNamespacedDaemonSet({ namespace: "kube-system" });
    const informer = makeInformer(config, path, list);
    informer.on("update", look);
    await informer.start();
    return () => informer.stop();
}

function put(vm: Vm, path: string, text: string) {
    mkdirSync(dirname(join(vm.diskDirectory, path)), { recursive: true });
    writeFileSync(join(vm.diskDirectory, path), text);
}

function files(folder: string): string[] {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
        const path = join(folder, entry.name);
        return entry.isDirectory() ? files(path) : entry.isFile() ? [path] : [];
    });
}

/** What a workload leaves on its node, wherever it can write; and what is the node's own. */
const MARKER = "MARKER-4b1d";
const WRITTEN = [
    "var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/7/fs/data",
    "var/lib/kubelet/pods/1/volumes/kubernetes.io~empty-dir/cache/data",
    "var/log/pods/default_web_1/web/0.log",
    "var/log/syslog",
    "var/lib/systemd/coredump/core.web",
    "etc/ssh/ssh_host_ed25519_key",
    "var/lib/kubelet/pki/kubelet-client-current.pem",
];

/**
 * Everything of a node that a capture in place changes, as it goes: the watch sees every change that the API server
 * does.
 */
async function watchNode(vm: Vm) {
    const { core, config } = sandbox.nodes.api;
    const seen = new Set<string>();
    const evicted: string[] = [];
    const fingerprint = ({ spec, status, metadata }: V1Node) =>
        JSON.stringify([
            spec?.unschedulable ?? false,
            spec?.taints ?? [],
            status?.conditions?.map(({ type, status }) => `${type}=${status}`).sort(),
            status?.nodeInfo?.bootID,
            Object.entries(metadata?.annotations ?? {}).filter(([key]) => /kamino|weave|cluster-autoscaler/.test(key)),
        ]);
    const informer = makeInformer<V1Node>(config, "/api/v1/nodes", () => core.listNode());
    for (const verb of ["add", "update"] as const) {
        informer.on(verb, (node) => node.metadata?.name === vm.nodeName && seen.add(fingerprint(node)));
    }
    const pods = makeInformer<V1Pod>(config, "/api/v1/pods", () => core.listPodForAllNamespaces());
    pods.on("delete", ({ metadata, spec }) => {
        if (spec?.nodeName === vm.nodeName && metadata?.labels?.["app.kubernetes.io/component"] !== "capture") {
            evicted.push(metadata?.name ?? "");
        }
    });
    await Promise.all([informer.start(), pods.start()]);
    return async () => {
        await Promise.all([informer.stop(), pods.stop()]);
        return { states: [...seen], evicted };
    };
}

test("a node's disk is copied and the copy cleaned, and the node notices nothing", async () => {
    const vm = freshNode();
    WRITTEN.forEach((path) => put(vm, path, `${MARKER} ${path}\n`));
    const { name = "" } = await sandbox.nodes.api.core
        .createNamespacedPod({
            namespace: "default",
            body: {
                metadata: { name: "web" },
                spec: { nodeName: vm.nodeName, containers: [{ name: "web", image: "web" }] },
            },
        })
        .then(({ metadata }) => metadata ?? {});
    await expect
        .poll(
            async () => (await sandbox.nodes.api.core.readNamespacedPod({ name, namespace: "default" })).status?.phase,
            {
                timeout: 30_000,
            },
        )
        .toBe("Running");
    // A node that has just joined loses its taints one by one.
    await sandbox.nodes.settled();
    await expect
        .poll(async () => (await sandbox.nodes.api.core.readNode({ name: vm.nodeName })).spec?.taints ?? [], {
            timeout: 60_000,
        })
        .toEqual([]);
    const boots = sandbox.azure.vm(vm.id)?.bootLog.length;
    const stopWatching = await watchNode(vm);

    const { captured, error } = await start(vm).result;
    expect(error).toBeUndefined();

    const { states, evicted } = await stopWatching();
    expect(states.slice(1).map((state) => [states[0], state])).toEqual([]);
    expect(evicted).toEqual([]);
    expect(sandbox.azure.vm(vm.id)?.bootLog.length).toBe(boots);
    expect(await serviceOf(sandbox, vm)).toMatchObject({ ready: true, cordoned: false, power: "running" });
    const [disk, ...others] = (await ofNode("disks", vm)).filter(({ id }) => id !== vm.osDiskId);
    expect(others).toEqual([]);
    expect(disk).toMatchObject({
        id: captured?.snapshotId,
        tags: {
            "managed-by": "kamino",
            version: "2026.1122.0412",
            rebootNeededAt: "2026-11-22T04:12:00Z",
            cleaned: expect.stringMatching(/^sha256:/) as string,
        },
        properties: { diskState: "Unattached", publicNetworkAccess: "Disabled", networkAccessPolicy: "DenyAll" },
    });
    expect(await ofNode("snapshots", vm)).toEqual([]);
    expect(await objects()).toEqual([]);

    const folder = sandbox.azure.diskFolder(disk.id) ?? "";
    const found = files(folder).filter((path) => {
        const text = readFileSync(path, "utf8");
        return text.includes(MARKER) || (text.includes(vm.computerName) && !path.endsWith("kamino-ancestry.log"));
    });
    expect(found).toEqual([]);
    expect(readFileSync(join(folder, "etc/machine-id"), "utf8")).toBe("");
    // The donor's own disk is as it was.
    expect(WRITTEN.filter((path) => !readFileSync(join(vm.diskDirectory, path), "utf8").includes(MARKER))).toEqual([]);
    expect(readFileSync(join(vm.diskDirectory, "etc/hostname"), "utf8").trim()).toBe(vm.computerName);
    expect(existsSync(join(vm.diskDirectory, "var/log/kamino-ancestry.log"))).toBe(false);

    const { tookSeconds, ...kept } = captured!;
    expect(tookSeconds).toBeGreaterThan(0);
    // A run knows how long it took only of what it has captured itself.
    const again = start(vm);
    expect((await again.result).captured).toEqual(kept);
    expect(again.said()).toContain("are not written: another run has captured the disk");
});

test("a control plane never has a copy attached, also where no other node is in the donor's zone", async () => {
    const [vm] = machinesOf(sandbox, "pool3");
    const [master] = machinesOf(sandbox, "master");
    expect([vm.zone, master.zone]).toEqual(["3", "3"]);
    sandbox.azure.requests.clear();
    expect((await start(vm).result).error).toBeUndefined();
    expect(attachedTo(sandbox)).toEqual([expect.stringMatching(/-pool[12]-.*\/virtualMachines\//)]);
});

test("the packages of the image are a file of the run, as its disk has them", async () => {
    const vm = freshNode();
    put(vm, "etc/os-release", 'ID=ubuntu\nVERSION_ID="18.04"\nPRETTY_NAME="Ubuntu 18.04.6 LTS"\n');
    const names = Array.from({ length: 1500 }, (_, index) => `package-${index}`);
    const entries = names.map((name) =>
        [`Package: ${name}`, "Status: install ok installed", "Architecture: amd64", "Version: 1.0-1ubuntu1"].join("\n"),
    );
    put(vm, "var/lib/dpkg/status", `${entries.join("\n\n")}\n`);
    const running = start(vm, {}, { pool: "listed" });
    expect((await running.result).error).toBeUndefined();
    const file = "listed-2026.1122.0412.cdx.json";
    expect(running.said()).toContain(`listed: the packages of image 2026.1122.0412 are in ${file}`);
    const { metadata, components } = JSON.parse(readFileSync(join(lists(), file), "utf8")) as {
        metadata: { component: object };
        components: { type: string; purl?: string }[];
    };
    expect(metadata.component).toMatchObject({ name: "listed", version: "2026.1122.0412" });
    const urls = components.filter(({ type }) => type === "library").map(({ purl }) => purl);
    const wanted = names.map((name) => `pkg:deb/ubuntu/${name}@1.0-1ubuntu1?arch=amd64&distro=ubuntu-18.04`);
    expect(urls.sort()).toEqual(wanted.sort());
});

test("the cluster decides which way a disk is captured, unless the configuration does", async () => {
    const cluster = await kubernetes({ kubeconfig: sandbox.cluster.kubeconfig });
    const storage = cluster.config.makeApiClient(StorageV1Api);
    const copy = { mode: "copy", why: "the cluster has disk.csi.azure.com" };
    expect(await captureWay(cluster, undefined)).toEqual(copy);
    expect(await captureWay(cluster, "copy")).toEqual({ mode: "copy", why: "kamino:capture" });
    expect(await captureWay(cluster, "in-place")).toEqual({ mode: "in-place", why: "kamino:capture" });

    const { metadata, spec } = await storage.readCSIDriver({ name: DISK_DRIVER });
    await storage.deleteCSIDriver({ name: DISK_DRIVER });
    expect(await captureWay(cluster, undefined)).toEqual({
        mode: "in-place",
        why: "the cluster does not have disk.csi.azure.com",
    });
    await expect(captureWay(cluster, "copy")).rejects.toThrow(/^kamino:capture is copy, but the cluster does not have/);
    await storage.createCSIDriver({ body: { metadata: { name: metadata?.name }, spec } });
});

test("a copy that is refused leaves nothing behind, and the line says why", async () => {
    const vm = freshNode();
    put(vm, "boot/vmlinuz-99.0.0-1-azure", "a kernel that was installed and not booted\n");
    const { error } = await start(vm).result;
    expect(error).toMatch(
        /has 99\.0\.0-1-azure installed, which it has not booted yet.*the node was not touched, and nothing/,
    );
    expect([...(await ofNode("snapshots", vm)), ...(await ofNode("disks", vm)), ...(await objects())]).toEqual([]);
});

test("a node that kured wants to reboot is not copied, also where it says so only at the last moment", async () => {
    const vm = freshNode();
    const mark = (value: string | null) =>
        sandbox.nodes.api.core.patchNode({
            name: vm.nodeName,
            body: [
                value === null
                    ? { op: "remove", path: `/metadata/annotations/${REBOOT_IN_PROGRESS.replace("/", "~1")}` }
                    : { op: "add", path: "/metadata/annotations", value: { [REBOOT_IN_PROGRESS]: value } },
            ],
        });
    const running = start(vm);
    await heard(running, "pulling the cleaner's image");
    await mark("2026-11-22T04:12:00Z");
    expect((await running.result).error).toMatch(
        /kured wants to reboot the node.*; the node was not touched, and nothing/,
    );
    expect([...(await ofNode("snapshots", vm)), ...(await objects())]).toEqual([]);
    await mark(null);
});

test.each(["taking a snapshot", "making a disk", "attaching the copy"])(
    "killed while %s, the next run finishes, and nothing is left",
    async (moment) => {
        const vm = freshNode();
        sandbox.azure.faults.delay({ path: /\/(snapshots|disks)\//, method: "PUT", times: 2, milliseconds: 1000 });
        const running = start(vm);
        await heard(running, moment);
        running.kill("SIGKILL");
        await running.result;
        expect(await serviceOf(sandbox, vm)).toMatchObject({
            ready: true,
            cordoned: false,
            power: "running",
            annotations: {},
        });
        const { captured, error } = await start(vm).result;
        expect(error).toBeUndefined();
        const disks = (await ofNode("disks", vm)).filter(({ id }) => id !== vm.osDiskId);
        expect(disks.map(({ id }) => id)).toEqual([captured?.snapshotId]);
        expect([...(await ofNode("snapshots", vm)), ...(await objects())]).toEqual([]);
    },
);

test("two runs at once, of two backends, make one copy of a node: the second one waits, and takes what the first has made", async () => {
    const vm = freshNode();
    sandbox.azure.requests.clear();
    const runs = [start(vm, {}, { kured: { lock: true } }), start(vm, {}, { kured: { lock: true } })];
    const results = await Promise.all(runs.map(({ result }) => result));
    expect(results.map(({ error }) => error)).toEqual([undefined, undefined]);
    // How long it took, the one knows that has made it.
    expect(results.filter(({ captured }) => captured?.tookSeconds !== undefined)).toHaveLength(1);
    const [first, second] = results.map(({ captured }) => ({ ...captured, tookSeconds: undefined }));
    expect(first).toEqual(second);
    const made = sandbox.azure.requests.writes().filter(({ path, method }) => method === "PUT" && /disks/.test(path));
    expect(made).toHaveLength(1);
    const said = runs.map((run) => run.said()).join("\n");
    expect(said).toMatch(/waiting for kured's lock, held by "kamino\/pool1"/);
    expect(said).toContain(
        `captured the OS disk of node ${vm.nodeName} by another run, as ${results[0].captured?.snapshotId}`,
    );
});

test("copies of several pools in one run go on at the same time, and kured's lock is held until the last has ended", async () => {
    const vms = [freshNode(), machinesOf(sandbox, "pool2")[0]];
    const inputs = vms.map((vm, index) => inputsOf(vm, {}, { pool: `pool${index + 1}`, kured: { lock: true } }));
    const holders = new Set<string | undefined>();
    const stop = await watchLock((holder) => holders.add(holder));
    sandbox.azure.requests.clear();
    const running = startCaptures(sandbox, inputs);
    await heard(running, "taking a snapshot");
    const other = start(freshNode(), {}, { pool: "pool3", kured: { lock: true } });
    const { error } = await running.result;
    expect(error).toBeUndefined();
    expect((await other.result).error).toBeUndefined();
    await stop();
    // Whichever of the two is first, and last.
    expect([...holders].filter((holder) => holder?.includes("+"))).toHaveLength(1);
    expect(running.said()).not.toContain("waiting for kured's lock");
    expect(other.said()).toMatch(/waiting for kured's lock, held by "kamino\/pool[12](\+pool[12])?"/);
    const snapshots = sandbox.azure.requests.writes().filter(({ path }) => /\/snapshots\//.test(path));
    expect(snapshots.slice(0, 2).map(({ method }) => method)).toEqual(["PUT", "PUT"]);
    expect(holders).toContain("kamino/pool3");
});

test("told to stop in the middle it removes the copy before it ends", async () => {
    const vm = freshNode();
    const running = start(vm);
    await heard(running, "attaching the copy");
    running.kill("SIGTERM");
    expect((await running.result).error).toMatch(
        /interrupted by SIGTERM; the node was not touched, and nothing of the copy is left$/,
    );
    const left = [...(await ofNode("snapshots", vm)), ...(await ofNode("disks", vm))];
    expect([...left.filter(({ id }) => id !== vm.osDiskId), ...(await objects())]).toEqual([]);
});
