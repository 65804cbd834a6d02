// The scale set's model: what is declared from what Azure answers.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EMPTY_CUSTOM_DATA, isKept, modelAsItIs, modelFromImage, type LiveModel } from "../../../components/pool/model";
import { liveModel } from "./liveModel";
import { DEFAULT_KEEP_EXTENSIONS } from "../../../components/config/schema";

const VERSION =
    "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/pool1/versions/2026.1122.0412";

const profileOf = (model: ReturnType<typeof modelAsItIs>) =>
    model.virtualMachineProfile as NonNullable<LiveModel["virtualMachineProfile"]> & {
        osProfile: { customData?: string };
    };

describe("the model as it is", () => {
    it("never declares sku, so that capacity stays with the autoscaler", () => {
        expect(modelAsItIs(liveModel(), "rg")).not.toHaveProperty("sku");
    });

    it("leaves out everything that only Azure can say", () => {
        const text = JSON.stringify(modelAsItIs(liveModel(), "rg"));
        for (const name of [
            "etag",
            "uniqueId",
            "timeCreated",
            "provisioningState",
            "principalId",
            "exactVersion",
            "null",
        ]) {
            expect(text).not.toContain(name);
        }
    });

    it("declares user-assigned identities as the list of their ids", () => {
        const { identity } = modelAsItIs(liveModel(), "rg");
        expect(identity).toEqual({ type: "UserAssigned", userAssignedIdentities: ["/subscriptions/s/identity"] });
    });

    it("keeps image, extensions, tags and network as they are", () => {
        const live = liveModel();
        const model = modelAsItIs(live, "rg");
        const profile = profileOf(model);
        expect(model.tags).toEqual(live.tags);
        expect(profile.networkProfile).toEqual(live.virtualMachineProfile?.networkProfile);
        expect(profile.storageProfile?.imageReference?.offer).toBe("aks");
        expect(profile.extensionProfile?.extensions?.map(({ name }) => name)).toEqual([
            "vmssCSE",
            "pool1-computeAksLinuxBilling",
        ]);
    });
});

describe("what is empty in the answer", () => {
    it("is not declared: in these models null, absent and empty are the same", () => {
        const profile = profileOf(modelAsItIs(liveModel(), "rg"));
        expect(profile.osProfile).not.toHaveProperty("secrets");
    });

    it("still counts where it is an identity's entry that Azure has not filled in yet", () => {
        const identity = {
            type: "UserAssigned",
            userAssignedIdentities: { "/id": {} },
        } as unknown as LiveModel["identity"];
        expect(modelAsItIs(liveModel({ identity }), "rg").identity).toMatchObject({ userAssignedIdentities: ["/id"] });
    });
});

describe("the model from an image", () => {
    const model = () => profileOf(modelFromImage(liveModel(), "rg", VERSION, DEFAULT_KEEP_EXTENSIONS));

    it("refers to the one image version and to nothing else", () => {
        expect(model().storageProfile?.imageReference).toEqual({ id: VERSION });
    });

    it("keeps AKS Engine's billing marker and drops the script extension", () => {
        expect(model().extensionProfile?.extensions?.map(({ name }) => name)).toEqual(["pool1-computeAksLinuxBilling"]);
    });

    it("says an empty list when no extension is left", () => {
        expect(profileOf(modelFromImage(liveModel(), "rg", VERSION, [])).extensionProfile).toEqual({ extensions: [] });
    });

    it("says an empty list for a scale set that never had extensions", () => {
        const live = liveModel();
        const { extensionProfile: _none, ...profile } = live.virtualMachineProfile!;
        const model = modelFromImage({ ...live, virtualMachineProfile: profile }, "rg", VERSION, []);
        expect(profileOf(model).extensionProfile).toEqual({ extensions: [] });
    });

    it("replaces custom data by a cloud-config that does nothing", () => {
        expect(model().osProfile.customData).toBe(EMPTY_CUSTOM_DATA);
        expect(Buffer.from(EMPTY_CUSTOM_DATA, "base64").toString()).toMatch(/^#cloud-config\n/);
    });

    it("changes nothing else", () => {
        const [asItIs, fromImage] = [modelAsItIs(liveModel(), "rg"), modelFromImage(liveModel(), "rg", VERSION, [])];
        const { extensionProfile: _e1, osProfile: os1, storageProfile: s1, ...profile1 } = profileOf(asItIs);
        const { extensionProfile: _e2, osProfile: os2, storageProfile: s2, ...profile2 } = profileOf(fromImage);
        expect({ ...fromImage, virtualMachineProfile: profile2 }).toEqual({
            ...asItIs,
            virtualMachineProfile: profile1,
        });
        expect({ ...os2, customData: undefined }).toEqual({ ...os1, customData: undefined });
        expect({ ...s2, imageReference: undefined }).toEqual({ ...s1, imageReference: undefined });
    });

    it("gives the same answer when it is applied to its own result", () => {
        const once = modelFromImage(liveModel(), "rg", VERSION, DEFAULT_KEEP_EXTENSIONS);
        const again = modelFromImage({ ...liveModel(), ...once } as LiveModel, "rg", VERSION, DEFAULT_KEEP_EXTENSIONS);
        expect(again.virtualMachineProfile).toEqual(once.virtualMachineProfile);
    });

    it("never declares sku, whatever capacity the pool has", () => {
        fc.assert(
            fc.property(fc.nat(), (capacity) => {
                const live = { ...liveModel(), sku: { name: "Standard_D2s_v3", tier: "Standard", capacity } };
                return !("sku" in modelFromImage(live, "rg", VERSION, []));
            }),
        );
    });
});

describe("extensions to keep", () => {
    const script = { name: "vmssCSE", publisher: "Microsoft.Azure.Extensions", type: "CustomScript" };
    it.each([
        ["the name", "vmssCSE", true],
        ["the name in another case", "VMSSCSE", true],
        ["a pattern on the name", "vmss*", true],
        ["publisher and type", "microsoft.azure.extensions/customscript", true],
        ["a pattern on the type", "Microsoft.Azure.Extensions/*", true],
        ["another publisher", "Microsoft.AKS/*", false],
        ["a part of the name", "CSE", false],
        ["nothing", "", false],
    ])("are told by %s", (_what, pattern, kept) => {
        expect(isKept(script, pattern ? [pattern] : [])).toBe(kept);
    });

    it("are not told by letters in a name that merely look like billing's", () => {
        expect(
            isKept({ name: "pool1-AKSLinuxBilling", publisher: "Evil", type: "CustomScript" }, DEFAULT_KEEP_EXTENSIONS),
        ).toBe(false);
    });
});
