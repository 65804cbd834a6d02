// The members of a single VM's request body, and of its extensions' (Microsoft.Compute/virtualMachines).
import { BodySchema, oneOf, type Shape } from "../http/schema";
import { identityShape, linuxOsProfile, planShape, profileParts, storageShape } from "./schema";
import { vmDataDisk } from "./vmSchema";

const any = (...names: string[]): Record<string, Shape> => Object.fromEntries(names.map((name) => [name, "any"]));
const readOnly = (...names: string[]): Record<string, Shape> =>
    Object.fromEntries(names.map((name) => [name, "readOnly"]));
const id: Shape = { id: "string" };

const osDisk: Shape = {
    ...storageShape.osDisk,
    deleteOption: oneOf("Delete", "Detach"),
    managedDisk: { ...storageShape.osDisk.managedDisk, id: "string" },
};

const networkInterface: Shape = {
    id: "string",
    properties: { primary: "boolean", deleteOption: oneOf("Delete", "Detach") },
};

/** Body of a VM's PUT and PATCH. */
export const virtualMachineSchema = new BodySchema("VirtualMachine", {
    ...readOnly("id", "name", "type", "etag", "resources", "managedBy", "systemData"),
    location: "string",
    tags: { "*": "string" },
    plan: planShape,
    identity: identityShape,
    zones: ["string"],
    ...any("extendedLocation", "placement"),
    properties: {
        ...readOnly("vmId", "instanceView", "provisioningState", "timeCreated"),
        hardwareProfile: { vmSize: "string", vmSizeProperties: "any" },
        osProfile: { ...linuxOsProfile, computerName: "string" },
        storageProfile: { ...storageShape, osDisk, dataDisks: [vmDataDisk], alignRegionalDisksToVMZone: "boolean" },
        networkProfile: {
            networkInterfaces: [networkInterface],
            ...any("networkInterfaceConfigurations"),
            networkApiVersion: "string",
        },
        availabilitySet: id,
        virtualMachineScaleSet: id,
        proximityPlacementGroup: id,
        ...{ host: id, hostGroup: id },
        ...profileParts,
        additionalCapabilities: { ultraSSDEnabled: "boolean", hibernationEnabled: "boolean" },
        extensionsTimeBudget: "string",
        platformFaultDomain: "integer",
        scheduledEventsPolicy: "any",
    },
});

/** Body of the PUT of a VM's extension. */
export const vmExtensionSchema = new BodySchema("VirtualMachineExtension", {
    ...readOnly("id", "name", "type"),
    location: "string",
    tags: { "*": "string" },
    properties: {
        forceUpdateTag: "string",
        publisher: "string",
        type: "string",
        typeHandlerVersion: "string",
        autoUpgradeMinorVersion: "boolean",
        enableAutomaticUpgrade: "boolean",
        suppressFailures: "boolean",
        ...any("settings", "protectedSettings", "protectedSettingsFromKeyVault"),
        provisionAfterExtensions: ["string"],
        ...readOnly("provisioningState", "instanceView"),
    },
});
