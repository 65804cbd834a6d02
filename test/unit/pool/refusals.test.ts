// Which scale sets are refused, and with which words.
import { describe, expect, it } from "vitest";
import { machinesId } from "../../../components/core/machinesId";
import type { LiveModel } from "../../../components/pool/model";
import { captureRefusal, refusal, tagsRefusal } from "../../../components/pool/refusals";
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

const withPatchSettings = (patchSettings: object): LiveModel => {
    const { osProfile } = liveModel().virtualMachineProfile!;
    return withProfile({ osProfile: { ...osProfile, linuxConfiguration: { patchSettings } } });
};

const withExtension = (publisher: string, type: string): LiveModel =>
    withProfile({ extensionProfile: { extensions: [{ name: "x", publisher, type }] } } as unknown as Partial<Profile>);
const withImage = (id: string): LiveModel => {
    const storage = liveModel().virtualMachineProfile!.storageProfile!;
    return withProfile({ storageProfile: { ...storage, imageReference: { id: `/subscriptions/s/${id}` } } } as Profile);
};
const withDataDisk = (disk: object): LiveModel => {
    const storage = liveModel().virtualMachineProfile!.storageProfile!;
    return withProfile({ storageProfile: { ...storage, dataDisks: [disk] } } as unknown as Partial<Profile>);
};

