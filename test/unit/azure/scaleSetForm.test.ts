// A scale set from Resource Manager's answer to azure-native's form.
import { expect, test } from "vitest";
import { API_VERSION, inArmForm, inAzureNativesForm } from "../../../components/azure/scaleSetForm";

const answer = (profile: object, more: object = {}) => ({
    id: "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachineScaleSets/pool1",
    name: "pool1",
    location: "westeurope",
    ...more,
    properties: { overprovision: false, virtualMachineProfile: profile },
});

test("what is inside `properties` comes out of it, at every depth", () => {
    const publicIPAddressConfiguration = {
        name: "public",
        properties: { idleTimeoutInMinutes: 4 },
        sku: { name: "S" },
    };
    const ip = { name: "ip1", properties: { subnet: { id: "/subnet" }, publicIPAddressConfiguration } };
    const nic = { name: "nic1", properties: { primary: true, ipConfigurations: [ip] } };
    const networkProfile = { networkInterfaceConfigurations: [nic] };
    expect(inAzureNativesForm(answer({ networkProfile }))).toEqual({
        azureApiVersion: API_VERSION,
        id: expect.stringContaining("/virtualMachineScaleSets/pool1") as string,
        name: "pool1",
        location: "westeurope",
        overprovision: false,
        virtualMachineProfile: {
            networkProfile: {
                networkInterfaceConfigurations: [
                    {
                        name: "nic1",
                        primary: true,
                        ipConfigurations: [
                            {
                                name: "ip1",
                                subnet: { id: "/subnet" },
                                publicIPAddressConfiguration: {
                                    name: "public",
                                    idleTimeoutInMinutes: 4,
                                    sku: { name: "S" },
                                },
                            },
                        ],
                    },
                ],
            },
        },
    });
});

test("and goes back into it, for a request", () => {
    const ip = { name: "ip1", properties: { primary: true, subnet: { id: "/subnet" } } };
    const nic = { name: "nic1", properties: { primary: true, ipConfigurations: [ip] } };
    const settings = { properties: { nested: null }, list: [null] };
    const extension = { name: "cse", properties: { publisher: "P", type: "CustomScript", settings } };
    const whole = answer(
        {
            storageProfile: { imageReference: { id: "/image" }, osDisk: { createOption: "FromImage" } },
            networkProfile: { networkInterfaceConfigurations: [nic] },
            extensionProfile: { extensions: [extension] },
        },
        { tags: { a: "b" }, sku: { name: "S", capacity: 1 }, zones: ["1"] },
    );
    expect(inArmForm(inAzureNativesForm(whole))).toEqual({ ...whole, azureApiVersion: API_VERSION });
});

test("an extension has its type, and its settings as they are", () => {
    const settings = { properties: { nested: null }, list: [null] };
    const extension = { name: "cse", properties: { publisher: "P", type: "CustomScript", settings } };
    const { virtualMachineProfile } = inAzureNativesForm(answer({ extensionProfile: { extensions: [extension] } }));
    expect(virtualMachineProfile?.extensionProfile?.extensions).toEqual([
        { name: "cse", publisher: "P", type: "CustomScript", settings },
    ]);
});

test("the read-only type of an extension's resource is not its type", () => {
    const type = "Microsoft.Compute/virtualMachineScaleSets/extensions";
    const extension = { name: "cse", type, properties: { type: "CustomScript" } };
    const { virtualMachineProfile } = inAzureNativesForm(answer({ extensionProfile: { extensions: [extension] } }));
    expect(virtualMachineProfile?.extensionProfile?.extensions).toEqual([{ name: "cse", type: "CustomScript" }]);
});

test("maps keep their keys, and what azure-native does not know or is null is left out", () => {
    const ids = { "/identity/properties": { clientId: "c", principalId: "p", more: 1 } };
    const more = {
        identity: { type: "UserAssigned", userAssignedIdentities: ids },
        tags: { a: "1" },
        plan: null,
        news: 1,
    };
    const { identity, tags, ...rest } = inAzureNativesForm(
        answer({ osProfile: { customData: undefined, newer: 1 } }, more),
    );
    expect(identity?.userAssignedIdentities).toEqual({ "/identity/properties": { clientId: "c", principalId: "p" } });
    expect(tags).toEqual({ a: "1" });
    expect(rest).not.toHaveProperty("plan");
    expect(rest).not.toHaveProperty("news");
    expect(rest.virtualMachineProfile?.osProfile).toEqual({});
});
