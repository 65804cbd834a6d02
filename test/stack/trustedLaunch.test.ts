// A pool of generation 2 whose machines are trusted launch ones, told by the whole program: the copy of a disk is one
// as well, and so is the image.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Stack } from "../../sandbox/engine/stack";
import type { Sandbox } from "../../sandbox/sandbox";
import { computeClient, sender } from "../azure/support";
import { resourcesOf } from "./support/copy";
import { galleryNameOf, imageOf, machinesOf, scaleSetOf, startRebootedPool } from "./support/pools";
import { npmRunStatus } from "./support/scripts";

const MONDAY = "2026.1116.0412";

interface Profile {
    storageProfile: { imageReference: { sku: string } };
}

let sandbox: Sandbox;
let stack: Stack;

beforeAll(async () => {
    ({ sandbox, stack } = await startRebootedPool(
        ({ properties: { virtualMachineProfile: profile } }) => {
            profile.securityProfile = {
                securityType: "TrustedLaunch",
                uefiSettings: { secureBootEnabled: true, vTpmEnabled: true },
            };
            (profile as Profile).storageProfile.imageReference.sku = "aks-engine-ubuntu-1804-gen2";
        },
        { keepSnapshots: true },
    ));
}, 600_000);
afterAll(() => sandbox?.stop());

test("its disk is captured by a copy, which is a trusted launch one, and the image fits the pool", async () => {
    const [vm] = machinesOf(sandbox, "pool1");
    (await stack.up("--skip-preview")).orFail();
    (await stack.up("--skip-preview")).orFail();
    const copies = (await resourcesOf(await sender(sandbox.azure), "disks", vm)).filter(({ id }) => id !== vm.osDiskId);
    const security = { securityType: "TrustedLaunch" };
    expect(copies.map(({ properties }) => properties)).toEqual([
        expect.objectContaining({ hyperVGeneration: "V2", securityProfile: security }) as object,
    ]);
    const { resourceGroup, name } = scaleSetOf(sandbox, "pool1");
    const definition = await computeClient(sandbox.azure).galleryImages.get(
        resourceGroup,
        galleryNameOf(resourceGroup),
        name,
    );
    expect(definition).toMatchObject({ hyperVGeneration: "V2" });
    expect(definition.features).toContainEqual({ name: "SecurityType", value: "TrustedLaunch" });
    expect(imageOf(sandbox, "pool1")).toBe(MONDAY);
    expect(modelSecurity()).toMatchObject(security);

    await sandbox.azure.setCapacity(scaleSetOf(sandbox, "pool1").id, 4);
    expect(machinesOf(sandbox, "pool1").map(({ joined }) => joined)).toEqual([true, true, true, true]);
});

test("a disk that keepSnapshots keeps is nothing to look at, and one whose image is not there is", async () => {
    expect((await npmRunStatus(stack)).pools[0].attention).toEqual([]);
    await stack.configure({ keepSnapshots: false });
    expect((await npmRunStatus(stack)).pools[0].attention).toEqual([
        expect.stringMatching(/^disk kamino-pool1-\S+: of a capture that is under way/),
    ]);
});

function modelSecurity(): unknown {
    const { properties } = scaleSetOf(sandbox, "pool1").model as {
        properties: { virtualMachineProfile: { securityProfile?: object } };
    };
    return properties.virtualMachineProfile.securityProfile;
}
