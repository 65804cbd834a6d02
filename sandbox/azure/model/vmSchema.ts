// The members of a scale set VM's request body (Microsoft.Compute/virtualMachineScaleSets/virtualMachines).
import { BodySchema, oneOf, type Shape } from "../http/schema";

const readOnly = (...names: string[]): Record<string, Shape> =>
    Object.fromEntries(names.map((name) => [name, "readOnly"]));
const any = (...names: string[]): Record<string, Shape> => Object.fromEntries(names.map((name) => [name, "any"]));

/** A data disk of an instance or a single VM. */
export const vmDataDisk: Shape = {
    lun: "integer",
    name: "string",
    caching: oneOf("None", "ReadOnly", "ReadWrite"),
    createOption: oneOf("FromImage", "Empty", "Attach", "Copy", "Restore"),
    diskSizeGB: "integer",
    writeAcceleratorEnabled: "boolean",
    toBeDetached: "boolean",
    detachOption: oneOf("ForceDetach"),
    deleteOption: oneOf("Delete", "Detach"),
    managedDisk: {
        id: "string",
        storageAccountType: "string",
        diskEncryptionSet: { id: "string" },
        securityProfile: "any",
    },
    ...any("image", "vhd", "sourceResource"),
    ...readOnly("diskIOPSReadWrite", "diskMBpsReadWrite"),
};

/** Body of a scale set VM's PUT. Of what it takes, the data disks and the tags are changed. */
export const vmSchema = new BodySchema("VirtualMachineScaleSetVM", {
    ...readOnly("id", "name", "type", "etag", "instanceId", "resources", "sku", "zones"),
    location: "string",
    tags: { "*": "string" },
    ...any("plan", "identity"),
    properties: {
        ...readOnly("latestModelApplied", "vmId", "instanceView", "provisioningState", "timeCreated"),
        ...readOnly("modelDefinitionApplied"),
        ...any("hardwareProfile", "resilientVMDeletionStatus", "additionalCapabilities", "osProfile"),
        ...any("securityProfile", "networkProfile", "networkProfileConfiguration", "diagnosticsProfile"),
        ...any("availabilitySet", "protectionPolicy"),
        licenseType: "string",
        userData: "string",
        storageProfile: {
            ...any("imageReference", "osDisk", "diskControllerType", "alignRegionalDisksToVMZone"),
            dataDisks: [vmDataDisk],
        },
    },
});
