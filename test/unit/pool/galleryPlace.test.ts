// Which pools share a gallery, so that its name has to be decided for all of them.
import { describe, expect, it } from "vitest";
import { readSettings } from "../../../components/config/load";
import { groupsWithGallery } from "../../../components/pool/galleryPlace";

const id = (subscription: string, group: string, name: string) =>
    `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.Compute/virtualMachineScaleSets/${name}`;
const OTHER = "00000000-0000-4000-8000-000000000002";

/** For each pool of a configuration, the groups in which its gallery would be made. */
function groups(...pools: object[]): string[][] {
    const settings = readSettings({ resourceGroup: "rg", pools: JSON.stringify(pools) }).pools;
    return settings.map((pool) => groupsWithGallery(pool, settings));
}

describe("pools with the same gallery", () => {
    it("in one resource group share it, whatever the case", () => {
        expect(groups({ scaleSet: "a" }, { scaleSet: "b", resourceGroup: "RG" })).toEqual([["rg"], ["rg"]]);
    });

    it("in two resource groups of one subscription cannot both have it", () => {
        expect(groups({ scaleSet: "a" }, { scaleSet: "b", resourceGroup: "other" })).toEqual([
            ["rg", "other"],
            ["rg", "other"],
        ]);
    });

    it("in two subscriptions have one each", () => {
        expect(groups({ scaleSet: "a" }, { scaleSet: id(OTHER, "other", "b") })).toEqual([["rg"], ["other"]]);
    });

    it("do not hinder those with another gallery", () => {
        const pools = [{ scaleSet: "a" }, { scaleSet: "b", resourceGroup: "other", gallery: "team" }];
        expect(groups(...pools)).toEqual([["rg"], ["other"]]);
    });
});
