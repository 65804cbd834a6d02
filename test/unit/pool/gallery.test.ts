// What an image definition must match of the VMs that start from its versions.
import { describe, expect, it } from "vitest";
import { imageTraits, mismatch } from "../../../components/pool/gallery";

const PLAN = { name: "stable-gen2", product: "flatcar-container-linux-free", publisher: "kinvolk" };

describe("the traits of an image", () => {
    it("come from the node's OS disk", () => {
        const disk = { hyperVGeneration: "V2", architecture: "Arm64", purchasePlan: PLAN };
        expect(imageTraits(disk, "TrustedLaunch", undefined)).toEqual({ ...disk, securityType: "TrustedLaunch" });
    });

    it("are Azure's defaults where the disk says nothing", () => {
        expect(imageTraits({}, undefined, undefined)).toEqual({ hyperVGeneration: "V1", architecture: "x64" });
    });

    it("carry the marketplace plan of the scale set on", () => {
        expect(imageTraits({}, undefined, PLAN).purchasePlan).toEqual(PLAN);
    });

    it("have no security type where the model's is Standard", () => {
        expect(imageTraits({}, "Standard", undefined)).not.toHaveProperty("securityType");
    });
});

describe("an existing image definition", () => {
    const wanted = { hyperVGeneration: "V2", architecture: "x64", securityType: "TrustedLaunch", purchasePlan: PLAN };
    const fits = { ...wanted, osType: "Linux", osState: "Generalized" };

    it("fits when it is the same, whatever the case", () => {
        expect(mismatch({ ...fits, hyperVGeneration: "v2", architecture: "X64" }, wanted)).toBeUndefined();
    });

    it.each([
        ["OS type", { osType: "Windows" }],
        ["OS state", { osState: "Specialized" }],
        ["generation", { hyperVGeneration: "V1" }],
        ["architecture", { architecture: "Arm64" }],
        ["security type", { securityType: undefined }],
        ["purchase plan", { purchasePlan: undefined }],
    ])("with another %s does not fit, and that is what is said", (what, change) => {
        expect(mismatch({ ...fits, ...change }, wanted)).toContain(`its ${what} is`);
    });
});
