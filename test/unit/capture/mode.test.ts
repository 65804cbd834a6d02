// Whose disks are captured by a copy alone.
import { expect, test } from "vitest";
import { onlyByCopy } from "../../../components/capture/mode";
import { flexiblePoolId, machinesId } from "../../../components/core/machinesId";

const scaleSetId = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/mp1";
const place = { subscriptionId: "s", resourceGroup: "g" };
const machines = machinesId({ ...place, kind: "MachineDeployment", namespace: "default", name: "md1" });

test.each([
    [
        "nodes that keep their bootstrap, as those of a MachinePool do",
        { scaleSetId, customData: "kept" },
        /^nodes that/,
    ],
    ["single VMs, as those of a MachineDeployment are", { scaleSetId: machines, customData: "kept" }, /^single VMs/],
    ["single VMs whatever becomes of their bootstrap", { scaleSetId: machines }, /^single VMs/],
    ["the VMs of a Flexible scale set", { scaleSetId: flexiblePoolId(scaleSetId) }, /^single VMs/],
] as const)("%s", (_whose, inputs, reason) => {
    expect(onlyByCopy(inputs)).toMatch(reason);
});

test("a node that takes its bootstrap from the image can be captured in place", () => {
    expect(onlyByCopy({ scaleSetId, customData: "dropped" })).toBeUndefined();
    expect(onlyByCopy({ scaleSetId })).toBeUndefined();
});
