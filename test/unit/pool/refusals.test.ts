// Which scale sets are refused, and with which words.
import { describe, expect, it } from "vitest";
import type { LiveModel } from "../../../components/pool/model";
import { refusal, saysNotFound } from "../../../components/pool/refusals";
import { liveModel } from "./liveModel";

const KEY = "kamino:pools[0].scaleSet";

type Profile = NonNullable<LiveModel["virtualMachineProfile"]>;
const withProfile = (changes: Partial<Profile>): LiveModel =>
    liveModel({ virtualMachineProfile: { ...liveModel().virtualMachineProfile, ...changes } as Profile });
const withOsDisk = (changes: object): LiveModel => {
    const storage = liveModel().virtualMachineProfile!.storageProfile!;
    return withProfile({
        storageProfile: { ...storage, osDisk: { ...storage.osDisk, ...changes } } as Profile["storageProfile"],
    });
};

describe("a scale set", () => {
    it("that AKS Engine made may be changed", () => {
        expect(refusal(liveModel(), KEY)).toBeUndefined();
    });

    it.each<[string, LiveModel, RegExp]>([
        ["with AKS's tags", liveModel({ tags: { "aks-managed-poolName": "a" } }), /managed by AKS/],
        [
            "in AKS's own resource group",
            liveModel({ id: "/subscriptions/s/resourceGroups/MC_a_b_c/providers/x" }),
            /managed by AKS/,
        ],
        ["with Flexible orchestration", liveModel({ orchestrationMode: "Flexible" }), /Flexible/],
        ["with upgrade mode Automatic", liveModel({ upgradePolicy: { mode: "Automatic" } }), /upgradePolicy\.mode/],
        ["with upgrade mode Rolling", liveModel({ upgradePolicy: { mode: "Rolling" } }), /upgradePolicy\.mode/],
        ["without an upgrade policy", liveModel({ upgradePolicy: undefined }), /upgradePolicy\.mode/],
        [
            "with automatic OS upgrades",
            liveModel({
                upgradePolicy: { mode: "Manual", automaticOSUpgradePolicy: { enableAutomaticOSUpgrade: true } },
            }),
            /automaticOSUpgradePolicy/,
        ],
        ["of Windows nodes", withOsDisk({ osType: "Windows" }), /Windows/],
        ["of ephemeral OS disks", withOsDisk({ diffDiskSettings: { option: "Local" } }), /ephemeral/],
        ["of unmanaged disks", withOsDisk({ vhdContainers: ["x"] }), /unmanaged/],
        ["of specialized nodes", withProfile({ osProfile: undefined }), /specialized/],
        ["of confidential VMs", withProfile({ securityProfile: { securityType: "ConfidentialVM" } }), /confidential/],
    ])("%s is refused in one line with the config key and the scale set's name", (_what, live, reason) => {
        const line = refusal(live, KEY);
        expect(line).toMatch(reason);
        expect(line).toMatch(/^kamino:pools\[0\]\.scaleSet: scale set "pool1" is refused: [^\n]+$/);
    });
});

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
