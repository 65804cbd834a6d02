// Which VMs a Flexible scale set has made from its model, and which somebody has attached to it.
import type { VirtualMachine } from "@azure/arm-compute";
import { describe, expect, it, test } from "vitest";
import { isMadeFromModel, isNameOfVm } from "../../../components/azure/flexible";

const GROUP = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/Kube/providers/Microsoft.Compute";
const SET = `${GROUP}/virtualMachineScaleSets/k8s-pool1-vmss`;

/** A VM as the set makes it. */
function vm(change: Partial<VirtualMachine> = {}): VirtualMachine {
    return {
        location: "westeurope",
        name: "k8s-pool1-vmss_0a1b2c3d",
        virtualMachineScaleSet: { id: SET.replace("Kube", "KUBE") },
        osProfile: { computerName: "pool1-00000A" },
        storageProfile: { osDisk: { createOption: "FromImage" } },
        ...change,
    };
}

describe("a VM of the model", () => {
    it("is one that belongs to the set and is named as Azure names them, whatever the case", () => {
        expect(isMadeFromModel(vm(), SET, "pool1-")).toBe(true);
        expect(isMadeFromModel(vm({ name: "K8S-pool1-vmss_0A1B2C3D" }), SET, "POOL1-")).toBe(true);
        const named = vm({ osProfile: { computerName: "k8s-pool1-vmssx7k2pq" } });
        expect(isMadeFromModel(named, SET)).toBe(true);
    });

    it.each<[string, Partial<VirtualMachine>]>([
        ["belongs to no set", { virtualMachineScaleSet: undefined }],
        ["belongs to another one", { virtualMachineScaleSet: { id: `${SET}2` } }],
        ["was given a name", { name: "k8s-pool1-vmss-extra" }],
        ["was given a name that goes on", { name: "k8s-pool1-vmss_0a1b2c3d4" }],
        ["was given a name with other characters", { name: "k8s-pool1-vmss_standby1" }],
        ["has a name without the set's", { name: "0a1b2c3d" }],
        ["has another computer name", { osProfile: { computerName: "mine" } }],
        ["has a computer name that goes on", { osProfile: { computerName: "pool1-00000A1" } }],
        ["has no computer name, as from a specialized disk", { osProfile: undefined }],
        ["was made of a disk", { storageProfile: { osDisk: { createOption: "Attach" } } }],
        ["shows no disk", { storageProfile: undefined }],
    ])("is none that %s", (_what, change) => {
        expect(isMadeFromModel(vm(change), SET, "pool1-")).toBe(false);
    });
});

test("a set's name is cut in its VMs' names where those would be longer than 64 characters", () => {
    const long = "s".repeat(64);
    expect(isNameOfVm(`${"s".repeat(55)}_0a1b2c3d`, long)).toBe(true);
    expect(isNameOfVm(`${"s".repeat(54)}_0a1b2c3d`, long)).toBe(false);
    expect(isNameOfVm(`${"s".repeat(54)}_0a1b2c3d`, "s".repeat(54))).toBe(true);
});
