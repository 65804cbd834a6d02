// Type tokens of the resources of a pool, as the engine writes them in its events. Plain data.

/** The dynamic resource of selection/nodeSelection.ts. */
export const NODE_SELECTION_TYPE = "pulumi-nodejs:dynamic/kamino:NodeSelection";

/** A pool's scale set. */
export const SCALE_SET_TYPE = "azure-native:compute:VirtualMachineScaleSet";

/** The dynamic resource of capture/osDiskCapture.ts. */
export const CAPTURE_TYPE = "pulumi-nodejs:dynamic/kamino:OsDiskCapture";

/** The dynamic resource of pool/foreignChangesResource.ts. */
export const FOREIGN_CHANGES_TYPE = "pulumi-nodejs:dynamic/kamino:ForeignChanges";

/** An image version of a pool. */
export const IMAGE_VERSION_TYPE = "azure-native:compute:GalleryImageVersion";

/** The dynamic resource of capi/machinePoolImage.ts. */
export const MACHINE_POOL_IMAGE_TYPE = "pulumi-nodejs:dynamic/kamino:MachinePoolImage";

/** The dynamic resource of capi/machineTemplate.ts. */
export const MACHINE_TEMPLATE_TYPE = "pulumi-nodejs:dynamic/kamino:MachineTemplate";

/** The dynamic resource of capi/infrastructureRef.ts. */
export const INFRASTRUCTURE_REF_TYPE = "pulumi-nodejs:dynamic/kamino:InfrastructureRef";

/** The dynamic resource of pool/newUpdatedNodes.ts. */
export const NEW_UPDATED_NODES_TYPE = "pulumi-nodejs:dynamic/kamino:NewUpdatedNodes";
