// A pool's story on real machines: nodes that share one client certificate, as AKS Engine's do. One of them is cleaned
// in place, copied while it is off, started again, and a new node starts from the copy.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createCleaningPod, deleteCleaningPod, waitUntilCleanAndOff } from "../../components/capture/cleaning";
import { ensureNamespace } from "../../components/capture/pods";
import { isReadyAgain } from "../../components/node/node";
import { sharedCertificateCustomData } from "../../sandbox/vm/joining";
import type { Machine } from "../../sandbox/vm/machine";
import {
    IMAGE,
    azureVm,
    becomesReady,
    identityOf,
    onCopyOf,
    run,
    startLab,
    waitWith,
    type Identity,
    type Lab,
    type PoolVm,
} from "./lab";

const CLEANING = { node: "pool000000", version: "2026.1125.1200", namespace: "kamino", image: IMAGE };

let lab: Lab;
let donor: PoolVm;
let machine: Machine;
let before: Identity;
let image: string;
/** How often the workload had been restarted before: on a busy machine kubelet may need more than one attempt. */
let restarts: number;

beforeAll(async () => {
    lab = await startLab();
});

afterAll(async () => {
    await lab?.stop();
});

describe("a node that is cleaned in place", () => {
    it("was provisioned by Azure's own way and joined the cluster", async () => {
        donor = await lab.newVm("pool000000", { customData: sharedCertificateCustomData(lab.cluster, lab.joining) });
        machine = await lab.start(donor);
        await becomesReady(lab, machine);
        before = await identityOf(machine);
        expect(before).toMatchObject({ hostName: "pool000000", instance: donor.vmId });
        expect(before.kubelet).toContain("CN=system:node:pool000000");
        expect(before.customDataRuns).toHaveLength(1);
        expect(lab.metadata.reportedReady).toContain("pool000000");
    });

    it("runs a workload", async () => {
        await lab.kubernetes.core.createNamespacedPod({
            namespace: "default",
            body: {
                metadata: { name: "workload" },
                spec: {
                    nodeName: "pool000000",
                    terminationGracePeriodSeconds: 1,
                    containers: [{ name: "main", image: IMAGE, imagePullPolicy: "Never" }],
                },
            },
        });
        restarts = await waitWith(machine, "the workload to run", restartsOfWorkload);
    });

    it("is cleaned by the product's own pod and switches itself off", async () => {
        // As the step before does, which pulls the image from a registry that is not here.
        await ensureNamespace(lab.kubernetes, CLEANING.namespace, "privileged");
        const { signal } = new AbortController();
        await createCleaningPod(lab.kubernetes, CLEANING, signal);
        await waitUntilCleanAndOff(lab.kubernetes, azureVm(machine), CLEANING, signal);
        expect(machine.isOn()).toBe(false);
        image = join(lab.directory, "image.raw");
        await run("cp", ["--sparse=always", "--reflink=auto", donor.disk, image]);
    });

    it("leaves nothing on its disk that is this machine's own", async () => {
        await onCopyOf(lab, image, async (root) => {
            const text = (path: string) => readFileSync(join(root, path), "utf8");
            const list = (path: string) => (existsSync(join(root, path)) ? readdirSync(join(root, path)) : []);
            expect(text("etc/hostname")).toBe("");
            expect(text("etc/machine-id")).toBe("");
            expect(list("var/log/journal")).toEqual([]);
            expect(list("var/lib/cloud/instances")).toEqual([]);
            expect(text("var/log/kamino-ancestry.log")).toContain("version 2026.1125.1200 from node pool000000");
            await Promise.resolve();
        });
    });

    it("comes back as the same node, and its workload runs again", async () => {
        const node = await lab.kubernetes.core.readNode({ name: "pool000000" });
        await deleteCleaningPod(lab.kubernetes, azureVm(machine), CLEANING);
        machine = await lab.start(donor);
        const again = await becomesReady(lab, machine, (now) => isReadyAgain(now, node));
        expect(again.metadata?.uid).toBe(node.metadata?.uid);
        expect(again.status?.nodeInfo?.bootID).not.toBe(node.status?.nodeInfo?.bootID);
        await waitWith(machine, "the workload to run again", () =>
            restartsOfWorkload().then((count) => (count !== undefined && count > restarts ? true : undefined)),
        );
        const after = await identityOf(machine);
        expect(after).toMatchObject({ hostName: before.hostName, instance: before.instance, kubelet: before.kubelet });
        // To cloud-init it is a new machine: it gets new host keys. Its custom data does not run again.
        expect(after.hostKeys.filter((key) => before.hostKeys.includes(key))).toEqual([]);
        expect(after.customDataRuns).toEqual(before.customDataRuns);
    });

    it("gives an image whose machine joins beside it as another node, without any custom data", async () => {
        const vm = await lab.newVm("pool000001", { disk: image });
        const copy = await lab.start(vm);
        await becomesReady(lab, copy);
        const identity = await identityOf(copy);
        expect(identity).toMatchObject({ hostName: "pool000001", instance: vm.vmId });
        expect(identity.kubelet).toContain("CN=system:node:pool000001");
        expect(identity.machineId).not.toBe(before.machineId);
        expect(identity.hostKeys.filter((key) => before.hostKeys.includes(key))).toEqual([]);
        expect(identity.customDataRuns).toEqual(before.customDataRuns);
    });
});

/** How often the workload's container was restarted, or undefined while it does not run. */
async function restartsOfWorkload(): Promise<number | undefined> {
    const pod = await lab.kubernetes.core.readNamespacedPod({ namespace: "default", name: "workload" });
    const [status] = pod.status?.containerStatuses ?? [];
    return status?.state?.running ? status.restartCount : undefined;
}
