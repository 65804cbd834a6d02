// What a pool is made of, as far as it is known before anything is declared: types alone.
import type { GalleryId, ScaleSetId } from "../azure/ids";
import type { DiskAccess } from "../capture/protection";
import type { PoolSettings } from "../config/load";
import type { MachinePoolFacts } from "./machinePool";
import type { MachinesFacts } from "./machines";
import type { PoolModel } from "./model";

/** A gallery that images go to: made by this stack, or an existing one, which is only used. */
export type GallerySettings = GalleryId & { location: string } & (ManagedGallery | { managed: false });

/** What is known of a gallery that this stack makes. */
export interface ManagedGallery {
    managed: true;
    /** Its name in the stack. */
    resourceName: string;
    /** Whether this run takes it into the stack: this stack has made it, and its state does not have it. */
    imports?: boolean;
}

/** What an image definition says of the VMs that start from its images. */
export interface ImageTraits {
    hyperVGeneration: string;
    architecture: string;
    securityType?: string;
    /** Disk controllers that the image has drivers for, as Azure lists them: `SCSI, NVMe`. */
    diskControllerTypes?: string;
    purchasePlan?: { name?: string; product?: string; publisher?: string };
}

/** How Azure keeps the versions of a pool's images. */
export interface ImageStorage {
    targetRegions: string[];
    storageAccountType: string;
    /** Whether each of the regions is known to have availability zones. */
    isZoned: boolean;
    /** ARM id of the disk encryption set of the nodes' OS disks, which encrypts the images as well. */
    diskEncryptionSetId?: string;
}

/** A pool that may be changed, with all that its resources are declared from. */
export interface Pool {
    settings: PoolSettings;
    /** Where the pool stands in the configuration, to begin messages with. */
    configKey: string;
    /** The scale set; of single VMs their subscription and resource group, and the name of what makes them. */
    scaleSet: ScaleSetId;
    /** The scale set's model as it was at the start of this run; of single VMs what one of them is like. */
    live: PoolModel;
    /** What the management cluster says of it, where it is a MachinePool. */
    machinePool?: MachinePoolFacts;
    /** What the management cluster says of it, where it is a MachineDeployment or MachineSet. */
    machines?: MachinesFacts;
    /** The image that new machines start from, as a model refers to it. */
    liveImage: { id?: string };
    location: string;
    gallery: GallerySettings;
    /**
     * As of the gallery: whether this stack makes it, and whether this run takes it into the stack. Its security type
     * is what it says itself, where it exists: that may be more than the pool's VMs need.
     */
    definition: { name: string; managed: boolean; imports?: boolean; traits: ImageTraits; securityType?: string };
    /** The version of this pool's own definition that the live model points at, if it does. */
    liveVersion?: string;
    storage: ImageStorage;
    /** By which ways the nodes' OS disks can be read, where there is one to look at. */
    diskAccess?: DiskAccess;
    /** Further tags of everything that is made for the pool. */
    tags: Record<string, string>;
    /** Identifies the stack that declares the pool, for tags. */
    stack: string;
}
