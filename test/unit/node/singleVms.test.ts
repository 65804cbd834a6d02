// Pools of single VMs: their ids, and which node is which VM.
import { describe, expect, it, test } from "vitest";
import {
    describePool,
    flexiblePoolId,
    flexibleScaleSetIn,
    machinesId,
    machinesIn,
    singleVmsIn,
} from "../../../components/core/machinesId";
import { parseArmId } from "../../../components/azure/ids";
import { checkTarget } from "../../../components/capture/names";
import { instanceOf, singleVmOf } from "../../../components/node/providerId";

const GROUP = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/Capz";
const POOL = machinesId({
    subscriptionId: "11111111-1111-1111-1111-111111111111",
    resourceGroup: "Capz",
    ...{ kind: "MachineDeployment", namespace: "default", name: "md.1" },
});
const SCALE_SET = `${GROUP}/providers/Microsoft.Compute/virtualMachineScaleSets/mp1`;
const VM = `azure://${GROUP}/providers/Microsoft.Compute/virtualMachines/md1-abcde-x7k2p`;

test("a pool's id has the form of an ARM id, and says what the pool is", () => {
    expect(parseArmId(POOL)).toMatchObject({ resourceGroup: "Capz", names: ["default.md.1"] });
    expect(describePool(POOL)).toBe("MachineDeployment default/md.1");
    expect(describePool(SCALE_SET)).toBe('scale set "mp1"');
    expect(singleVmsIn(SCALE_SET)).toBeUndefined();
});

test("a Flexible scale set is a pool of single VMs, whose id tells the set's", () => {
    for (const set of [SCALE_SET, SCALE_SET.replace("mp1", "a.b-c_d")]) {
        const pool = flexiblePoolId(set);
        expect(parseArmId(pool)).toMatchObject({ resourceGroup: "Capz", names: [set.split("/").at(-1)] });
        expect(flexibleScaleSetIn(pool)).toBe(set);
        expect(machinesIn(pool)).toBeUndefined();
        expect(describePool(pool)).toBe(describePool(set));
        expect(instanceOf(VM, pool)).toBe("md1-abcde-x7k2p");
    }
    expect([SCALE_SET, POOL].map(flexibleScaleSetIn)).toEqual([undefined, undefined]);
});

describe("a node is a VM of a pool", () => {
    it.each([
        ["by the VM's name", VM, POOL, "md1-abcde-x7k2p"],
        ["whatever the case of the group", VM.replace("Capz", "capz"), POOL, "md1-abcde-x7k2p"],
        ["of its own group alone", VM.replace("Capz", "other"), POOL, undefined],
        ["that is no VM of a scale set", `azure://${SCALE_SET}/virtualMachines/0`, POOL, undefined],
        ["and a single VM is none of a scale set", VM, SCALE_SET, undefined],
        ["and not what is below one", `${VM}/extensions/x`, POOL, undefined],
        ["without tricks in its name", VM.replace("md1-abcde-x7k2p", ".."), POOL, undefined],
    ])("%s", (_, providerID, pool, instance) => {
        expect(instanceOf(providerID, pool)).toBe(instance);
    });

    it("whose id is in the provider id", () => {
        expect(singleVmOf(VM)).toEqual({ vmId: VM.slice("azure://".length), name: "md1-abcde-x7k2p" });
        expect(singleVmOf(`azure://${SCALE_SET}/virtualMachines/0`)).toBeUndefined();
        expect(singleVmOf(undefined)).toBeUndefined();
    });
});

test("a capture's VM is a number in a scale set, and a name elsewhere", () => {
    const target = { version: "2026.1116.0412", node: "n", scaleSetId: POOL, instanceId: "md1-abcde-x7k2p" };
    expect(() => checkTarget(target)).not.toThrow();
    expect(() => checkTarget({ ...target, instanceId: "../x" })).toThrow('"../x" is not an instance id');
    expect(() => checkTarget({ ...target, scaleSetId: SCALE_SET })).toThrow("is not an instance id");
});
