// The resource types and functions that the stand-in serves, with their place in Azure Resource Manager.

/** Where a resource type lives in ARM, and what its schema is derived from. */
export interface ResourcePlace {
    /** Path of one resource. Each `{name}` but the subscription is an input of that name. */
    path: string;
    /**
     * The models of `@azure/arm-compute` that say how the type looks on the wire: module, serializer and deserializer.
     */
    wire: { models: string; name: string };
}

const COMPUTE = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Compute";

/** By resource name: `azure-native:compute:NAME`, and `azure-native:compute:getNAME` for its function. */
export const COMPUTE_RESOURCES: Record<string, ResourcePlace> = {
    VirtualMachineScaleSet: {
        path: `${COMPUTE}/virtualMachineScaleSets/{vmScaleSetName}`,
        wire: { models: "compute", name: "virtualMachineScaleSet" },
    },
    Gallery: {
        path: `${COMPUTE}/galleries/{galleryName}`,
        wire: { models: "computeGallery", name: "gallery" },
    },
    GalleryImage: {
        path: `${COMPUTE}/galleries/{galleryName}/images/{galleryImageName}`,
        wire: { models: "computeGallery", name: "galleryImage" },
    },
    GalleryImageVersion: {
        path: `${COMPUTE}/galleries/{galleryName}/images/{galleryImageName}/versions/{galleryImageVersionName}`,
        wire: { models: "computeGallery", name: "galleryImageVersion" },
    },
    Snapshot: {
        path: `${COMPUTE}/snapshots/{snapshotName}`,
        wire: { models: "computeDisk", name: "snapshot" },
    },
    Disk: {
        path: `${COMPUTE}/disks/{diskName}`,
        wire: { models: "computeDisk", name: "disk" },
    },
};
