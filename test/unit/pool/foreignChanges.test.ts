// What somebody else has changed in a model since the last run: what counts, what needs a decision, and how it is said.
import { describe, expect, it, test } from "vitest";
import { keepsExtension, parseExtensionText } from "../../../components/pool/extensions";
import {
    changesInPlan,
    foreignChangeLine,
    foreignChanges,
    type Comparison,
} from "../../../components/pool/foreignChanges";
import { emptyCustomData, modelAsItIs, modelFromImage, type LiveModel } from "../../../components/pool/model";
import { recordOf, type ModelRecord } from "../../../policies/contract";
import { liveModel } from "./liveModel";

const DEFINITION = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/galleries/kamino/images/pool1";
const [OLDER, OLD, NEW] = ["2026.1120.0409", "2026.1121.0409", "2026.1122.0412"];
const image = (version: string) => ({ imageVersionId: `${DEFINITION}/versions/${version}`, ...NONE });
const NONE = { removeExtensions: [], keepExtensions: [] };
const SCRIPT = { name: "vmssCSE", publisher: "Microsoft.Azure.Extensions", type: "CustomScript" };
const AGENT = { name: "Agent", publisher: "Microsoft.Azure.Monitor", type: "AzureMonitorLinuxAgent" };

/** A pool that the stack has written: its model starts from the image version. */
function written(version: string, changes: Partial<LiveModel> = {}): LiveModel {
    const live = liveModel(changes);
    return { ...live, ...modelFromImage(live, "rg", image(version)), identity: live.identity } as LiveModel;
}

/** The same with something else in its profile. */
function withProfile(live: LiveModel, changes: object): LiveModel {
    return { ...live, virtualMachineProfile: { ...live.virtualMachineProfile, ...changes } } as LiveModel;
}
const withImage = (live: LiveModel, imageReference: object) =>
    withProfile(live, { storageProfile: { ...live.virtualMachineProfile?.storageProfile, imageReference } });
const withExtensions = (live: LiveModel, ...added: object[]) =>
    withProfile(live, {
        extensionProfile: {
            extensions: [...(live.virtualMachineProfile?.extensionProfile?.extensions ?? []), ...added],
        },
    });

const recordOfLive = (live: LiveModel) => recordOf(modelAsItIs(live, "rg"));

/** What is found when the stack left the one model and Azure has the other. */
function found(before: LiveModel | ModelRecord, now: LiveModel, more: Partial<Comparison> = {}) {
    const model = "rest" in before ? before : recordOfLive(before);
    return foreignChanges({
        previous: { adopted: true, versions: [OLDER, OLD], model },
        live: recordOfLive(now),
        imageDefinitionId: DEFINITION,
        removes: (text) => !keepsExtension(parseExtensionText(text), NONE),
        ...more,
    });
}
const texts = (...args: Parameters<typeof found>) => found(...args).map(({ text }) => text);
const decided = (...args: Parameters<typeof found>) => found(...args).filter(({ needsDecision }) => needsDecision);

/** A pool as a run found it at its start. */
const adoptedAt = (version: string) => ({ adopted: true, model: recordOfLive(written(version)) });

/** A record as versions before this one wrote it. */
const earlier = ({ image, rest }: ModelRecord): ModelRecord => ({ image, rest });

describe("nothing was changed by others", () => {
    it("when the model is as the stack left it", () => {
        expect(found(written(OLD), written(OLD))).toEqual([]);
        expect(found(liveModel(), liveModel())).toEqual([]);
    });

    it("without a last run to compare with, or it did not adopt the pool", () => {
        expect(found(written(OLD), liveModel(), { previous: {} })).toEqual([]);
        expect(found(written(OLD), liveModel(), { previous: { adopted: true } })).toEqual([]);
    });

    it("when only the autoscaler or the cloud provider wrote: capacity, load balancers, tags", () => {
        const now = { ...written(OLD), sku: { name: "D4", capacity: 9 }, tags: { owner: "somebody" } };
        expect(found(written(OLD), withProfile(now, { networkProfile: {} }))).toEqual([]);
    });

    it("when an update of this stack wrote an image that its outputs do not know, since it failed later", () => {
        expect(found(liveModel(), written(NEW))).toEqual([]);
    });

    it("when, since the start of a run, the model has come to point at what this run is about to write", () => {
        expect(found(written(OLD), written(NEW), { writing: NEW })).toEqual([]);
    });

    it("when the configuration pins the version that the model points at", () => {
        expect(found(written(OLD), written(OLDER), { pin: OLDER })).toEqual([]);
    });

    it("when Azure spells an id or a version's numbers in another way", () => {
        const id = `${DEFINITION}/versions/${OLD}`.toUpperCase();
        expect(found(written(OLD), withImage(written(OLD), { id }))).toEqual([]);
    });
});

