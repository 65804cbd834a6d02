// The image of an AzureMachinePool: what it says, and what is written.
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import {
    computeGalleryOf,
    imagePatch,
    imageReferenceOf,
    isImage,
    type CapzImage,
    type ComputeGallery,
} from "../../../components/capi/image";
import { imageVersionId } from "../../../components/azure/ids";

const GALLERY = { subscriptionId: "S", resourceGroup: "Rg", name: "kamino" };
const WANTED = computeGalleryOf(GALLERY, "mp1", "2026.1122.0412");
const MARKETPLACE = { publisher: "cncf-upstream", offer: "capi", sku: "ubuntu-2204-gen1", version: "134.2.1" };

test("an image of this stack is the one that scale sets point at", () => {
    const id = imageVersionId({ gallery: GALLERY, definition: { name: "mp1" } }, "2026.1122.0412");
    expect(imageReferenceOf({ computeGallery: WANTED })).toEqual({ id });
});

test.each<[string, CapzImage | undefined, object | undefined]>([
    ["an id", { id: "/x" }, { id: "/x" }],
    ["one of the marketplace", { marketplace: MARKETPLACE }, MARKETPLACE],
    [
        "one of a community gallery",
        { computeGallery: { gallery: "g-1", name: "n", version: "1.0.0" } },
        { communityGalleryImageId: "/CommunityGalleries/g-1/images/n/versions/1.0.0" },
    ],
    ["none, where CAPZ takes its own", undefined, undefined],
    ["none in an empty field", {}, undefined],
])("the image can be %s", (_, image, reference) => {
    expect(imageReferenceOf(image)).toEqual(reference);
});

describe("the image is the wanted one", () => {
    test.each<[string, CapzImage | undefined, boolean]>([
        ["as it is", { computeGallery: WANTED }, true],
        [
            "not with other letters, which CAPZ takes for another",
            { computeGallery: { ...WANTED, resourceGroup: "rg" } },
            false,
        ],
        ["not as sharedGallery", { sharedGallery: WANTED }, false],
        ["not with a second kind", { computeGallery: WANTED, id: "/x" }, false],
        ["not with a plan", { computeGallery: { ...WANTED, plan: {} } as ComputeGallery }, false],
        ["not without a field", undefined, false],
    ])("%s", (_, image, is) => {
        expect(isImage(image, WANTED)).toBe(is);
    });
});

/** What the API server makes of an object and a JSON merge patch (RFC 7386). */
function merged(target: unknown, patch: unknown): unknown {
    if (typeof patch !== "object" || patch === null) {
        return patch;
    }
    const result: Record<string, unknown> = typeof target === "object" && target !== null ? { ...target } : {};
    for (const [name, value] of Object.entries(patch)) {
        if (value === null) {
            delete result[name];
        } else {
            result[name] = merged(result[name], value);
        }
    }
    return result;
}

it("is that one alone after the patch, whatever it was before", () => {
    const text = fc.string();
    const gallery = fc.record(
        {
            gallery: text,
            name: text,
            version: text,
            subscriptionID: text,
            resourceGroup: text,
            plan: fc.record({ product: text }),
        },
        { requiredKeys: ["gallery", "name", "version"] },
    );
    const image = fc.record(
        { id: text, marketplace: fc.record({ publisher: text }), computeGallery: gallery, sharedGallery: gallery },
        { requiredKeys: [] },
    );
    fc.assert(
        fc.property(image, (before) => {
            const patch = imagePatch(before, WANTED, "7");
            const after = merged({ spec: { template: { image: before, vmSize: "x" } } }, patch);
            expect(after).toEqual({
                metadata: { resourceVersion: "7" },
                spec: { template: { image: { computeGallery: WANTED }, vmSize: "x" } },
            });
        }),
    );
});

it("is written in one request that also takes the marketplace image away", () => {
    expect(imagePatch({ marketplace: MARKETPLACE }, WANTED, "7")).toEqual({
        metadata: { resourceVersion: "7" },
        spec: { template: { image: { marketplace: null, computeGallery: WANTED } } },
    });
});