describe("a scale set", () => {
    it("whose VMs Azure neither patches nor hibernates may be changed", () => {
        const images = { patchMode: "ImageDefault", assessmentMode: "ImageDefault" };
        expect(refusal(withPatchSettings(images), KEY)).toBeUndefined();
        expect(refusal(liveModel({ additionalCapabilities: { hibernationEnabled: false } }), KEY)).toBeUndefined();
    });

    it("that AKS Engine made may be changed", () => {
        expect(refusal(liveModel(), KEY)).toBeUndefined();
        for (const aksEngineVersion of ["v0.57.0", "v0.79.0", "1.0.0", "unknown"]) {
            expect(refusal(liveModel({ tags: { aksEngineVersion } }), KEY)).toBeUndefined();
        }
    });

    it("of an old AKS Engine may be changed once its nodes start from an image without bootstrap", () => {
        const fromImage = withImage("galleries/kamino/images/pool1/versions/2026.1122.0412");
        const old = { ...fromImage, tags: { aksEngineVersion: "v0.50.0" } };
        expect(refusal(old, KEY)).toMatch(/0\.57\.0/);
        const profile = { ...old.virtualMachineProfile, extensionProfile: { extensions: [] } };
        expect(refusal({ ...old, virtualMachineProfile: profile } as unknown as LiveModel, KEY)).toBeUndefined();
    });

    it("without data disks, as Azure and azure-native say it, may be changed", () => {
        for (const dataDisks of [null, [], undefined]) {
            const storage = { ...liveModel().virtualMachineProfile!.storageProfile!, dataDisks };
            expect(
                refusal(withProfile({ storageProfile: storage } as unknown as Partial<Profile>), KEY),
            ).toBeUndefined();
        }
    });

    it.each<[string, LiveModel, RegExp]>([
        ["with AKS's tags", liveModel({ tags: { "aks-managed-poolName": "a" } }), /managed by AKS/],
        [
            "in AKS's own resource group",
            liveModel({ id: "/subscriptions/s/resourceGroups/MC_a_b_c/providers/x" }),
            /managed by AKS/,
        ],
        [
            "with AKS's tags of before 2021",
            liveModel({ tags: { creationSource: "vmssclient-aks-np-10000001-vmss" } }),
            /by AKS/,
        ],
        ["with a name as AKS gives them", liveModel({ name: "aks-nodepool1-10000001-vmss" }), /managed by AKS/],
        ["with AKS's billing marker", withExtension("Microsoft.AKS", "Compute.AKS.Linux.Billing"), /managed by AKS/],
        [
            "with an image of AKS",
            withImage("galleries/AKSUbuntu/images/2204gen2/versions/202406.07.0"),
            /managed by AKS/,
        ],
        [
            "with an identity of an AKS cluster",
            liveModel({
                identity: {
                    type: "UserAssigned",
                    userAssignedIdentities: { "/subscriptions/s/resourceGroups/MC_a_b_c/providers/x": {} },
                } as unknown as LiveModel["identity"],
            }),
            /managed by AKS/,
        ],
        [
            "of Cluster API",
            liveModel({ tags: { "sigs.k8s.io_cluster-api-provider-azure_cluster_c": "owned" } }),
            /Cluster API.*machinePool: NAMESPACE\/NAME/,
        ],
        ["that is overprovisioned", liveModel({ overprovision: true }), /set overprovision to false/],
        [
            "with automatic repairs",
            liveModel({ automaticRepairsPolicy: { enabled: true, repairAction: "Restart" } }),
            /automaticRepairsPolicy\.enabled to false/,
        ],
        [
            "with automatic zone rebalancing",
            liveModel({ resiliencyPolicy: { automaticZoneRebalancingPolicy: { enabled: true } } }),
            /automaticZoneRebalancingPolicy\.enabled to false/,
        ],
        ["of AKS Engine 0.56.3", liveModel({ tags: { aksEngineVersion: "v0.56.3" } }), /0\.57\.0 or later/],
        ["of AKS Engine 0.9.0, tagged in another case", liveModel({ tags: { AKSEngineVersion: "0.9.0" } }), /0\.57\.0/],
        ["with an empty data disk", withDataDisk({ lun: 0, createOption: "Empty", diskSizeGB: 256 }), /data disks/],
        ["with a data disk from its image", withDataDisk({ lun: 0, createOption: "FromImage" }), /data disks/],
        [
            "of disks that VMs encrypt themselves",
            withExtension("Microsoft.Azure.Security", "AzureDiskEncryptionForLinux"),
            /encryption at host/,
        ],
        [
            "of mode Flexible without a model",
            liveModel({ orchestrationMode: "Flexible", virtualMachineProfile: undefined }),
            /no virtualMachineProfile: its VMs were attached/,
        ],
        ...["Automatic", "Rolling"].map((mode): [string, LiveModel, RegExp] => [
            `of mode Flexible that upgrades in mode ${mode}`,
            liveModel({ orchestrationMode: "Flexible", upgradePolicy: { mode } }),
            /upgradePolicy\.mode/,
        ]),
        [
            "of mode Flexible with VMs of several sizes",
            liveModel({ orchestrationMode: "Flexible", skuProfile: { vmSizes: [{ name: "Standard_D2s_v3" }] } }),
            /several sizes \(skuProfile\)/,
        ],
        [
            "of mode Flexible that AKS keeps",
            liveModel({ orchestrationMode: "Flexible", tags: { "aks-managed-poolName": "a" } }),
            /managed by AKS/,
        ],
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
        ...["patchMode", "assessmentMode"].map((name): [string, LiveModel, RegExp] => [
            `that Azure patches by itself (${name})`,
            withPatchSettings({
                patchMode: "ImageDefault",
                assessmentMode: "ImageDefault",
                [name]: "AutomaticByPlatform",
            }),
            /AutomaticByPlatform .* set patchMode and assessmentMode to ImageDefault$/,
        ]),
        [
            "of VMs that can hibernate",
            liveModel({ additionalCapabilities: { hibernationEnabled: true } }),
            /hibernationEnabled.*not supported yet/,
        ],
        [
            "in an edge zone",
            liveModel({ extendedLocation: { name: "microsoftlosangeles1", type: "EdgeZone" } }),
            /edge zone \(extendedLocation\).*not supported yet/,
        ],
        ["of confidential VMs", withProfile({ securityProfile: { securityType: "ConfidentialVM" } }), /confidential/],
    ])("%s is refused in one line with the config key and the scale set's name", (_what, live, reason) => {
        const line = refusal(live, KEY);
        expect(line).toMatch(reason);
        expect(line).toMatch(/^kamino:pools\[0\]\.scaleSet: scale set "[\w-]+" is refused: [^\n]+$/);
        expect(line).toContain(`scale set "${live.name}"`);
    });

    it("whose patches Azure assesses is taken where it starts from a gallery's image already, which proves that", () => {
        const from = (image: string, patchSettings: object) => {
            const { osProfile } = withPatchSettings(patchSettings).virtualMachineProfile!;
            const live = withImage(image);
            return { ...live, virtualMachineProfile: { ...live.virtualMachineProfile, osProfile } } as LiveModel;
        };
        const assessed = { assessmentMode: "AutomaticByPlatform" };
        const version = "galleries/kamino/images/a/versions/1.0.0";
        expect(refusal(from(version, assessed), KEY)).toBeUndefined();
        expect(refusal(from("images/a", assessed), KEY)).toMatch(/assessmentMode AutomaticByPlatform/);
        const patched = { ...assessed, patchMode: "AutomaticByPlatform" };
        expect(refusal(from(version, patched), KEY)).toMatch(/patchMode AutomaticByPlatform .* beside kured/);
    });

    it("of mode Flexible may be changed when it upgrades by hand, which is what no mode means", () => {
        for (const upgradePolicy of [{ mode: "Manual" }, {}, undefined]) {
            const live = liveModel({ orchestrationMode: "Flexible", overprovision: undefined, upgradePolicy });
            expect(refusal(live, KEY)).toBeUndefined();
        }
        const upgradesItself = { automaticOSUpgradePolicy: { enableAutomaticOSUpgrade: true } };
        const rollsOut = liveModel({ orchestrationMode: "Flexible", upgradePolicy: upgradesItself });
        expect(refusal(rollsOut, KEY)).toMatch(/automaticOSUpgradePolicy off/);
    });

    it("of mode Flexible is captured by a copy alone", () => {
        const live = liveModel({ orchestrationMode: "Flexible" });
        expect(captureRefusal(live, "in-place", KEY)).toMatch(
            /^kamino:pools\[0\]\.scaleSet: scale set "[\w-]+" is refused: .* by a copy alone; set kamino:capture to copy, or leave it out$/,
        );
        expect(captureRefusal(live, "copy", KEY)).toBeUndefined();
        expect(captureRefusal(live, undefined, KEY)).toBeUndefined();
        expect(captureRefusal(liveModel(), "in-place", KEY)).toBeUndefined();
    });

    it("is not asked of single VMs, which have reasons of their own", () => {
        const place = { subscriptionId: "11111111-1111-1111-1111-111111111111", resourceGroup: "g" };
        const id = machinesId({ ...place, kind: "MachineDeployment", namespace: "default", name: "md1" });
        const { virtualMachineProfile, location } = liveModel();
        const vm = { id, location, name: "default.md1", virtualMachineProfile };
        expect(refusal(vm, KEY)).toBeUndefined();
        // A policy may have set it on the VM; the template of the next one has not.
        const patched = withPatchSettings({ assessmentMode: "AutomaticByPlatform" }).virtualMachineProfile;
        expect(refusal({ ...vm, virtualMachineProfile: patched }, KEY)).toBeUndefined();
        expect(refusal({ ...vm, plan: { name: "a", publisher: "b", product: "c" } }, KEY)).toMatch(
            /: MachineDeployment default\/md1 is refused: its VMs have a purchase plan/,
        );
        const other = { ...withOsDisk({ diffDiskSettings: { option: "Local" } }), id };
        expect(refusal(other, KEY)).toMatch(/MachineDeployment default\/md1 is refused: its OS disks are ephemeral/);
    });

    it("of Cluster API may be the one of a MachinePool that is named, and is refused for its other reasons", () => {
        const owned = { "sigs.k8s.io_cluster-api-provider-azure_cluster_c1": "owned" };
        const known = { ownedByCapz: true };
        expect(refusal(liveModel({ tags: owned }), KEY, known)).toBeUndefined();
        expect(refusal(liveModel({ tags: owned, overprovision: true }), KEY, known)).toMatch(/overprovisioned/);
    });
});

