// Type tokens of the resources of a pool, as the engine writes them in its events. Plain data.

/** The dynamic resource of selection/nodeSelection.ts. */
export const NODE_SELECTION_TYPE = "pulumi-nodejs:dynamic/kamino:NodeSelection";

/** A pool's scale set. */
export const SCALE_SET_TYPE = "azure-native:compute:VirtualMachineScaleSet";
