// How versions that exist are declared: what Azure does not change of them stays.
import { describe, expect, it, test } from "vitest";
import type { GalleryVersion } from "../../../components/azure/imageVersions";
import { dependsOnGallery, keptAs, type KeptAs } from "../../../components/pool/keptAs";
import type { ImageStorage } from "../../../components/pool/pool";
import type { Choice } from "../../../components/selection/nodeSelection";

const VERSION = "2026.1116.0412";
const FIXED = ["publishingProfile.storageAccountType", "publishingProfile.targetRegions[0].encryption"];
const KEPT = [...FIXED, "safetyProfile"];
const [HERE, THERE] = ["westeurope", "germanynorth"];
const choice = { version: VERSION, attempt: 1 };

const storage = (storageAccountType: string, ...targetRegions: string[]): ImageStorage => ({
    storageAccountType,
    targetRegions,
    isZoned: false,
});

/** The version as Azure has it; Azure drops the leading zero of a name. */
const inAzure = (storageAccountType: string, regions: string[], more: object = {}): GalleryVersion => ({
    version: "2026.1116.412",
    state: "Succeeded",
    attempt: 1,
    published: { storageAccountType, regions, hasKeys: false },
    ...more,
});

it.each<[string, ImageStorage, GalleryVersion[], KeptAs["storage"]]>([
    ["a new version goes to all regions", storage("Standard_LRS", HERE, THERE), [], { targetRegions: [HERE, THERE] }],
    [
        "a version with zone-redundant storage goes to no further region",
        storage("Standard_LRS", HERE, THERE),
        [inAzure("Standard_ZRS", [HERE])],
        { targetRegions: [HERE] },
    ],
    [
        "it stays in the regions that it is in, and leaves one that is not configured any more",
        storage("Standard_LRS", HERE, THERE, "northeurope"),
        [inAzure("Standard_ZRS", [HERE, "northeurope", "uksouth"])],
        { targetRegions: [HERE, "northeurope"] },
    ],
    [
        "nor where the configuration says that storage, of which nobody knows whether the region has zones",
        storage("Standard_ZRS", HERE, THERE),
        [inAzure("Standard_ZRS", [HERE])],
        { targetRegions: [HERE] },
    ],
    [
        "it does where all regions are known to have zones",
        { ...storage("Standard_ZRS", HERE, "northeurope"), isZoned: true },
        [inAzure("Standard_ZRS", [HERE])],
        { targetRegions: [HERE, "northeurope"] },
    ],
    [
        "a version with locally redundant storage goes anywhere",
        storage("Standard_ZRS", HERE, "northeurope"),
        [inAzure("Standard_LRS", [HERE])],
        { targetRegions: [HERE, "northeurope"] },
    ],
    [
        "one that a customer's key encrypts goes to no region without a key",
        storage("Standard_LRS", HERE, THERE),
        [
            inAzure("Standard_LRS", [HERE], {
                published: { storageAccountType: "Standard_LRS", regions: [HERE], hasKeys: true },
            }),
        ],
        { targetRegions: [HERE] },
    ],
    [
        "one whose last change failed is what it was",
        storage("Standard_LRS", HERE, THERE),
        [inAzure("Standard_ZRS", [HERE], { state: "Failed" })],
        { targetRegions: [HERE] },
    ],
])("%s", (_what, configured, gallery, expected) => {
    expect(keptAs(choice, configured, gallery, [VERSION]).storage).toEqual(expected);
});

it("one that could not be made counts as new", () => {
    const failed = inAzure("Standard_ZRS", [HERE], { state: "Failed" });
    const configured = storage("Standard_LRS", HERE, THERE);
    expect(keptAs(choice, configured, [failed], []).storage).toEqual({ targetRegions: [HERE, THERE] });
});

it("one that the gallery has lost stays in the state as it is there", () => {
    const lost = keptAs({ ...choice, missing: true }, storage("Standard_LRS", HERE, THERE), [], [VERSION]);
    expect(lost).toEqual({ storage: {}, ignoreChanges: ["*"] });
});

describe("that a version may leave regions", () => {
    const ignored = (...regions: string[]) =>
        keptAs(choice, storage("Standard_LRS", ...regions), [inAzure("Standard_LRS", [HERE, THERE])], [VERSION])
            .ignoreChanges;

    test("is written where it leaves one, and changes no other version that exists", () => {
        expect(ignored(HERE)).toEqual(FIXED);
        expect(ignored(HERE, THERE)).toEqual(KEPT);
        expect(ignored(HERE, "Germany North", "northeurope")).toEqual(KEPT);
    });
});

describe("whether Azure is asked for the versions", () => {
    const asked = (regions: string[], previous: object, ...choices: { attempt: number; version: string }[]) =>
        dependsOnGallery(storage("Standard_LRS", ...regions), choices as Choice[], previous);

    test.each<[string, boolean, string[], object]>([
        ["it is with several regions", true, [HERE, THERE], {}],
        ["it is where there were several", true, [HERE], { versions: [VERSION], regions: [HERE, THERE] }],
        ["it is where earlier versions of the program have not said", true, [HERE], { versions: [VERSION] }],
        ["it is not with one region, before and now", false, [HERE], { versions: [VERSION], regions: [HERE] }],
        ["it is not before the first image", false, [HERE], {}],
    ])("%s", (_what, expected, regions, previous) => {
        expect(asked(regions, previous, choice)).toBe(expected);
    });

    test("it is where one is made anew", () => {
        expect(asked([HERE], {}, { ...choice, attempt: 2 })).toBe(true);
    });
});

describe("the storage type of a version", () => {
    const configured = storage("Standard_LRS", HERE);

    test("stays as the state has it", () => {
        expect(keptAs(choice, configured, [], [VERSION]).ignoreChanges).toEqual(KEPT);
        expect(keptAs({ ...choice, attempt: 2 }, configured, [], [VERSION]).ignoreChanges).toEqual(KEPT);
    });

    test("is the configured one where it is made anew after a failure", () => {
        const failed = inAzure("Standard_ZRS", [HERE], { state: "Failed" });
        expect(keptAs({ ...choice, attempt: 2 }, configured, [failed], [])).toEqual({
            storage: { targetRegions: [HERE] },
            ignoreChanges: [],
        });
    });

    test("is Azure's where it was made anew by a run that failed after that", () => {
        const made = inAzure("Premium_LRS", [HERE], { attempt: 2 });
        expect(keptAs({ ...choice, attempt: 2 }, configured, [made], [])).toEqual({
            storage: { targetRegions: [HERE], storageAccountType: "Premium_LRS" },
            ignoreChanges: [],
        });
    });
});
