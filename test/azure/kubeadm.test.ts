// Machines that join by kubeadm: each as itself, and never as the one whose disk it got.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AzureSandbox, ScaleSet, Vm } from "../../sandbox/azure/index";
import { startForTest } from "./support";

let azure: AzureSandbox;
let close: () => Promise<void>;
let pool: ScaleSet;
let vm: Vm;

beforeAll(async () => {
    ({ azure, close } = await startForTest());
    pool = await azure.createScaleSet({ name: "pool1", resourceGroup: "kubeadm-rg", capacity: 2, kubeadm: true });
    [vm] = azure.vms(pool.id);
});
afterAll(() => close());

const certificate = (of: Vm) => join(of.diskDirectory, "var/lib/kubelet/pki/kubelet-client-current.pem");

test("each joins by its own cloud-init, and signs in as itself", () => {
    for (const each of azure.vms(pool.id)) {
        expect(each).toMatchObject({ joined: true, bootstrapRan: false });
        expect(readFileSync(certificate(each), "utf8")).toContain(`CN=system:node:${each.nodeName}`);
    }
});

test("one that was restarted is the node that it was", async () => {
    await azure.restartVm(vm.id);
    expect(azure.vms(pool.id)[0].joined).toBe(true);
});

test("one that signs in as another is not registered", async () => {
    const other = azure.vms(pool.id)[1];
    const own = readFileSync(certificate(vm), "utf8");
    rmSync(certificate(vm));
    await azure.restartVm(vm.id);
    expect(azure.vms(pool.id)[0].joined, "without a certificate").toBe(false);
    writeFileSync(certificate(vm), readFileSync(certificate(other), "utf8"));
    await azure.restartVm(vm.id);
    expect(azure.vms(pool.id)[0].joined, "with another one's").toBe(false);
    writeFileSync(certificate(vm), own);
    await azure.restartVm(vm.id);
    expect(azure.vms(pool.id)[0].joined).toBe(true);
});
