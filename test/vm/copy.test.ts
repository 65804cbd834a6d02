// A pool's story on real machines: nodes that joined by `kubeadm join`. The disk of one that runs is copied, the copy
// is cleaned on another node and becomes a node apart, and the first one never leaves.
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { kubeadmCustomData } from "../../sandbox/vm/joining";
import type { Machine } from "../../sandbox/vm/machine";
import {
    IMAGE,
    becomesReady,
    checkFileSystem,
    identityOf,
    secretsOf,
    startLab,
    waitWith,
    watchNode,
    type Identity,
    type Lab,
    type NodeWatch,
    type PoolVm,
} from "./lab";
import { cleanCopyOn } from "./attached";
import { search } from "./bytes";

const DONOR = "pool000000";
const VERSION = "2026.1125.1200";
/** What the workload writes, each kind of place its own; so unlikely that no other file has it. */
const MARKERS = Object.fromEntries(
    ["layer", "emptyDir", "log", "deleted"].map((place) => [place, `${place}-${randomBytes(12).toString("hex")}`]),
);

let lab: Lab;
let donor: PoolVm;
let machine: Machine;
let cleaner: Machine;
let identity: Identity;
let secrets: Record<string, string>;
let watch: NodeWatch;
let copy: string;
/** How often the workload had been restarted before: on a busy machine kubelet may need more than one attempt. */
let restarts: number;

beforeAll(async () => {
    lab = await startLab();
});

afterAll(async () => {
    watch?.stop();
    await lab?.stop();
});

describe("a node whose disk's copy is cleaned", () => {
    it("joined by kubeadm, as did the node that will clean", async () => {
        const customData = kubeadmCustomData(lab.joining);
        donor = await lab.newVm(DONOR, { customData });
        machine = await lab.start(donor);
        cleaner = await lab.start(await lab.newVm("pool000001", { customData }));
        await Promise.all([becomesReady(lab, machine), becomesReady(lab, cleaner)]);
        identity = await identityOf(machine);
        expect(identity).toMatchObject({ hostName: DONOR, instance: donor.vmId });
        expect(identity.kubelet).toContain(`CN=system:node:${DONOR}`);
    });

    it("runs a workload that writes to its own layer, to an empty folder and to its log", async () => {
        const script = [
            `yes ${MARKERS.deleted} | head -n 100000 > /data/deleted; sync; rm /data/deleted`,
            `while :; do echo ${MARKERS.layer} >> /own; echo ${MARKERS.emptyDir} >> /data/file; echo ${MARKERS.log}; sleep 0.5; done`,
        ].join("; ");
        await lab.kubernetes.core.createNamespacedPod({
            namespace: "default",
            body: {
                metadata: { name: "writer" },
                spec: {
                    nodeName: DONOR,
                    terminationGracePeriodSeconds: 1,
                    containers: [
                        {
                            name: "main",
                            image: IMAGE,
                            imagePullPolicy: "Never",
                            command: ["/bin/sh", "-c", script],
                            volumeMounts: [{ name: "data", mountPath: "/data" }],
                        },
                    ],
                    volumes: [{ name: "data", emptyDir: {} }],
                },
            },
        });
        restarts = await waitWith(machine, "the workload to run", async () => {
            const { status } = await lab.kubernetes.core.readNamespacedPod({ namespace: "default", name: "writer" });
            const [container] = status?.containerStatuses ?? [];
            return container?.state?.running ? container.restartCount : undefined;
        });
    });

    it("is copied while it runs, with all that is its own", async () => {
        watch = await watchNode(lab, DONOR);
        secrets = await secretsOf(machine, lab);
        await machine.ssh("sync");
        copy = join(lab.directory, "copy.raw");
        await machine.copyDisk(copy);
        expect(Object.values(secrets).filter((secret) => secret.length < 16)).toEqual([]);
        // What was deleted is there, too: the node's file system does not give back its free blocks.
        const found = new Set((await search(copy, { ...MARKERS, ...secrets })).map(({ name }) => name));
        expect([...found].sort()).toEqual(Object.keys({ ...MARKERS, ...secrets }).sort());
    });

    it("is what a machine from the copy takes itself for, as long as the copy is not cleaned", async () => {
        const vm = await lab.newVm("pool000002", { disk: copy, customData: kubeadmCustomData(lab.joining) });
        const uncleaned = await lab.start(vm);
        await waitWith(uncleaned, "kubelet to be refused", async () => {
            const said = await uncleaned.ssh("journalctl -b -u kubelet --no-pager | grep forbidden").catch(() => "");
            // What it asks for as the node that was copied.
            return said.includes(`system:node:${DONOR}`) && said.includes("pool000002") ? true : undefined;
        });
        const joining = await waitWith(uncleaned, "kubeadm to refuse", async () => {
            const said = await uncleaned.ssh("cat /var/log/cloud-init-output.log").catch(() => "");
            return said.includes("[ERROR ") ? said : undefined;
        });
        expect(joining).toContain("FileAvailable--etc-kubernetes-kubelet.conf");
        await expect(lab.kubernetes.core.readNode({ name: "pool000002" })).rejects.toMatchObject({ code: 404 });
        await uncleaned.kill();
        rmSync(vm.disk);
    });

    it("has its copy cleaned on another node, by a pod that is not privileged", async () => {
        const { status } = await lab.kubernetes.core.readNode({ name: DONOR });
        const kernel = status?.nodeInfo?.kernelVersion ?? "";
        const result = await cleanCopyOn(lab, cleaner, copy, { node: DONOR, version: VERSION, kernel });
        expect(result).toMatchObject({ cleaned: VERSION, kind: "kubeadm", kernel });
    });

    it("has left nothing of the node in the copy's bytes, free blocks included, on a file system without a fault", async () => {
        expect(await search(copy, { ...MARKERS, ...secrets })).toEqual([]);
        await checkFileSystem(copy);
        // Its name is only where nodes say what image they come from.
        const named = await search(copy, { name: DONOR });
        expect(
            named.map(({ context }) => context).filter((text) => !text.includes(`version ${VERSION} from node`)),
        ).toEqual([]);
    });

    it("gives an image whose machine joins by kubeadm as another node", async () => {
        const vm = await lab.newVm("pool000003", { disk: copy, customData: kubeadmCustomData(lab.joining) });
        const fresh = await lab.start(vm);
        await becomesReady(lab, fresh);
        const own = await identityOf(fresh);
        expect(own).toMatchObject({ hostName: "pool000003", instance: vm.vmId });
        expect(own.kubelet).toContain("CN=system:node:pool000003");
        expect(own.machineId).not.toBe(identity.machineId);
        expect(own.hostKeys.filter((key) => identity.hostKeys.includes(key))).toEqual([]);
        // Its own custom data ran, and the one of the machine that was copied did not.
        expect(own.customDataRuns).toHaveLength(1);
    });

    it("never noticed", async () => {
        expect(machine.isOn()).toBe(true);
        expect(watch.changes).toEqual([]);
        const { status } = await lab.kubernetes.core.readNamespacedPod({ namespace: "default", name: "writer" });
        expect(status?.containerStatuses?.[0]).toMatchObject({ restartCount: restarts, state: { running: {} } });
    });
});
