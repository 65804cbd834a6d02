// What azure-native answers of a scale set: whether it is there, and what it leaves out.
import { describe, expect, it } from "vitest";
import { saysNotFound, withExtensionTypes } from "../../../components/pool/scaleSet";
import { liveModel } from "./liveModel";

describe("what azure-native says of a scale set that it cannot read", () => {
    const id = "/subscriptions/s/resourceGroups/rg-404/providers/Microsoft.Compute/virtualMachineScaleSets/pool1";

    it.each<[string, boolean]>([
        [`request failed ${id}: Status=404 Code="ResourceNotFound" Message="It was not found."`, true],
        [`request failed ${id}: Status=404 Code="ResourceGroupNotFound" Message="It was not found."`, true],
        [`request failed ${id}: Status=403 Code="AuthorizationFailed" Message="No."`, false],
        [`request failed ${id}: Status=429 Code="TooManyRequests" Message="Later."`, false],
    ])("is that it is not there by status and code alone: %s", (reason, expected) => {
        expect(saysNotFound(reason)).toBe(expected);
    });
});

it("extensions that have their types are taken as they are", async () => {
    const live = liveModel();
    expect(await withExtensionTypes(live)).toBe(live);
});
