// What a machine's power and boot do to its disk, and what a copy of a running machine's disk holds.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AzureSandbox, ScaleSet, Vm } from "../../sandbox/azure/index";
import { computeClient, startForTest } from "./support";

const GROUP = "machines-rg";
let azure: AzureSandbox;
let close: () => Promise<void>;
let pool: ScaleSet;
let vm: Vm;

beforeAll(async () => {
    ({ azure, close } = await startForTest());
    pool = await azure.createScaleSet({ name: "pool1", resourceGroup: GROUP, capacity: 1 });
    [vm] = azure.vms(pool.id);
});
afterAll(() => close());

const on = (file: string, disk: { diskDirectory: string } = vm) => join(disk.diskDirectory, file);
const put = (file: string, text: string) => {
    mkdirSync(dirname(on(file)), { recursive: true });
    writeFileSync(on(file), text);
};

test.each([
    ["cut from inside", () => azure.stopVmFromInside(vm.id)],
    ["switched off in order", () => azure.powerOffVm(vm.id)],
    ["switched off hard", () => azure.powerOffVm(vm.id, { skipShutdown: true })],
])("what is in /run is gone when the power is %s", async (_how, stop) => {
    put("run/reboot-required", "*** System restart required ***\n");
    await stop();
    expect(existsSync(on("run/reboot-required"))).toBe(false);
    await azure.startVm(vm.id);
});

test("each boot has its own id and takes the newest kernel of the disk; the machine id stays", async () => {
    const before = { bootId: vm.bootId, machineId: readFileSync(on("etc/machine-id"), "utf8") };
    expect(vm.kernelVersion).toBe("5.4.0-1109-azure");
    put("boot/vmlinuz-5.4.0-1110-azure", "");
    put("boot/vmlinuz-5.4.0-998-azure", "");
    expect(vm.kernelVersion, "installed is not booted").toBe("5.4.0-1109-azure");
    await azure.restartVm(vm.id);
    expect(vm.kernelVersion).toBe("5.4.0-1110-azure");
    expect(vm.bootId).not.toBe(before.bootId);
    expect(readFileSync(on("etc/machine-id"), "utf8")).toBe(before.machineId);
});

test("an emptied machine id is a new one after the boot", async () => {
    const before = readFileSync(on("etc/machine-id"), "utf8");
    await azure.stopVmFromInside(vm.id);
    put("etc/machine-id", "");
    await azure.startVm(vm.id);
    expect(readFileSync(on("etc/machine-id"), "utf8")).toMatch(/^[0-9a-f]{32}\n$/);
    expect(readFileSync(on("etc/machine-id"), "utf8")).not.toBe(before);
});

test("a copy of a running machine's disk has what is on the disk, and nothing of what is in memory", async () => {
    put("run/reboot-required", "*** System restart required ***\n");
    put("proc/123/comm", "dpkg\n");
    put("etc/motd", "hello\n");
    const client = computeClient(azure);
    const before = { power: vm.power, bootId: vm.bootId };
    const snapshot = await client.snapshots.createOrUpdate(GROUP, "running", {
        location: pool.location,
        incremental: true,
        creationData: { createOption: "Copy", sourceResourceId: vm.osDiskId },
    });
    const disk = await client.disks.createOrUpdate(GROUP, "copy", {
        location: pool.location,
        creationData: { createOption: "Copy", sourceResourceId: snapshot.id },
    });
    const copy = { diskDirectory: azure.diskFolder(disk.id ?? "") ?? "" };
    expect(readFileSync(on("etc/motd", copy), "utf8")).toBe("hello\n");
    expect(existsSync(on("proc/123", copy))).toBe(false);
    expect(existsSync(on("run/reboot-required", copy))).toBe(false);
    expect({ power: vm.power, bootId: vm.bootId }).toEqual(before);
});
