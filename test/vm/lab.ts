// What the tests with real machines share: one network, one control plane, and VMs from a disk that was built before.
import { execFile } from "node:child_process";
import { X509Certificate, randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { Watch, type V1Node } from "@kubernetes/client-node";
import { kubernetes, type Kubernetes } from "../../components/node/kubernetes";
import { isReady, readNode } from "../../components/node/node";
import { until } from "../../components/core/retry";
import type { ScaleSetVm } from "../../components/azure/vm";
import { startCluster, type Cluster } from "../../sandbox/cluster";
import { CUSTOM_DATA_LOG, letNodesJoin, type JoinInformation } from "../../sandbox/vm/joining";
import { lastWords, startMachine, type Artifacts, type Machine } from "../../sandbox/vm/machine";
import { HOST_ADDRESS, insideNetwork, networkPorts, startDhcp, type NetworkPort } from "../../sandbox/vm/network";
import { startMetadataService, type MetadataService } from "../../sandbox/vm/provisioning";

export const run = promisify(execFile);
export const MINUTE = 60_000;

/** The image that is on every machine; it has busybox's sh. */
export const IMAGE = "sandbox.kamino/busybox:1";

/** Where disk.sh begins the one partition, in bytes. */
const PARTITION_START = 1024 * 1024;

const BUILT = resolve(__dirname, "..", "..", ".sandbox", "vm");
const artifacts: Artifacts = {
    kernel: join(BUILT, "rootfs.kernel"),
    initrd: join(BUILT, "rootfs.initrd"),
    sshKey: join(BUILT, "id"),
};

/** A VM of the pool: what Azure would know of it. */
export interface PoolVm {
    name: string;
    vmId: string;
    port: NetworkPort;
    disk: string;
    customData?: string;
}

/** One network with its control plane. */
export interface Lab {
    readonly directory: string;
    readonly cluster: Cluster;
    readonly kubernetes: Kubernetes;
    readonly joining: JoinInformation;
    readonly metadata: MetadataService;
    /** A new VM whose disk begins as the file given, or as the pool's first image; not started. */
    newVm(name: string, options?: { disk?: string; customData?: string }): Promise<PoolVm>;
    /** Starts a VM; it may have run before. */
    start(vm: PoolVm): Promise<Machine>;
    stop(): Promise<void>;
}

/** Starts a lab, whose files are in a folder that `stop` removes. */
export async function startLab(): Promise<Lab> {
    if (!insideNetwork()) {
        throw new Error("these tests need the network that sandbox/vm/network.sh makes; run make test-vm");
    }
    mkdirSync(join(BUILT, "runs"), { recursive: true });
    const directory = mkdtempSync(join(BUILT, "runs", "run-"));
    const stopDhcp = startDhcp(join(directory, "dnsmasq.log"));
    const [cluster, metadata] = await Promise.all([
        startCluster(join(directory, "cluster"), { addressForKubelets: HOST_ADDRESS }),
        startMetadataService(readFileSync(`${artifacts.sshKey}.pub`, "utf8").trim()),
    ]);
    const machines: Machine[] = [];
    const ports = [...networkPorts];
    return {
        directory,
        cluster,
        metadata,
        kubernetes: await kubernetes({ kubeconfig: cluster.kubeconfig }),
        joining: await letNodesJoin(cluster),
        newVm: async (name, { disk: from = join(BUILT, "node.raw"), customData } = {}) => {
            const port = ports.shift();
            if (!port) {
                throw new Error("the network has no place for one more VM");
            }
            const disk = join(directory, `${name}.raw`);
            await run("cp", ["--sparse=always", "--reflink=auto", from, disk]);
            return { name, vmId: randomUUID(), port, disk, customData };
        },
        start: async (vm) => {
            metadata.add(vm.port.address, { ...vm, mac: vm.port.mac });
            const isNew = !machines.some(({ name }) => name === vm.name);
            const machine = await startMachine({ ...vm, directory, artifacts, isNew });
            machines.push(machine);
            return machine;
        },
        stop: async () => {
            await Promise.all(machines.map((machine) => machine.kill()));
            stopDhcp();
            metadata.close();
            await cluster.stop();
            if (process.env.KAMINO_VM_KEEP) {
                return;
            }
            rmSync(directory, { recursive: true, force: true });
        },
    };
}

/** Waits until the machine's node is Ready, and what else is asked of it holds. */
export async function becomesReady(
    { kubernetes }: Lab,
    machine: Machine,
    holds: (node: V1Node) => boolean = () => true,
): Promise<V1Node> {
    return waitWith(machine, `node ${machine.name} to be Ready`, async () => {
        const node = await readNode(kubernetes, machine.name);
        return node && isReady(node) && holds(node) ? node : undefined;
    });
}

/**
 * Waits for something on a machine; says what its console has shown when that takes too long or the machine goes off.
 */
export async function waitWith<T>(
    machine: Machine,
    what: string,
    probe: () => Promise<T | undefined>,
    limit = 15 * MINUTE,
): Promise<T> {
    const answer = await until({ limit }, async () => {
        if (!machine.isOn()) {
            throw new Error(`${machine.name} went off while it was waited for ${what}:\n${lastWords(machine)}`);
        }
        return probe();
    });
    if (answer === undefined) {
        throw new Error(`waited in vain for ${what}:\n${lastWords(machine)}`);
    }
    return answer;
}

/** The VM as a capture sees it, whose power is QEMU's. */
export function azureVm(machine: Machine): ScaleSetVm {
    const refuse = () => Promise.reject(new Error("the test starts and stops the machine itself"));
    return {
        read: () => Promise.resolve(undefined),
        power: () => Promise.resolve(machine.isOn() ? "running" : "stopped"),
        start: refuse,
        powerOff: refuse,
    };
}

/** What makes a machine that one and no other. */
export interface Identity {
    hostName: string;
    machineId: string;
    /** Public SSH host keys. */
    hostKeys: string[];
    /** cloud-init's instance id. */
    instance: string;
    /** The subject of kubelet's client certificate. */
    kubelet: string;
    /** The boots in which its custom data has run, as long as its disk remembers. */
    customDataRuns: string[];
}

/** Reads who a machine is, over SSH. */
export async function identityOf(machine: Machine): Promise<Identity> {
    const commands: [keyof Identity, string][] = [
        ["hostName", "hostname"],
        ["machineId", "cat /etc/machine-id"],
        ["hostKeys", "cat /etc/ssh/ssh_host_*_key.pub | cut -d ' ' -f 2"],
        ["instance", "cat /var/lib/cloud/data/instance-id"],
        ["kubelet", "cat /var/lib/kubelet/pki/kubelet-client-current.pem"],
        ["customDataRuns", `cat ${CUSTOM_DATA_LOG} 2>/dev/null || true`],
    ];
    // kubelet asks for its certificate when the node may already be Ready.
    const output = await waitWith(machine, "its identity", async () => {
        const said = await machine
            .ssh(commands.map(([, command]) => command).join("; echo; echo ---; "))
            .catch(() => "");
        return said.includes("BEGIN CERTIFICATE") ? said : undefined;
    });
    const parts = output.split("\n---\n").map((part) => part.trim());
    const [hostName, machineId, hostKeys, instance, kubelet, runs] = parts;
    return {
        hostName,
        machineId,
        hostKeys: hostKeys.split("\n"),
        instance,
        kubelet: new X509Certificate(kubelet).subject.replaceAll("\n", ","),
        customDataRuns: runs ? runs.split("\n") : [],
    };
}

/** Lets a function look at the root file system of a copy of this disk; the disk itself is not changed. */
export async function onCopyOf<T>({ directory }: Lab, disk: string, look: (root: string) => Promise<T>): Promise<T> {
    const copy = join(directory, "looked-at.raw");
    await run("cp", ["--sparse=always", "--reflink=auto", disk, copy]);
    try {
        return await mounted(copy, look);
    } finally {
        rmSync(copy, { force: true });
    }
}

/** Lets e2fsck look for faults in a disk's root file system; throws what it says when there is one. */
export async function checkFileSystem(disk: string): Promise<void> {
    const partition = `${disk}.partition`;
    await run("dd", [`if=${disk}`, `of=${partition}`, "bs=1M", "skip=1", "conv=sparse", "status=none"]);
    try {
        await run("e2fsck", ["-f", "-n", partition]);
    } finally {
        rmSync(partition, { force: true });
    }
}

/** Mounts the root file system of a disk's file, as a node mounts a disk that is attached to it. */
export async function mounted<T>(disk: string, use: (root: string) => Promise<T>): Promise<T> {
    const root = `${disk}.mounted`;
    mkdirSync(root, { recursive: true });
    await run("mount", ["-o", `loop,discard,offset=${PARTITION_START}`, disk, root]);
    try {
        return await use(root);
    } finally {
        await run("umount", [root]);
    }
}

/** What must not get from one machine to another: texts by what they are. Read over SSH, while the machine runs. */
export async function secretsOf(machine: Machine, { joining }: Lab): Promise<Record<string, string>> {
    const keyLine = (file: string) => `sed -n '/PRIVATE KEY/,$p' ${file} | sed -n 3p`;
    const commands = {
        "machine id": "cat /etc/machine-id",
        "boot id": "cat /proc/sys/kernel/random/boot_id",
        "cloud-init's instance id": "cat /var/lib/cloud/data/instance-id",
        "RSA host key": keyLine("/etc/ssh/ssh_host_rsa_key"),
        "Ed25519 host key": keyLine("/etc/ssh/ssh_host_ed25519_key"),
        "kubelet's client key": keyLine("/var/lib/kubelet/pki/kubelet-client-current.pem"),
        "kubelet's serving key": keyLine("/var/lib/kubelet/pki/kubelet.key"),
        "custom data": "sed -n 's/.*CustomData>\\([A-Za-z0-9+=/]\\{200\\}\\).*/\\1/p' /var/lib/waagent/ovf-env.xml",
    };
    const output = await machine.ssh(Object.values(commands).join("; echo ---; "));
    const values = output.split("---\n").map((value) => value.trim());
    return {
        ...Object.fromEntries(Object.keys(commands).map((name, index) => [name, values[index]])),
        "the join's token": joining.token,
    };
}

/** What changes of a node while it is watched: nothing, if nobody notices what is done. */
export interface NodeWatch {
    readonly changes: string[];
    stop(): void;
}

/**
 * Watches what a node's users would notice: whether it is Ready and schedulable, its taints, and that it is there at
 * all.
 */
export async function watchNode({ kubernetes: { config, core } }: Lab, name: string): Promise<NodeWatch> {
    const outlook = ({ spec, status }: V1Node) => {
        const conditions = status?.conditions?.map(({ type, status }) => `${type}=${status}`);
        return JSON.stringify({ conditions, unschedulable: spec?.unschedulable, taints: spec?.taints });
    };
    const node = await core.readNode({ name });
    const usual = outlook(node);
    const changes: string[] = [];
    let stopped = false;
    let controller: AbortController | undefined;
    const follow = async (resourceVersion?: string): Promise<void> => {
        let latest = resourceVersion;
        controller = await new Watch(config).watch(
            "/api/v1/nodes",
            { fieldSelector: `metadata.name=${name}`, resourceVersion },
            (phase, changed: V1Node) => {
                latest = changed.metadata?.resourceVersion;
                const now = outlook(changed);
                if (phase !== "MODIFIED" || now !== usual) {
                    changes.push(`${phase} ${now}`);
                }
            },
            () => {
                // The API server ends a watch now and then; it goes on where it was.
                if (!stopped) {
                    follow(latest).catch((error: unknown) => changes.push(`the watch ended: ${String(error)}`));
                }
            },
        );
    };
    await follow(node.metadata?.resourceVersion);
    return {
        changes,
        stop: () => {
            stopped = true;
            controller?.abort();
        },
    };
}
