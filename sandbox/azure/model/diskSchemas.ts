// The members of a disk's and a snapshot's request body (Microsoft.Compute/disks and snapshots).
import { BodySchema, oneOf, type Shape } from "../http/schema";

const common: Record<string, Shape> = {
    osType: oneOf("Linux", "Windows"),
    hyperVGeneration: oneOf("V1", "V2"),
    purchasePlan: { name: "string", publisher: "string", product: "string", promotionCode: "string" },
    supportedCapabilities: {
        diskControllerTypes: "string",
        acceleratedNetwork: "boolean",
        architecture: oneOf("x64", "Arm64"),
        supportedSecurityOption: "string",
    },
    creationData: {
        createOption: oneOf("Copy", "CopyStart", "Empty", "FromImage", "Import", "Restore", "Upload"),
        storageAccountId: "string",
        imageReference: "any",
        galleryImageReference: "any",
        sourceUri: "string",
        sourceResourceId: "string",
        sourceUniqueId: "readOnly",
        uploadSizeBytes: "integer",
        logicalSectorSize: "integer",
        securityDataUri: "string",
        securityMetadataUri: "string",
        performancePlus: "boolean",
        elasticSanResourceId: "string",
        provisionedBandwidthCopySpeed: "string",
        instantAccessDurationMinutes: "integer",
    },
    diskSizeGB: "integer",
    encryptionSettingsCollection: "any",
    encryption: { diskEncryptionSetId: "string", type: "string" },
    networkAccessPolicy: oneOf("AllowAll", "AllowPrivate", "DenyAll"),
    diskAccessId: "string",
    securityProfile: { securityType: "string", secureVMDiskEncryptionSetId: "string" },
    supportsHibernation: "boolean",
    publicNetworkAccess: oneOf("Enabled", "Disabled"),
    completionPercent: "number",
    dataAccessAuthMode: "string",
    ...Object.fromEntries(
        ["provisioningState", "timeCreated", "diskSizeBytes", "diskState", "uniqueId"].map((name) => [
            name,
            "readOnly",
        ]),
    ),
};
const top: Record<string, Shape> = {
    ...{
        id: "readOnly",
        name: "readOnly",
        type: "readOnly",
        systemData: "readOnly",
        managedBy: "readOnly",
        managedByExtended: "readOnly",
    },
    location: "string",
    tags: { "*": "string" },
    sku: { name: "string", tier: "readOnly" },
    extendedLocation: { name: "string", type: "string" },
};
/** Bodies of PUT and PATCH, by kind. */
export const diskSchemas: Record<"disks" | "snapshots", BodySchema> = {
    snapshots: new BodySchema("Snapshot", {
        ...top,
        properties: {
            ...common,
            incremental: "boolean",
            incrementalSnapshotFamilyId: "readOnly",
            copyCompletionError: "readOnly",
            snapshotAccessState: "readOnly",
        },
    }),
    disks: new BodySchema("Disk", {
        ...top,
        zones: ["string"],
        properties: {
            ...common,
            ...{
                diskIOPSReadWrite: "integer",
                diskMBpsReadWrite: "integer",
                diskIOPSReadOnly: "integer",
                diskMBpsReadOnly: "integer",
                maxShares: "integer",
            },
            ...{
                tier: "string",
                burstingEnabled: "boolean",
                optimizedForFrequentAttach: "boolean",
                shareInfo: "readOnly",
                propertyUpdatesInProgress: "readOnly",
            },
        } as Shape,
    }),
};
