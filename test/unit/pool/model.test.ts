// The scale set's model: what is declared from what Azure answers.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { emptyCustomData, modelAsItIs, modelFromImage, type LiveModel } from "../../../components/pool/model";
import { recordOf } from "../../../policies/contract";
import { liveModel } from "./liveModel";

const VERSION =
    "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/pool1/versions/2026.1122.0412";

/** The model from the image of that version, with these settings for extensions. */
const fromImage = (live: LiveModel, settings: { removeExtensions?: string[]; keepExtensions?: string[] } = {}) =>
    modelFromImage(live, "rg", { imageVersionId: VERSION, removeExtensions: [], keepExtensions: [], ...settings });

/** A pool with these extensions. */
const withExtensions = (...extensions: object[]): LiveModel => {
    const live = liveModel();
    return {
        ...live,
        virtualMachineProfile: { ...live.virtualMachineProfile, extensionProfile: { extensions } },
    } as LiveModel;
};

const profileOf = (model: ReturnType<typeof modelAsItIs>) =>
    model.virtualMachineProfile as NonNullable<LiveModel["virtualMachineProfile"]> & {
        osProfile: { customData?: string };
    };

describe("the model as it is", () => {
    it("never declares sku, so that capacity stays with the autoscaler", () => {
        expect(modelAsItIs(liveModel(), "rg")).not.toHaveProperty("sku");
    });

    it("leaves out the mark of nodes that were added, so that it is no difference", () => {
        const { tags } = liveModel();
        const marked = liveModel({ tags: { ...tags, "kamino-new-nodes": "2026.1122.0412=5" } });
        expect(modelAsItIs(marked, "rg")).toEqual(modelAsItIs(liveModel(), "rg"));
        expect(fromImage(marked)).toEqual(fromImage(liveModel()));
        const untagged = liveModel({ tags: undefined });
        const alone = liveModel({ tags: { "kamino-new-nodes": "2026.1122.0412=5" } });
        expect(modelAsItIs(alone, "rg")).toEqual(modelAsItIs(untagged, "rg"));
        const declared = { ...modelAsItIs(liveModel(), "rg"), tags: marked.tags };
        expect(recordOf(declared)).toEqual(recordOf(modelAsItIs(liveModel(), "rg")));
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

    it("is like what Azure takes as true or not at all, and answers as false", () => {
        const withBoth = (value: boolean) => {
            const { osProfile, ...profile } = liveModel().virtualMachineProfile!;
            const said = { osProfile: { ...osProfile, requireGuestProvisionSignal: value }, ...profile };
            return liveModel({ constrainedMaximumCapacity: value, virtualMachineProfile: said });
        };
        expect(modelAsItIs(withBoth(false), "rg")).toEqual(modelAsItIs(liveModel(), "rg"));
        const model = modelAsItIs(withBoth(true), "rg");
        expect(model.constrainedMaximumCapacity).toBe(true);
        expect(model.virtualMachineProfile).toMatchObject({ osProfile: { requireGuestProvisionSignal: true } });
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
    const model = () => profileOf(fromImage(liveModel()));

    it("refers to the one image version and to nothing else", () => {
        expect(model().storageProfile?.imageReference).toEqual({ id: VERSION });
    });

    it("keeps AKS Engine's billing marker and drops the script extension", () => {
        expect(model().extensionProfile?.extensions?.map(({ name }) => name)).toEqual(["pool1-computeAksLinuxBilling"]);
    });

    it("says an empty list when no extension is left", () => {
        expect(profileOf(fromImage(liveModel(), { removeExtensions: ["*"] })).extensionProfile).toEqual({
            extensions: [],
        });
    });

    it("says an empty list for a scale set that never had extensions", () => {
        const live = liveModel();
        const { extensionProfile: _none, ...profile } = live.virtualMachineProfile!;
        const model = fromImage({ ...live, virtualMachineProfile: profile });
        expect(profileOf(model).extensionProfile).toEqual({ extensions: [] });
    });

    it("replaces custom data by a cloud-config that does nothing", () => {
        expect(model().osProfile.customData).toBe(emptyCustomData());
        expect(Buffer.from(emptyCustomData(), "base64").toString()).toMatch(/^#cloud-config\n/);
    });

    it("changes nothing else", () => {
        const [asItIs, desired] = [modelAsItIs(liveModel(), "rg"), fromImage(liveModel())];
        const { extensionProfile: _e1, osProfile: os1, storageProfile: s1, ...profile1 } = profileOf(asItIs);
        const { extensionProfile: _e2, osProfile: os2, storageProfile: s2, ...profile2 } = profileOf(desired);
        expect({ ...desired, virtualMachineProfile: profile2 }).toEqual({
            ...asItIs,
            virtualMachineProfile: profile1,
        });
        expect({ ...os2, customData: undefined }).toEqual({ ...os1, customData: undefined });
        expect({ ...s2, imageReference: undefined }).toEqual({ ...s1, imageReference: undefined });
    });

    it("gives the same answer when it is applied to its own result", () => {
        const once = fromImage(liveModel());
        const again = fromImage({ ...liveModel(), ...once } as LiveModel);
        expect(again.virtualMachineProfile).toEqual(once.virtualMachineProfile);
    });

    it("never declares sku, whatever capacity the pool has", () => {
        fc.assert(
            fc.property(fc.nat(), (capacity) => {
                const live = { ...liveModel(), sku: { name: "Standard_D2s_v3", tier: "Standard", capacity } };
                return !("sku" in fromImage(live));
            }),
        );
    });
});

describe("a model whose new nodes still join by their own bootstrap", () => {
    const image = {
        imageVersionId: VERSION,
        removeExtensions: ["*/CustomScript"],
        keepExtensions: [],
        bootstrap: "keep" as const,
    };
    const kept = (writes = 0, live = liveModel()) => modelFromImage(live, "rg", { ...image, writes });

    it("leaves custom data out, so that Azure keeps it, and loses no extension that bootstraps", () => {
        const profile = profileOf(kept());
        expect(profile.osProfile).not.toHaveProperty("customData");
        expect(profile.extensionProfile?.extensions?.map(({ name }) => name)).toContain("vmssCSE");
        expect(profile.storageProfile?.imageReference).toEqual({ id: VERSION });
    });

    it("says so by a tag, which differs each time that it is written over somebody else's", () => {
        const tags = [0, 1, 2].map((writes) => kept(writes).tags as Record<string, string>);
        expect(tags[0]).toEqual({ ...liveModel().tags, "kamino-bootstrap": "kept" });
        expect(new Set(tags.map((each) => each["kamino-bootstrap"])).size).toBe(3);
        expect(kept(0, liveModel({ tags: undefined })).tags).toEqual({ "kamino-bootstrap": "kept" });
    });

    it("loses the tag once new nodes do not any more", () => {
        const live = { ...liveModel(), tags: kept().tags } as LiveModel;
        expect(fromImage(live).tags).toEqual(liveModel().tags);
    });

    it("has the same record as without the tag, which is the program's own", () => {
        const { tags } = kept(1);
        expect(recordOf({ ...modelAsItIs(liveModel(), "rg"), tags })).toEqual(recordOf(modelAsItIs(liveModel(), "rg")));
    });
});

describe("an extension that stays", () => {
    const vault = { name: "Vault", publisher: "Microsoft.Azure.KeyVault", type: "KeyVaultForLinux" };
    const staying = (extension: object) =>
        profileOf(fromImage(withExtensions({ ...vault, ...extension }))).extensionProfile?.extensions?.[0];

    it("has its settings byte for byte, empty lists and all", () => {
        const settings = { certificates: [], login: {}, sinks: null, name: "x", nested: [{ empty: "" }, {}] };
        expect(JSON.stringify(staying({ settings })?.settings)).toBe(JSON.stringify(settings));
        expect(staying({ settings: {} })).toHaveProperty("settings", {});
    });

    it("has its settings untouched, whatever they are", () => {
        fc.assert(
            fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (settings) => {
                expect(staying({ settings })?.settings).toEqual(settings);
            }),
        );
    });
});

describe("a model written over somebody else's", () => {
    const text = (writes: number) => Buffer.from(emptyCustomData(writes), "base64").toString();

    it("has custom data that differs each time, and does nothing all the same", () => {
        expect(new Set([0, 1, 2].map(emptyCustomData)).size).toBe(3);
        for (const writes of [0, 1, 2]) {
            expect(text(writes)).toMatch(/^#cloud-config\n(# .*\n)?\{\}\n$/);
        }
    });

    it("has the upgrade settings that it had before", () => {
        const live = liveModel({ upgradePolicy: { mode: "Manual", rollingUpgradePolicy: {} } });
        const restored = { upgradePolicy: { mode: "Manual" } };
        const image = { imageVersionId: VERSION, removeExtensions: [], keepExtensions: [], restored };
        expect(modelFromImage(live, "rg", image).upgradePolicy).toEqual({ mode: "Manual" });
    });
});
