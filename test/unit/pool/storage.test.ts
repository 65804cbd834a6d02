// How Azure keeps a pool's images, and which keys cannot encrypt them.
import { describe, expect, it } from "vitest";
import { imageStorage } from "../../../components/pool/storage";
import { liveModel } from "./liveModel";

const [ONE, TWO] = ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"];
const SET = `/subscriptions/${ONE.toUpperCase()}/resourceGroups/keys/providers/Microsoft.Compute/diskEncryptionSets/des`;

/** The storage of images of disks with these keys, in a gallery of this subscription. */
function storage(galleryIn: string, diskEncryptionSetId?: string) {
    const gallery = { subscriptionId: galleryIn, resourceGroup: "images", name: "fleet" };
    const settings = { gallery: "fleet", storageAccountType: "Standard_LRS", maxHistory: 3, replicaCount: 1 } as const;
    const at = { configKey: "kamino:pools[0].scaleSet", subscriptionId: ONE, gallery };
    return imageStorage(liveModel(), { diskEncryptionSetId }, settings, at);
}

describe("the keys of a pool's OS disks", () => {
    it("encrypt its images too, in a gallery of their disk encryption set's subscription", async () => {
        expect(await storage(ONE, SET)).toMatchObject({ diskEncryptionSetId: SET, targetRegions: ["westeurope"] });
    });

    it("are refused for a gallery of another subscription, where Azure takes them for no image", async () => {
        await expect(storage(TWO, SET)).rejects.toThrow(
            new RegExp(
                `^kamino:pools\\[0\\]\\.scaleSet: scale set "pool1" is refused: .* of subscription ${ONE.toUpperCase()}.*gallery "fleet" is in ${TWO}; .*\\(kamino:gallery\\)$`,
            ),
        );
        expect(await storage(TWO)).not.toHaveProperty("diskEncryptionSetId");
    });
});
