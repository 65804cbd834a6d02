// What an image definition must match of the VMs that start from its versions.
import { describe, expect, it } from "vitest";
import {
    controllerMatters,
    donorMismatch,
    identifierOf,
    imageTraits,
    impossibleSecurity,
    mismatch,
} from "../../../components/pool/gallery";

const PLAN = { name: "stable-gen2", product: "flatcar-container-linux-free", publisher: "kinvolk" };

describe("the traits of an image", () => {
    it("come from the node's OS disk", () => {
        const disk = {
            hyperVGeneration: "V2",
            architecture: "Arm64",
            diskControllerTypes: "SCSI, NVMe",
            purchasePlan: PLAN,
        };
        expect(imageTraits(disk, { securityType: "TrustedLaunch" })).toEqual({
            ...disk,
            securityType: "TrustedLaunch",
        });
    });

    it("are Azure's defaults where the disk says nothing", () => {
        expect(imageTraits({}, {})).toEqual({ hyperVGeneration: "V1", architecture: "x64" });
    });

    it("carry the marketplace plan of the scale set on", () => {
        expect(imageTraits({}, { plan: PLAN }).purchasePlan).toEqual(PLAN);
    });

    it("say the security type of generation 2, since Azure's default has changed", () => {
        for (const securityType of [undefined, "Standard"]) {
            expect(imageTraits({ hyperVGeneration: "V2" }, { securityType }).securityType).toBe("Standard");
            expect(imageTraits({}, { securityType })).not.toHaveProperty("securityType");
        }
    });

    it("have the disk controller of the VMs where the disk does not say which it can", () => {
        expect(imageTraits({}, { diskControllerType: "NVMe" }).diskControllerTypes).toBe("NVMe");
    });
});

describe("what Azure has no images of", () => {
    it("is a disk of generation V1 for VMs of a security type", () => {
        for (const securityType of ["TrustedLaunch", "ConfidentialVM"]) {
            expect(impossibleSecurity(imageTraits({}, { securityType }))).toBe(securityType);
            expect(impossibleSecurity(imageTraits({ hyperVGeneration: "V2" }, { securityType }))).toBeUndefined();
        }
    });

    it("is not one for others", () => {
        for (const securityType of [undefined, "Standard"]) {
            expect(impossibleSecurity(imageTraits({}, { securityType }))).toBeUndefined();
        }
    });
});

describe("the disk that an image is made of", () => {
    const [standard, trusted] = [
        { hyperVGeneration: "V2", architecture: "x64" },
        { hyperVGeneration: "V2", architecture: "x64", securityType: "TrustedLaunch" },
    ];
    const definition = (traits: typeof standard, securityType?: string) => {
        return { name: "pool1", managed: true, traits, securityType };
    };

    it.each<[string, Parameters<typeof donorMismatch>[0], Parameters<typeof donorMismatch>[1]]>([
        ["of the same kind", standard, definition(standard, "Standard")],
        ["of the same kind, whatever the case", { ...standard, architecture: "X64" }, definition(standard)],
        ["that says nothing", {}, definition({ hyperVGeneration: "V1", architecture: "x64" })],
        ["of trusted launch", trusted, definition(trusted, "TrustedLaunch")],
        ["of trusted launch, where that is supported", trusted, definition(standard, "TrustedLaunchSupported")],
        ["of none, where trusted launch is supported", standard, definition(trusted, "TrustedLaunchSupported")],
    ])("fits: one %s", (_, disk, into) => {
        expect(donorMismatch(disk, into)).toBeUndefined();
    });

    it.each<[string, Parameters<typeof donorMismatch>[0], Parameters<typeof donorMismatch>[1]]>([
        ["generation of its OS disk is V1, and", {}, definition(standard)],
        ["architecture of its OS disk is Arm64, and", { ...standard, architecture: "Arm64" }, definition(standard)],
        ["security type of its OS disk is Standard, and", standard, definition(trusted, "TrustedLaunch")],
        ["security type of its OS disk is TrustedLaunch, and", trusted, definition(standard, "Standard")],
    ])("does not fit where the %s the definition is for another", (text, disk, into) => {
        expect(donorMismatch(disk, into)).toMatch(new RegExp(`^the ${text} image definition "pool1" is for \\w+$`));
    });
});