describe("the tags that a scale set is to have", () => {
    const tagged = (count: number, ...more: string[]) => {
        const names = [...Array.from({ length: count }, (_, index) => `tag${index}`), ...more];
        return liveModel({ tags: Object.fromEntries(names.map((name) => [name, "x"])) });
    };
    const OWN = ["kamino-bootstrap", "kamino-new-nodes"];

    it("are refused where they are more than Azure allows", () => {
        expect(tagsRefusal(tagged(49), OWN, KEY)).toBe(
            `${KEY}: scale set "pool1" is refused: it has 49 tags, and with kamino-bootstrap and kamino-new-nodes they would be ` +
                "more than the 50 that Azure allows; take 1 off",
        );
        expect(tagsRefusal(tagged(50), ["kamino-bootstrap"], KEY)).toMatch(/it has 50 tags.*take 1 off$/);
    });

    it("are not, where there is room, where it has them already, and where there are none", () => {
        expect(tagsRefusal(tagged(48), OWN, KEY)).toBeUndefined();
        expect(tagsRefusal(tagged(48, "Kamino-Bootstrap", "kamino-new-nodes"), OWN, KEY)).toBeUndefined();
        expect(tagsRefusal(tagged(50), [], KEY)).toBeUndefined();
        expect(tagsRefusal(liveModel({ tags: undefined }), OWN, KEY)).toBeUndefined();
    });
});
