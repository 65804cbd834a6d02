// How versions that exist are declared: what Azure does not change of them stays.
import { describe, expect, it, test } from "vitest";
import type { GalleryVersion } from "../../../components/azure/imageVersions";
import { keptAs, type KeptAs } from "../../../components/pool/keptAs";
import type { ImageStorage } from "../../../components/pool/pool";

const VERSION = "2026.1116.0412";
const FIXED = ["publishingProfile.storageAccountType", "publishingProfile.targetRegions[0].encryption"];
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
        "one that failed counts as new",
        storage("Standard_LRS", HERE, THERE),
        [inAzure("Standard_ZRS", [HERE], { state: "Failed" })],
        { targetRegions: [HERE, THERE] },
    ],
])("%s", (_what, configured, gallery, expected) => {
    expect(keptAs(choice, configured, gallery, [VERSION]).storage).toEqual(expected);
});

describe("the storage type of a version", () => {
    const configured = storage("Standard_LRS", HERE);

    test("stays as the state has it", () => {
        expect(keptAs(choice, configured, [], [VERSION]).ignoreChanges).toEqual(FIXED);
        expect(keptAs({ ...choice, attempt: 2 }, configured, [], [VERSION]).ignoreChanges).toEqual(FIXED);
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