it.each<[boolean, string, string | undefined, { diskControllerTypes?: string } | undefined]>([
    [true, "where the disk does not say which it can, for a new definition", undefined, undefined],
    [true, "where the disk does not say which it can, for an existing one", undefined, {}],
    [false, "for a new definition, which has what the disk says", "SCSI, NVMe", undefined],
    [false, "where all are SCSI", "SCSI", {}],
    [false, "where the definition takes all that the disk can", "SCSI, NVMe", { diskControllerTypes: "nvme,scsi" }],
    [true, "where the definition takes one of two", "SCSI, NVMe", { diskControllerTypes: "SCSI" }],
    [true, "where the definition says nothing and the disk can do more", "SCSI, NVMe", {}],
])("which disk controller the VMs have matters: %s, %s", (expected, _when, diskControllerTypes, existing) => {
    expect(controllerMatters({ diskControllerTypes }, existing)).toBe(expected);
});

describe("an existing image definition", () => {
    const wanted = { hyperVGeneration: "V2", architecture: "x64", securityType: "TrustedLaunch", purchasePlan: PLAN };
    const vm = { securityType: "TrustedLaunch" };
    const fits = { ...wanted, osType: "Linux", osState: "Generalized" };

    it("fits when it is the same, whatever the case", () => {
        expect(mismatch({ ...fits, hyperVGeneration: "v2", architecture: "X64" }, wanted, vm)).toBeUndefined();
    });

    it.each([
        ["OS type", { osType: "Windows" }],
        ["OS state", { osState: "Specialized" }],
        ["generation", { hyperVGeneration: "V1" }],
        ["architecture", { architecture: "Arm64" }],
        ["security type", { securityType: undefined }],
        ["purchase plan", { purchasePlan: undefined }],
    ])("with another %s does not fit, and that is what is said", (what, change) => {
        expect(mismatch({ ...fits, ...change }, wanted, vm)).toContain(`its ${what} is`);
    });

    // https://learn.microsoft.com/azure/virtual-machines/shared-image-galleries: which VMs start from which images.
    const SUPPORTED = ["TrustedLaunchSupported", "TrustedLaunchAndConfidentialVmSupported"];
    it.each<[string | undefined, string[]]>([
        [undefined, ["Standard", ...SUPPORTED, "ConfidentialVMSupported"]],
        ["Standard", ["Standard", ...SUPPORTED, "ConfidentialVMSupported"]],
        ["TrustedLaunch", ["TrustedLaunch", ...SUPPORTED]],
    ])("for VMs of security type %s fits when it is one of %s", (securityType, fitting) => {
        const all = ["Standard", "TrustedLaunch", ...SUPPORTED, "ConfidentialVM", "ConfidentialVMSupported"];
        const found = all.filter((type) => !mismatch({ ...fits, securityType: type }, wanted, { securityType }));
        expect(found.sort()).toEqual([...fitting].sort());
    });

    it.each<[string | undefined, string | undefined, boolean]>([
        [undefined, undefined, true],
        [undefined, "SCSI", true],
        [undefined, "NVMe", false],
        ["SCSI", "NVMe", false],
        ["SCSI, NVMe", "NVMe", true],
        ["SCSI,NVME", "SCSI", true],
        ["NVMe", "SCSI", false],
    ])("for disk controllers %s fits VMs with %s: %s", (diskControllerTypes, diskControllerType, expected) => {
        const found = mismatch({ ...fits, diskControllerTypes }, wanted, { ...vm, diskControllerType });
        expect(found === undefined).toBe(expected);
    });

    it("of an earlier version of this program still fits: it promises less than its disks can, and enough for the VMs", () => {
        const disk = { hyperVGeneration: "V2", diskControllerTypes: "SCSI, NVMe" };
        const existing = { hyperVGeneration: "V2", architecture: "x64" };
        expect(mismatch(existing, imageTraits(disk, {}), {})).toBeUndefined();
    });
});

describe("the identifier of a new definition", () => {
    it("has the definition's name for its SKU, cut to the 64 characters that Azure takes, with a digest", () => {
        expect(identifierOf("pool1")).toEqual({ publisher: "kamino", offer: "node-image", sku: "pool1" });
        expect(identifierOf("a".repeat(64)).sku).toBe("a".repeat(64));
        const [one, other] = ["x", "y"].map((end) => identifierOf("a".repeat(64) + end).sku);
        expect(one).toMatch(/^a{55}-[0-9a-f]{8}$/);
        expect(other).not.toBe(one);
    });
});
