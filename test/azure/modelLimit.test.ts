// A Uniform scale set whose VMs refer to ten models takes no VM of an eleventh.
import { expect, test } from "vitest";
import { at, azure, get, pool, send, useScaleSets, GROUP } from "./scaleSetWire";
import { finished } from "./support";

useScaleSets();

const REFUSAL = (name: string) => ({
    code: "OperationNotAllowed",
    message:
        `Virtual Machine Scale Set '${name}' has reached its limit of 10 models that may be referenced by one or more VMs belonging to the Virtual ` +
        "Machine Scale Set. Upgrade the VMs to the latest model of the Virtual Machine Scale Set before trying again.",
});

const model = (version: string) => ({
    properties: { virtualMachineProfile: { storageProfile: { imageReference: { version } } } },
});

async function patch(id: string, body: object) {
    const answer = await send("PATCH", at(id), body);
    if (answer.status === 200) {
        await finished(send, answer);
    }
    return answer;
}

/** Models until the VMs refer to so many, one VM more for each. */
async function growTo(models: number, id = pool.id): Promise<void> {
    for (let count = 2; count <= models; count++) {
        await patch(id, model(`2024.01.${count}`));
        await azure.setCapacity(id, count);
    }
}

const sku = (capacity: number) => ({ sku: { name: "Standard_D2s_v3", tier: "Standard", capacity } });

test("a VM of the eleventh model is refused, whoever adds it, and nothing has changed", async () => {
    await growTo(10);
    expect(azure.vms(pool.id)).toHaveLength(10);
    // A model that no VM refers to does not count.
    expect((await patch(pool.id, model("2024.02.1"))).status).toBe(200);
    const more = await patch(pool.id, sku(11));
    expect([more.status, more.body.error]).toEqual([409, REFUSAL(pool.name)]);
    const whole = await send("PUT", at(pool.id), { location: pool.location, ...model("2024.02.2"), ...sku(11) });
    expect([whole.status, whole.body.error]).toEqual([409, REFUSAL(pool.name)]);
    await expect(azure.setCapacity(pool.id, 11)).rejects.toThrow(REFUSAL(pool.name).message);
    const { body } = await get();
    expect(body.sku.capacity).toBe(10);
    expect(body.properties.virtualMachineProfile.storageProfile.imageReference.version).toBe("2024.02.1");
});

test("models count as long as VMs refer to them", async () => {
    await growTo(10);
    const [first] = azure.vms(pool.id);
    await patch(pool.id, model("2024.02.1"));
    await azure.deleteVm(first.id);
    await azure.setCapacity(pool.id, 10);
    expect(azure.vms(pool.id)).toHaveLength(10);
    // One of the latest model more.
    await azure.setCapacity(pool.id, 11);
    expect(azure.vms(pool.id)).toHaveLength(11);
});

test("fewer VMs, and as many as there are, are never refused", async () => {
    await growTo(10);
    await patch(pool.id, model("2024.02.1"));
    expect((await patch(pool.id, sku(10))).status).toBe(200);
    await azure.setCapacity(pool.id, 9);
    expect(azure.vms(pool.id)).toHaveLength(9);
});

test("a Flexible set has no such limit", async () => {
    const { id } = await azure.createScaleSet({
        ...{ name: `flexible-${pool.name}`, resourceGroup: GROUP, capacity: 1 },
        ...{ flexible: true, kubeadm: true },
    });
    await growTo(11, id);
    expect(azure.vms(id)).toHaveLength(11);
});
