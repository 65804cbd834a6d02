// The members of a gallery image version's request body (Microsoft.Compute/galleries/images/versions).
import { BodySchema, oneOf } from "../http/schema";

const STORAGE = oneOf("Standard_LRS", "Standard_ZRS", "Premium_LRS", "PremiumV2_LRS");
const source = {
    id: "string",
    storageAccountId: "string",
    uri: "string",
    communityGalleryImageId: "string",
    virtualMachineId: "string",
} as const;
const diskImage = { sizeInGB: "readOnly", hostCaching: oneOf("None", "ReadOnly", "ReadWrite"), source } as const;
const targetRegion = {
    ...{
        name: "string",
        regionalReplicaCount: "integer",
        encryption: "any",
        excludeFromLatest: "boolean",
        additionalReplicaSets: "any",
    },
    storageAccountType: STORAGE,
} as const;
/** Body of an image version's PUT and PATCH. */
export const imageVersionSchema = new BodySchema("GalleryImageVersion", {
    ...{ id: "readOnly", name: "readOnly", type: "readOnly", systemData: "readOnly" },
    location: "string",
    tags: { "*": "string" },
    properties: {
        publishingProfile: {
            targetRegions: [targetRegion],
            ...{
                replicaCount: "integer",
                excludeFromLatest: "boolean",
                publishedDate: "readOnly",
                endOfLifeDate: "string",
            },
            storageAccountType: STORAGE,
            replicationMode: oneOf("Full", "Shallow"),
            targetExtendedLocations: "any",
        },
        storageProfile: { source, osDiskImage: diskImage, dataDiskImages: [{ lun: "integer", ...diskImage }] },
        safetyProfile: {
            reportedForPolicyViolation: "readOnly",
            policyViolations: "readOnly",
            allowDeletionOfReplicatedLocations: "boolean",
            blockDeletionBeforeEndOfLife: "boolean",
        },
        securityProfile: "any",
        restore: "boolean",
        validationsProfile: "readOnly",
        provisioningState: "readOnly",
        replicationStatus: "readOnly",
    },
} as never);
