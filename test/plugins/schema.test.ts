// The committed schema of the azure-native stand-in says what the installed SDKs say.
import { expect, test } from "vitest";
import form from "../../components/azure/scaleSetForm.json";
import { deriveSchema } from "../../sandbox/plugins/azure-native/schema/derive";
import committed from "../../sandbox/plugins/azure-native/schema/schema.json";
import { scaleSetForm } from "../../sandbox/plugins/azure-native/schema/scaleSetForm";

const schema = deriveSchema();

test("schema.json is what the installed SDKs say (else run schema/generate.ts)", () => {
    expect(committed).toEqual(schema);
});

test("what the program has of it, for scale sets, is the same (else run schema/generate.ts)", () => {
    expect(form).toEqual(scaleSetForm(schema));
    expect(form.types.VirtualMachineScaleSetExtension.type).toBe("properties/string");
});

test("every property that the official SDK flattens is known to be inside `properties`", () => {
    const { inputTypes, resources } = schema;
    expect(resources.VirtualMachineScaleSet.inputs.virtualMachineProfile).toMatch(/^properties\//);
    expect(resources.VirtualMachineScaleSet.inputs.zones).toBe("[string]");
    expect(inputTypes.VirtualMachineScaleSetExtension.publisher).toBe("properties/string");
    expect(inputTypes.VirtualMachineScaleSetExtension.name).toBe("string");
    expect(inputTypes.VirtualMachineScaleSetNetworkConfiguration.ipConfigurations).toMatch(/^properties\//);
    expect(inputTypes.VirtualMachineScaleSetIPConfiguration.subnet).toMatch(/^properties\//);
    expect(inputTypes.VirtualMachineScaleSetPublicIPAddressConfiguration.sku).toBe("PublicIPAddressSku");
});

test("API versions are those of the official SDK's documentation", () => {
    const versions = Object.entries(schema.resources).map(([name, { apiVersion }]) => `${name} ${apiVersion}`);
    expect(versions).toEqual([
        "VirtualMachineScaleSet 2024-11-01",
        "Gallery 2024-03-03",
        "GalleryImage 2024-03-03",
        "GalleryImageVersion 2024-03-03",
        "Snapshot 2024-03-02",
        "Disk 2024-03-02",
    ]);
});
