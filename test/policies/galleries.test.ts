// Policies on galleries and image definitions: one that passes and one that does not, for each.
import { afterAll, beforeAll, expect, it } from "vitest";
import { definition, gallery } from "./examples";
import { Pack } from "./pack";

let pack: Pack;
beforeAll(async () => void (pack = await Pack.start()));
afterAll(() => pack.stop());

it.each([
    ["a private gallery", gallery()],
    ["a gallery shared to named subscriptions", gallery({ sharingProfile: { permissions: "Groups" } })],
    ["a generalized Linux definition", definition()],
])("%s passes", async (_what, resource) => {
    expect(await pack.check(resource)).toEqual([]);
});

it.each([
    ["gallery-not-community", gallery({ sharingProfile: { permissions: "Community" } }), "to the community"],
    ["gallery-not-community", gallery({ sharingProfile: { permissions: "community" } }), "to the community"],
    ["gallery-not-community", gallery({ sharingProfile: { communityGalleryInfo: { eula: "x" } } }), "to the community"],
    ["image-definition-generalized", definition({ osState: "Specialized" }), "is Specialized"],
    ["image-definition-linux", definition({ osType: "Windows" }), "is Windows"],
])("%s refuses the other kind", async (policy, resource, says) => {
    const message = expect.stringContaining(says) as string;
    expect(await pack.check(resource)).toMatchObject([{ policy, level: "mandatory", message }]);
    const type = resource.type.replace("azure-native:compute:", "azure-native_compute_v20241101:compute/v20241101:");
    expect(await pack.check({ ...resource, type })).toMatchObject([{ policy, level: "mandatory", message }]);
});