describe("an image that somebody else set needs a decision", () => {
    const marketplace = liveModel().virtualMachineProfile!.storageProfile!.imageReference!;

    test.each<[string, LiveModel, string]>([
        [
            "back to the marketplace",
            withImage(written(OLD), marketplace),
            "microsoft-aks:aks:aks-engine-ubuntu-1804-202112:2021.12.07",
        ],
        ["to an earlier version of the pool's own", written(OLDER), OLDER],
        [
            "to somebody else's gallery",
            withImage(written(OLD), {
                id: "/subscriptions/s/resourceGroups/x/providers/Microsoft.Compute/galleries/g/images/i/versions/1.0.0",
            }),
            "g/i/1.0.0",
        ],
        [
            "to a managed image",
            withImage(written(OLD), {
                id: "/subscriptions/s/resourceGroups/x/providers/Microsoft.Compute/images/golden",
            }),
            "golden",
        ],
        [
            "to a community gallery's",
            withImage(written(OLD), { communityGalleryImageId: "/CommunityGalleries/g/Images/i" }),
            "g/i",
        ],
    ])("%s", (_what, now, name) => {
        for (const record of [recordOfLive(written(OLD)), earlier(recordOfLive(written(OLD)))]) {
            expect(decided(record, now).filter(({ what }) => what === "image")).toEqual([
                expect.objectContaining({ text: `image was changed from ${OLD} to ${name}` }),
            ]);
        }
    });

    it("also to a version of the pool's own that somebody sets while this run makes another one", () => {
        for (const version of [OLDER, "2025.0101.0000"]) {
            expect(texts(written(OLD), written(version), { previous: adoptedAt(OLD), writing: NEW })).toEqual([
                `image was changed from ${OLD} to ${version}`,
            ]);
        }
    });

    it("also between the adoption and the first image in the model", () => {
        const upgraded = withImage(liveModel(), { ...marketplace, version: "2022.06.01" });
        expect(decided(liveModel(), upgraded)).toHaveLength(1);
    });

    it("shows in the plan as live → wanted, short enough for what Pulumi shows of a property", () => {
        const changes = found(written(OLD), written(OLDER));
        expect(changesInPlan(changes, "restore")).toEqual({
            image: `${OLDER} → ${OLD}`,
        });
        expect(changesInPlan(changes, "adopt")).toEqual({ image: `${OLDER} stays` });
    });
});

describe("an extension", () => {
    it("that bootstraps and came back needs a decision, whichever version recorded the model", () => {
        const now = withExtensions(written(OLD), SCRIPT);
        for (const record of [recordOfLive(written(OLD)), earlier(recordOfLive(written(OLD)))]) {
            expect(decided(record, now)).toMatchObject([
                {
                    text: "extension vmssCSE (Microsoft.Azure.Extensions/CustomScript) was added",
                    live: "there",
                    wanted: "not there",
                },
            ]);
        }
    });

    it("that Azure Policy or a person added is named and stays", () => {
        const changes = found(written(OLD), withExtensions(written(OLD), AGENT));
        expect(changes).toMatchObject([
            {
                text: "extension Agent (Microsoft.Azure.Monitor/AzureMonitorLinuxAgent) was added",
                wanted: "there",
                needsDecision: false,
            },
        ]);
        expect(changesInPlan(changes, "stop")).toEqual({});
    });

    it("that somebody took away is named; one that this stack took away is not", () => {
        expect(texts(withExtensions(written(OLD), AGENT), written(OLD))).toEqual([
            "extension Agent (Microsoft.Azure.Monitor/AzureMonitorLinuxAgent) was removed",
        ]);
        expect(texts(liveModel(), written(NEW))).toEqual([]);
    });

    it("of a record that names none is not said to be new, unless it bootstraps", () => {
        expect(found(earlier(recordOfLive(written(OLD))), withExtensions(written(OLD), AGENT))).toEqual([]);
    });
});

describe("upgrade settings", () => {
    const now = written(OLD, { upgradePolicy: { mode: "Manual", rollingUpgradePolicy: { maxSurge: true } } });

    it("that somebody changed need a decision", () => {
        expect(decided(written(OLD), now)).toMatchObject([
            {
                what: "upgradePolicy",
                text: 'upgradePolicy was changed from {"mode":"Manual"} to {"mode":"Manual","rollingUpgradePolicy":{"maxSurge":true}}',
            },
        ]);
    });

    it("are known from a record that has only their digest", () => {
        expect(decided(earlier(recordOfLive(written(OLD))), now)).toMatchObject([
            { what: "upgradePolicy", wanted: "what it was (not recorded)" },
        ]);
    });
});

it("an identity that was removed is named, with what to do before the next update", () => {
    const now = { ...written(OLD), identity: { type: "SystemAssigned" } } as LiveModel;
    expect(texts(written(OLD), now)).toEqual([
        expect.stringMatching(/^identity identity was removed \(run pulumi refresh /),
    ]);
});

describe("the line", () => {
    const before = recordOfLive(written(OLD));
    const now = withExtensions(
        withImage(
            { ...written(OLD), tags: { ...liveModel().tags, orchestrator: "Kubernetes:1.25.3" } },
            {
                publisher: "microsoft-aks",
                offer: "aks",
                sku: "ubuntu",
                version: "2022.06.01",
            },
        ),
        SCRIPT,
    );

    it("names every change, who wrote last and what AKS Engine's tag says", () => {
        const by = { name: "somebody@example.com", at: "2026-11-22T05:00:00Z" };
        expect(foreignChangeLine(found(before, now), before, recordOfLive(now), by)).toBe(
            `image was changed from ${OLD} to microsoft-aks:aks:ubuntu:2022.06.01; ` +
                "extension vmssCSE (Microsoft.Azure.Extensions/CustomScript) was added since the last run " +
                "(last written by somebody@example.com at 2026-11-22T05:00:00Z, " +
                "AKS Engine's tag orchestrator went from Kubernetes:1.24.17 to Kubernetes:1.25.3)",
        );
    });

    it("says nothing of who it was where Azure does not tell", () => {
        const line = foreignChangeLine(found(before, written(OLDER)), before, recordOfLive(written(OLDER)), {});
        expect(line).toBe(`image was changed from ${OLD} to ${OLDER} since the last run`);
    });
});

it("the stack's own custom data is not part of a record, so that writing once more is not a change", () => {
    const model = modelFromImage(liveModel(), "rg", { ...image(OLD), writes: 2 });
    expect(recordOf(model)).toEqual(recordOf(modelFromImage(liveModel(), "rg", image(OLD))));
    expect(JSON.stringify(model)).toContain(emptyCustomData(2));
});
